"""Deleting what is over, one bounded piece at a time."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import router
from django.utils import timezone

from codlet_sessions.insisting import insisting
from codlet_sessions.models import RetiredKey, Session
from codlet_sessions.querysets import NOTHING_KNOWN, RetiredKeyQuerySet, SessionQuerySet

RETAIN_EXPIRED: Final = timedelta(days=7)
RETAIN_REVOKED: Final = timedelta(days=30)  # the audit asks about these
BATCH_SIZE: Final = 1000
_LONGEST_PAUSE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """
    How far a purge has come.

    Attributes:
        expired, revoked: How many sessions of each kind were deleted (in a dry run: would be). One that ended because
            nobody used it has expired.
        forgotten: Of how many more, which stay, what was known of their clients was deleted.
        batches: In how many statements.
        seconds: How long it took, pauses included.

    """

    expired: int = 0
    revoked: int = 0
    forgotten: int = 0
    batches: int = 0
    seconds: float = 0.0

    @property
    def sessions(self) -> int:
        """How many sessions were deleted in all."""
        return self.expired + self.revoked


def purge(
    *,
    retain_expired: timedelta = RETAIN_EXPIRED,
    retain_revoked: timedelta = RETAIN_REVOKED,
    retain_clients: timedelta = timedelta(),
    batch_size: int = BATCH_SIZE,
    pause: timedelta | None = None,
    dry_run: bool = False,
    using: str | None = None,
    now: datetime | None = None,
    on_batch: Callable[[PurgeReport], None] = lambda report: None,
) -> PurgeReport:
    """
    Delete the sessions that expired or were revoked longer ago than they are retained for.

    A revoked session is retained by the moment it was revoked, whether or not it has expired since. Each batch is one
    DELETE in a transaction of its own: stopped at any point, nothing is lost and the next call goes on; two calls at
    once share the work. Expired sessions go by ranges of ``expires_at``: on PostgreSQL, ``id IN (SELECT … LIMIT n)``
    would scan the whole table for every batch. Revoked ones, those that nobody used for too long, and clients to be
    forgotten are each looked for in one walk along the primary key.

    Args:
        retain_expired, retain_revoked: How long sessions are kept after their end.
        retain_clients: How long what is known of their clients is.
        batch_size: How many rows one statement deletes at most.
        pause: How long to wait after each batch; when not given, as long as the batch took.
        dry_run: Count and delete nothing.
        using: The database alias; when not given, the one that the routers name for writing.
        now: The moment to count back from.
        on_batch: Called after each batch with the report so far.

    Raises:
        ValueError: A retention or pause is negative, or the batch size is not positive.
        django.db.Error: The database failed. What was deleted until then stays deleted.

    """
    if pause is not None and pause > _LONGEST_PAUSE:
        raise ValueError("a pause longer than a day is not one.")
    if min(retain_expired, retain_revoked, retain_clients, pause or timedelta()) < timedelta() or batch_size < 1:
        raise ValueError("retentions and the pause must not be negative, and a batch needs at least one row.")
    now = now or timezone.now()
    sessions = SessionQuerySet(Session, using=using or router.db_for_write(Session))
    expired, revoked, clients = (now - span for span in (retain_expired, retain_revoked, retain_clients))
    work: Sequence[tuple[str, Callable[[SessionQuerySet], int], Iterator[SessionQuerySet]]] = (
        ("expired", _delete, sessions.past_their_end(expired).windows("expires_at", batch_size)),
        ("expired", _delete, sessions.left_idle(expired).chunks(batch_size)),
        ("revoked", _delete, sessions.revoked_before(revoked).chunks(batch_size)),
        ("forgotten", _forget_clients, sessions.remembering_clients(clients).chunks(batch_size)),
    )
    report, started = PurgeReport(), time.monotonic()
    for kind, carry_out, batch in ((kind, carry_out, batch) for kind, carry_out, batches in work for batch in batches):
        batch_started = time.monotonic()
        count = batch.count() if dry_run else insisting(partial(carry_out, batch), sessions.db)
        took = time.monotonic() - batch_started
        report = _grown(report, kind, count, seconds=time.monotonic() - started)
        on_batch(report)
        if not dry_run:
            time.sleep(took if pause is None else pause.total_seconds())
    if not dry_run:
        RetiredKeyQuerySet(RetiredKey, using=sessions.db).over(now).delete_rows()
    return replace(report, seconds=time.monotonic() - started)


def _grown(report: PurgeReport, kind: str, count: int, *, seconds: float) -> PurgeReport:
    counted = {kind: getattr(report, kind) + count}
    return replace(report, **counted, batches=report.batches + 1, seconds=seconds)


def _delete(batch: SessionQuerySet) -> int:
    return batch.delete_rows()


def _forget_clients(batch: SessionQuerySet) -> int:
    return batch.update(**NOTHING_KNOWN)
