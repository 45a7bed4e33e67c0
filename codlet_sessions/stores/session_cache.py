"""
The cache in front of the table: which copies of rows may be used, and how they become unusable at once.

Beside the copies, the cache holds marks, random texts that name a state of affairs: one for each row that was changed
of late, and one, the epoch, for all. A look-up reads copy, mark and epoch in one go. Whoever has to ask the table
writes into the copy which mark and epoch there were *before*; it may be used while both are the same. Whoever changes a
row sets a new mark, or a new epoch if many rows change, *after* the commit. So a copy of the old row may come as late
as it likes: it has the old mark, and nobody uses it. The mark of a row is needed no longer than a copy may be used. An
epoch that is lost comes back as another.

A copy also bears the moment until when it may be used, `SessionCache.max_stale` seconds after it was looked up. That is
what holds when the cache fails, forgets marks or could not be told.
"""

import logging
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from django.core.cache import DEFAULT_CACHE_ALIAS, caches

from codlet_sessions.hashing import SecretHasher
from codlet_sessions.records import LookupKey, SessionRecord
from codlet_sessions.stores import copies
from codlet_sessions.stores.errands import EPOCH, Errand, done, errand_desk, new_mark
from codlet_sessions.stores.near import NearCopies

logger = logging.getLogger("codlet_sessions")

MAX_STALE: Final = 30.0  # seconds
_PAUSE: Final = 5.0  # seconds that a cache which has failed is left alone for
_MARGIN: Final = 10  # seconds that a mark outlives the last copy it may be needed for
_CLOCKS: Final = 1.0  # seconds by which those of two machines may differ


@dataclass(frozen=True, slots=True)
class View:
    """What the cache held at a moment, in seconds since 1970: nothing if it failed."""

    taken_at: float
    values: Mapping[str, Any] = field(repr=False)

    def marks(self, lookup_key: LookupKey) -> tuple[Any, Any]:
        """Return the epoch, and the mark of the row under ``lookup_key``."""
        return self.values.get(EPOCH), self.values.get(_mark_key(lookup_key))


