"""Ending many sessions, one bounded piece at a time: after a leak, or for what no signal told."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from codlet_sessions import events
from codlet_sessions.purge import BATCH_SIZE
from codlet_sessions.querysets import SessionQuerySet
from codlet_sessions.records import Cause
from codlet_sessions.subjects import outdated_reason


@dataclass(frozen=True, slots=True)
class SweepReport:
    """
    How far a sweep has come.

    Attributes:
        revoked: How many sessions were ended for each reason (in a dry run: would be).
        batches: In how many statements.

    """

    revoked: dict[str, int] = field(default_factory=dict)
    batches: int = 0

    @property
    def sessions(self) -> int:
        """How many sessions were ended in all."""
        return sum(self.revoked.values())


def sweep(
    rows: SessionQuerySet,
    cause_of: Callable[[str], Cause],
    now: datetime,
    *,
    reason: str | None = None,
    batch_size: int = BATCH_SIZE,
    pause: timedelta = timedelta(),
    dry_run: bool = False,
    on_batch: Callable[[SweepReport], None] = lambda report: None,
) -> SweepReport:
    """
    End those of ``rows`` that are active: all of them, or only those that their user's credentials have left behind.

    Reads along the primary key and ends what it finds by id. Each batch is one conditional UPDATE in a transaction of
    its own: stopped at any point, what was ended stays ended, and the next call goes on.

    Args:
        rows: The sessions to look at.
        cause_of: Returns the cause for a reason.
        now: The moment of the revocation.
        reason: Why they all are ended; when not given, those whose user is gone, may not sign in any longer or has
            other credentials by now, each for that reason.
        batch_size: How many rows are looked at, and ended, at once.
        pause: How long to wait after each batch that ended something.
        dry_run: Count and end nothing.
        on_batch: Called after each batch with the report so far.

    Raises:
        django.db.Error: The database failed.

    """
    report = SweepReport()
    for batch in rows.active(now).chunks(batch_size):
        for why, found in _reasons(batch, reason).items():
            ending = rows.filter(id__in=list(found))
            if reason is None:  # what has been renewed since it was read has other credentials by now
                ending = ending.vouched_by({auth_hash for auth_hash in found.values() if auth_hash is not None})
            count = len(found) if dry_run else ending.revoke(now, cause_of(why))
            counted = {**report.revoked, why: report.revoked.get(why, 0) + count}
            report = replace(report, revoked=counted, batches=report.batches + 1)
            on_batch(report)
            if not dry_run:
                time.sleep(pause.total_seconds())
    return report


def tell(report: SweepReport, cause_of: Callable[[str], Cause], sender: type) -> None:
    """Tell of each reason that sessions were ended for."""
    for why, count in report.revoked.items():
        if count:
            events.many_revoked(count, cause_of(why)).tell(sender)


def _reasons(batch: SessionQuerySet, reason: str | None) -> dict[str, dict[UUID, str | None]]:
    if reason is not None:
        every = dict(batch.values_list("id", "auth_hash"))
        return {reason: every} if every else {}
    found: dict[str, dict[UUID, str | None]] = defaultdict(dict)
    for row, why in _outdated(batch):
        found[why][row.pk] = row.auth_hash
    return found


def _outdated(batch: SessionQuerySet) -> Iterator[tuple[Any, str]]:
    # Not asked in SQL whether there is a user: Django would join so that the sessions of deleted ones are left out.
    for row in batch.select_related("user").only("id", "auth_hash", "user"):
        if row.user_id is not None and (why := outdated_reason(row.user, row.auth_hash)) is not None:
            yield row, why
