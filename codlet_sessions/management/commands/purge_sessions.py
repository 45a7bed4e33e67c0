"""The command for cron."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db import Error, connections, router

from codlet_sessions import conf
from codlet_sessions.census import take_census
from codlet_sessions.models import Session
from codlet_sessions.purge import BATCH_SIZE, RETAIN_EXPIRED, RETAIN_REVOKED, PurgeReport, purge

try:
    from tqdm import tqdm
except ImportError:  # the "progress" extra is not installed
    tqdm = None

INTERRUPTED = 130  # what a shell reports for SIGINT


class Command(BaseCommand):
    """Parse, refuse, call `purge` and `take_census`, print."""

    help = (
        "Deletes sessions that expired or were revoked longer ago than they are retained for, in small batches, "
        "and writes down how many are left, for the admin's picture of sessions over time. "
        "Meant for cron, once a day. Can be interrupted and run again at any point; two at once do no harm."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--retain-expired",
            type=float,
            default=RETAIN_EXPIRED.days,
            metavar="DAYS",
            help=f"keep expired sessions this many days after they expired (default: {RETAIN_EXPIRED.days})",
        )
        parser.add_argument(
            "--retain-revoked",
            type=float,
            default=RETAIN_REVOKED.days,
            metavar="DAYS",
            help=f"keep revoked sessions this many days after they were revoked (default: {RETAIN_REVOKED.days})",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=BATCH_SIZE,
            metavar="ROWS",
            help=f"delete at most this many rows in one statement (default: {BATCH_SIZE})",
        )
        parser.add_argument(
            "--pause",
            type=float,
            metavar="SECONDS",
            help="wait this long after each batch (default: as long as the batch took)",
        )
        parser.add_argument("--dry-run", action="store_true", help="count what would be deleted, and delete nothing")
        parser.add_argument(
            "--no-census",
            action="store_true",
            help="do not count afterwards how many sessions there are, which reads the whole table once",
        )
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            help="the database (default: the one that DATABASE_ROUTERS name for writing sessions)",
        )
        parser.add_argument("--json", action="store_true", help="print the summary as one line of JSON")

    counted: int | None

    def handle(self, **options: Any) -> None:
        """Purge, and print one line that says what became of it."""
        self.report, self.counted = PurgeReport(), None
        options["database"] = options["database"] or router.db_for_write(Session)
        if options["database"] not in connections:
            raise CommandError(
                f"There is no database {options['database']!r}. DATABASES has: {', '.join(connections)}."
            )
        try:
            with self._progress(options) as show:
                self._purge(options, show)
            self._take_census(options)
        except KeyboardInterrupt:
            self._summarize(options)
            raise CommandError("Interrupted. Nothing is lost: run it again to go on.", returncode=INTERRUPTED) from None
        except (ValueError, OverflowError) as error:
            raise CommandError(f"Nothing was deleted: {error}") from error
        except Error as error:
            self._summarize(options)
            raise CommandError(f"The database failed; nothing is lost: run it again to go on. ({error})") from error
        self._summarize(options, complete=True)

    def _take_census(self, options: dict[str, Any]) -> None:
        if not (options["no_census"] or options["dry_run"]):
            self.counted = take_census(using=options["database"])

    def _purge(self, options: dict[str, Any], show: Callable[[PurgeReport], None]) -> None:
        def on_batch(report: PurgeReport) -> None:
            self.report = report
            show(report)

        self.report = purge(**_arguments(options), dry_run=options["dry_run"], on_batch=on_batch)

    @contextmanager
    def _progress(self, options: dict[str, Any]) -> Iterator[Callable[[PurgeReport], None]]:
        if options["json"] or not self.stderr.isatty():
            yield lambda report: None
        elif tqdm is None:
            yield self._line
        else:
            total = purge(**_arguments(options), dry_run=True).sessions
            with tqdm(total=total, unit=" sessions", file=_Unstyled(self.stderr)) as bar:
                yield lambda report: bar.update(report.sessions - bar.n)

    def _line(self, report: PurgeReport) -> None:
        line = f"{report.sessions} sessions in {report.batches} batches so far"
        self.stderr.write(line, style_func=str)  # or it would be in red

    def _summarize(self, options: dict[str, Any], *, complete: bool = False) -> None:
        facts = {
            **asdict(self.report),
            "database": options["database"],
            "dry_run": options["dry_run"],
            "complete": complete,
            "counted": self.counted,
        }
        facts["seconds"] = round(self.report.seconds, 3)
        self.stdout.write(json.dumps(facts) if options["json"] else _in_words(facts))


class _Unstyled:
    """The command's error stream for a bar that draws itself: no newline after each stroke, and not in red."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        self._stream.write(text, style_func=str, ending="")

    def flush(self) -> None:
        self._stream.flush()


_SENTENCE = {
    False: "Deleted %(expired)d expired and %(revoked)d revoked sessions,"
    " and what was known of the clients of %(forgotten)d more,"
    " from %(database)r in %(batches)d batches and %(seconds).1f seconds.",
    True: "Would delete %(expired)d expired and %(revoked)d revoked sessions,"
    " and what is known of the clients of %(forgotten)d more,"
    " from %(database)r in %(batches)d batches.",
}


_COUNTED = " Sessions left: %(counted)d."


def _in_words(facts: dict[str, Any]) -> str:
    sentence = _SENTENCE[facts["dry_run"]] if facts["counted"] is None else _SENTENCE[False] + _COUNTED
    return sentence % facts


def _arguments(options: dict[str, Any]) -> dict[str, Any]:
    pause = options["pause"]
    return {
        "using": options["database"],
        "batch_size": options["batch_size"],
        "retain_expired": timedelta(days=float(options["retain_expired"])),
        "retain_revoked": timedelta(days=float(options["retain_revoked"])),
        "retain_clients": conf.client_retention(),
        "pause": None if pause is None else timedelta(seconds=float(pause)),
    }