@dataclass(eq=False)
class SessionCache:
    """
    Copies of sessions in one of Django's caches. None of its methods raises because the cache has failed.

    Args:
        alias: The cache, as in CACHES.
        max_stale: For how many seconds a copy may be used, whatever happens.
        near: Copies in this process, if there shall be some.
        clock: Returns the seconds since 1970.

    """

    alias: str = DEFAULT_CACHE_ALIAS
    max_stale: float = MAX_STALE
    near: NearCopies | None = None
    clock: Callable[[], float] = time.time
    _resumes_at: float = field(default=0.0, init=False)

    def look(self, lookup_keys: Sequence[LookupKey]) -> View:
        """Return what there is of the rows under ``lookup_keys``. One call of the cache."""
        taken_at, errand = self.clock(), Errand(wanted=_keys_of(lookup_keys))
        with self._forgiven():
            if not self._pauses:
                return View(taken_at, done([errand], self.alias, self._lifetime)[0])
        return View(taken_at, {})

    async def alook(self, lookup_keys: Sequence[LookupKey], threads: int) -> View:
        """Look as `look` does, from async code: with all that look at this moment, on one of ``threads`` threads."""
        taken_at, errand = self.clock(), Errand(wanted=_keys_of(lookup_keys))
        with self._forgiven():
            if not self._pauses:
                return View(taken_at, await errand_desk(self.alias, self._lifetime, threads).ask(errand))
        return View(taken_at, {})

    def copy_in(self, view: View, path: Sequence[LookupKey], hasher: SecretHasher) -> copies.Copy | None:
        """Return the copy in ``view`` of the row at the end of ``path``, if there is one that may be used."""
        text = view.values.get(_copy_key(path[-1]))
        copy = None if text is None else copies.read(text, path, hasher)
        if copy is None or copy.marks != view.marks(path[-1]):
            return None
        # Also not one from the future: some clock is wrong, and it would be used for longer than was promised.
        return copy if 0 < copy.until - self.clock() <= self.max_stale + _CLOCKS else None

    def keep(self, view: View, record: SessionRecord, path: Sequence[LookupKey], hasher: SecretHasher) -> None:
        """
        Keep a copy of ``record``, which the table gave after ``view`` was taken. One call of the cache.

        Args:
            view: What `look` returned.
            record: The row.
            path: The lookup keys by which it was found (see `copies.written`).
            hasher: Whose keys seal the copy.

        """
        errand = self._keeping(view, record, path, hasher)
        with self._forgiven():
            if errand.kept and not self._pauses:
                done([errand], self.alias, self._lifetime)

    async def akeep(
        self, view: View, record: SessionRecord, path: Sequence[LookupKey], hasher: SecretHasher, threads: int
    ) -> None:
        """Keep as `keep` does, from async code, on one of ``threads`` threads."""
        errand = self._keeping(view, record, path, hasher)
        with self._forgiven():
            if errand.kept and not self._pauses:
                await errand_desk(self.alias, self._lifetime, threads).ask(errand)

    def rows_changed(self, lookup_keys: Collection[LookupKey] | None) -> None:
        """Make the copies of some rows unusable: see `codlet_sessions.changes.KeepsCopies`."""
        try:
            self._mark(lookup_keys)
        except Exception as error:
            self._resumes_at = time.monotonic() + self.max_stale  # in this process at least, nothing old is served
            logger.error(  # and no traceback, whose frames hold lookup keys
                "Sessions have changed, and the cache %r could not be told (%s): a session that was ended just now may"
                " open something in other processes for up to %g seconds more. Is the cache up?",
                self.alias,
                type(error).__name__,
                self.max_stale,
            )
        finally:
            if self.near is not None:  # not before the marks are set: what is read until then would be kept again
                self.near.forget(lookup_keys)

    def _mark(self, lookup_keys: Collection[LookupKey] | None) -> None:
        cache = caches[self.alias]
        if lookup_keys is None:
            cache.set(EPOCH, new_mark(), timeout=None)
            return
        marks = {_mark_key(lookup_key): new_mark() for lookup_key in lookup_keys}
        if cache.set_many(marks, timeout=2 * self._lifetime + _MARGIN):
            raise OSError("not all marks were set")
        cache.delete_many([_copy_key(lookup_key) for lookup_key in lookup_keys])

    def _keeping(self, view: View, record: SessionRecord, path: Sequence[LookupKey], hasher: SecretHasher) -> Errand:
        epoch, mark = view.marks(record.lookup_key)
        if not isinstance(epoch, str) or not isinstance(mark, str | None):
            return Errand()
        copy = copies.Copy(record, view.taken_at + self.max_stale, (epoch, mark))
        return Errand(kept={_copy_key(record.lookup_key): copies.written(copy, path, hasher)})

    @property
    def _lifetime(self) -> int:
        """For how many whole seconds the cache has to keep a copy: some know no fractions, and forget at 0."""
        return math.ceil(self.max_stale)

    @property
    def _pauses(self) -> bool:
        return time.monotonic() < self._resumes_at

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        """Leave the cache alone for a while if it fails: the table answers, and nobody waits for each time-out."""
        try:
            yield
        except Exception as error:
            if not self._pauses:
                logger.warning(
                    "The cache of sessions, %r, has failed (%s): for %g seconds only the database is asked for them.",
                    self.alias,
                    type(error).__name__,
                    _PAUSE,
                )
            self._resumes_at = max(self._resumes_at, time.monotonic() + _PAUSE)


def _keys_of(lookup_keys: Sequence[LookupKey]) -> list[str]:
    return [key(lookup_key) for lookup_key in lookup_keys for key in (_copy_key, _mark_key)]


def _copy_key(lookup_key: LookupKey) -> str:
    return f"codlet_sessions:copy:{_hidden(lookup_key)}"


def _mark_key(lookup_key: LookupKey) -> str:
    return f"codlet_sessions:mark:{_hidden(lookup_key)}"


def _hidden(lookup_key: LookupKey) -> str:
    return sha256(lookup_key.encode()).hexdigest()
