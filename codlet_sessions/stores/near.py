"""
Copies in the memory of one process. What happens in another process is seen late here, by up to the life of a copy.

What happens in this one is seen at once: a change of a row drops its copy, and what was being looked up meanwhile is
not kept.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

from codlet_sessions.records import LookupKey, SessionRecord

MOST_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """When a look-up began, and how many changes there had been by then."""

    began: float
    changes: int


@dataclass(frozen=True, slots=True)
class _Kept:
    record: SessionRecord
    path: Sequence[LookupKey]
    until: float


class NearCopies:
    """
    Copies by lookup key, of at most 10,000 sessions; the ones that came first go first. For any number of threads.

    Args:
        span: The life of a copy, in seconds.
        clock: Returns seconds that only ever grow.

    """

    def __init__(self, span: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._span, self._clock = span, clock
        self._kept: dict[LookupKey, _Kept] = {}
        self._changes = 0
        self._lock = Lock()

    def find(self, path: Sequence[LookupKey]) -> SessionRecord | None:
        """Return the copy of the row at the end of ``path``, if it was kept for the same one."""
        kept = self._kept.get(path[-1])
        return kept.record if kept is not None and kept.path == path and self._clock() < kept.until else None

    def ticket(self) -> Ticket:
        """Return what `keep` has to be shown: to be taken before anything is looked up."""
        return Ticket(self._clock(), self._changes)

    def keep(self, record: SessionRecord, path: Sequence[LookupKey], ticket: Ticket, at_most: float) -> None:
        """
        Keep a copy, unless rows have changed since the look-up began.

        Args:
            record: The row.
            path: The lookup keys by which it was found (see `codlet_sessions.stores.copies.written`).
            ticket: What `ticket` returned at the beginning.
            at_most: Its longest life, in seconds from then.

        """
        with self._lock:
            if ticket.changes != self._changes:
                return
            self._kept.pop(record.lookup_key, None)
            self._kept[record.lookup_key] = _Kept(record, path, ticket.began + min(self._span, at_most))
            if len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]

    def forget(self, lookup_keys: Collection[LookupKey] | None) -> None:
        """Drop the copies of some rows, or all; see `codlet_sessions.changes.KeepsCopies`."""
        with self._lock:
            self._changes += 1
            if lookup_keys is None:
                self._kept.clear()
            for lookup_key in lookup_keys or ():
                self._kept.pop(lookup_key, None)
