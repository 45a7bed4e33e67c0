"""The command for three in the morning."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connections, router
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from codlet_sessions import conf
from codlet_sessions.manager import SessionManager
from codlet_sessions.models import MAX_REASON_LENGTH, Session
from codlet_sessions.purge import BATCH_SIZE
from codlet_sessions.querysets import SessionQuerySet
from codlet_sessions.records import Cause, RevocationReason
from codlet_sessions.sweep import SweepReport, sweep, tell


class Command(BaseCommand):
    """Parse, refuse, call `sweep`, print."""

    help = (
        "Ends sessions for good: one, those of a user or subject, those of a key version, those that changed or"
        " deactivated users have left behind, or all. Can be interrupted and run again at any point. Needs no key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--id", metavar="UUID", help="the session with this id")
        whose.add_argument("--user", metavar="NAME", help="all sessions of the user who signs in under this name")
        whose.add_argument("--subject", help="all sessions of this subject, such as 'device:42'")
        whose.add_argument("--key-version", metavar="VERSION", help="all sessions stored under this key version")
        whose.add_argument("--all", action="store_true", help="all sessions of everybody")
        whose.add_argument(
            "--outdated",
            action="store_true",
            help="those whose user is gone, deactivated or has another password by now: what QuerySet.update() did",
        )
        parser.add_argument(
            "--before", metavar="MOMENT", help="only those that began before, such as 2026-11-24T03:00Z"
        )
        parser.add_argument("--reason", help="why, at most 32 characters (default: 'requested', or 'key_lost')")
        parser.add_argument(
            "--batch-size", type=int, default=BATCH_SIZE, metavar="ROWS", help=f"rows at once (default: {BATCH_SIZE})"
        )
        parser.add_argument(
            "--pause", type=float, default=0.0, metavar="SECONDS", help="wait this long after each batch (default: 0)"
        )
        parser.add_argument("--dry-run", action="store_true", help="count what would be ended, and end nothing")
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            help="the database (default: the one that DATABASE_ROUTERS name for writing sessions)",
        )
        parser.add_argument("--json", action="store_true", help="print the summary as one line of JSON")

    def handle(self, **options: Any) -> None:
        """End the sessions, and print one line that says what became of it."""
        rows, reason = self._rows(options), self._reason(options)
        self.report = SweepReport()
        try:
            self.report = sweep(
                rows,
                _cause_of,
                timezone.now(),
                reason=reason,
                batch_size=options["batch_size"],
                pause=timedelta(seconds=options["pause"]),
                dry_run=options["dry_run"],
                on_batch=self._note,
            )
        except KeyboardInterrupt:
            self._summarize(options)
            raise CommandError(
                "Interrupted. What was ended stays ended: run it again to go on.", returncode=130
            ) from None
        except Error as error:
            self._summarize(options)
            raise CommandError(
                f"The database failed; what was ended stays ended: run it again to go on. ({error})"
            ) from error
        self._summarize(options, complete=True)

    def _note(self, report: SweepReport) -> None:
        self.report = report

    def _rows(self, options: dict[str, Any]) -> SessionQuerySet:
        using = options["database"] or router.db_for_write(Session)
        if using not in connections:
            raise CommandError(f"There is no database {using!r}. DATABASES has: {', '.join(connections)}.")
        if options["batch_size"] < 1 or options["pause"] < 0:
            raise CommandError("Nothing was ended: a batch needs at least one row, and a pause must not be negative.")
        rows = _chosen(SessionQuerySet(Session, using=using), options)
        return rows if options["before"] is None else rows.filter(created_at__lt=_moment(options["before"]))

    def _reason(self, options: dict[str, Any]) -> str | None:
        reason: str | None = options["reason"]
        if options["outdated"]:
            if reason is not None:
                raise CommandError("--outdated finds the reason of each session itself: leave --reason out.")
            return None
        if reason is not None and (len(reason) > MAX_REASON_LENGTH or "\0" in reason):
            raise CommandError(f"The reason is {len(reason)} characters long; {MAX_REASON_LENGTH} are allowed.")
        default = RevocationReason.REQUESTED if options["key_version"] is None else RevocationReason.KEY_LOST
        return str(default) if reason is None else reason

    def _summarize(self, options: dict[str, Any], *, complete: bool = False) -> None:
        report = self.report
        if not options["dry_run"]:
            tell(report, _cause_of, SessionManager)
        if options["json"]:
            facts = {"revoked": report.revoked, "sessions": report.sessions, "batches": report.batches}
            self.stdout.write(json.dumps({**facts, "dry_run": options["dry_run"], "complete": complete}))
            return
        reasons = ", ".join(f"{why}: {count}" for why, count in report.revoked.items())
        verb = "Would end" if options["dry_run"] else "Ended"
        self.stdout.write(f"{verb} {report.sessions} sessions{f' ({reasons})' if reasons else ''}.")


def _chosen(rows: SessionQuerySet, options: dict[str, Any]) -> SessionQuerySet:
    if options["id"] is not None:
        return rows.filter(id=_session_id(options["id"]))
    if options["user"] is not None:
        return rows.of_subject(_subject_called(options["user"]))
    if options["subject"] is not None:
        return rows.of_subject(options["subject"])
    if options["key_version"] is not None:
        return rows.filter(key_version=options["key_version"])
    return rows


def _session_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CommandError(f"{text!r} is no session id: that is a UUID, as the admin shows it.") from None


def _subject_called(name: str) -> str:
    model = get_user_model()
    user = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    if user is None:
        raise CommandError(
            f"There is no user {name!r} (by {model.USERNAME_FIELD}). Is it deleted? Give its primary key: --subject PK."
        )
    return str(user.pk)


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{text!r} is no moment: write it as 2026-11-24T03:00Z.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _cause_of(reason: str) -> Cause:
    return Cause(reason, forgets_client=not conf.client_retention())
