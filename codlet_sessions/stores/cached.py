"""Sessions in the database, with a cache in front of it that cannot serve one that has been revoked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import ClassVar

from asgiref.sync import sync_to_async

from codlet_sessions.hashing import SecretHasher
from codlet_sessions.records import (
    UNKNOWN_USER,
    ActiveSessionRecord,
    Candidates,
    LookupKey,
    Rejection,
    SessionRecord,
)
from codlet_sessions.stores.orm import OrmSessionStore
from codlet_sessions.stores.own_connections import connections_for, sees_all_of_this_task
from codlet_sessions.stores.readings import users_are_read_from
from codlet_sessions.stores.session_cache import SessionCache, View


@dataclass(frozen=True, slots=True)
class Copying:
    """
    What a store needs to make copies of rows.

    Args:
        cache: Where they are.
        hasher: Whose keys seal them.
        is_fit: Returns whether a row, which the database gave with its user, is one that a copy may stand for: a copy
            has no user that could be looked at again.

    """

    cache: SessionCache
    hasher: SecretHasher = field(repr=False)
    is_fit: Callable[[SessionRecord], bool] = field(repr=False)


class CachedSessionStore(OrmSessionStore):
    """
    Looks sessions up in a cache first, and does everything else as the store in the database does.

    See `codlet_sessions.stores.session_cache` for why a session that has been revoked does not come back from there.
    Only an active session is ever copied, so that whoever is refused is refused by the database. In a transaction the
    database is asked, and nothing is copied: what it says may yet be rolled back.

    Attributes:
        copying: What is needed for copies. None, as it is until the settings are known, for a store without a cache.

    """

    keeps_copies: ClassVar[bool] = True
    copying: Copying | None = None

    def find_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """See `SessionStore.find_active_session`. Uses copies, and makes none: it does not read whole rows."""
        look_up = self._plan(candidates, now)
        if look_up is not None and not self.in_transaction:
            copied = look_up.near() or look_up.copied(look_up.cache.look(look_up.lookup_keys))
            if copied is not None:
                return copied.as_active()
        return super().find_active_session(candidates, now)

    async def afind_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """See `SessionStore.find_active_session`."""
        look_up, threads = self._plan(candidates, now), self._threads()
        if look_up is not None and not threads:
            return await sync_to_async(self.find_active_session)(candidates, now)
        if look_up is not None:
            copied = look_up.near() or look_up.copied(await look_up.cache.alook(look_up.lookup_keys, threads))
            if copied is not None:
                return copied.as_active()
        return await super().afind_active_session(candidates, now)

    def look_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """See `SessionDataStore.look_up`. No query if there is a copy."""
        look_up = self._plan(candidates, now)
        if look_up is None or self.in_transaction:
            return super().look_up(candidates, now)
        if (near := look_up.near()) is not None:
            return near
        view = look_up.cache.look(look_up.lookup_keys)
        if (copied := look_up.copied(view)) is not None:
            return copied
        found = super().look_up(candidates, now)
        if (record := look_up.worth_keeping(found)) is not None:
            look_up.cache.keep(view, record, look_up.path_to(record), look_up.hasher)
        return found

    async def alook_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """See `SessionDataStore.look_up`. Makes no hop to a thread of its own, wherever that is safe."""
        look_up, threads = self._plan(candidates, now), self._threads()
        if look_up is None:
            return await super().alook_up(candidates, now)
        if not threads:
            return await sync_to_async(self.look_up)(candidates, now)
        if (near := look_up.near()) is not None:
            return near
        view = await look_up.cache.alook(look_up.lookup_keys, threads)
        if (copied := look_up.copied(view)) is not None:
            return copied
        found = await super().alook_up(candidates, now)
        if (record := look_up.worth_keeping(found)) is not None:
            await look_up.cache.akeep(view, record, look_up.path_to(record), look_up.hasher, threads)
        return found

    def look_up_with_user(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """
        See `SessionDataStore.look_up_with_user`: the database gives both in one query, and is asked for that.

        A copy would spare it nothing, unless users are read from another database, a replica for instance.
        """
        both = users_are_read_from(self.using)
        return super().look_up(candidates, now) if both else self.look_up(candidates, now)

    async def alook_up_with_user(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """See `SessionDataStore.look_up_with_user`."""
        both = users_are_read_from(self.using)
        return await super().alook_up(candidates, now) if both else await self.alook_up(candidates, now)

    def _plan(self, candidates: Candidates, now: datetime) -> "_LookUp | None":
        return _LookUp(self.copying, candidates, now) if self.copying and candidates else None

    def _threads(self) -> int:
        """How many threads the cache may be asked on: none if the running task may be in a transaction."""
        return _threads_for(self.using, self.own_connections) if sees_all_of_this_task(self.using) else 0


_threads_for = cache(connections_for)  # which makes an object for the connection, in async code one for each task


class _LookUp:
    """What both faces do about one look-up, but for asking."""

    __slots__ = ("_candidates", "_copying", "_now", "_ticket", "lookup_keys")

    def __init__(self, copying: Copying, candidates: Candidates, now: datetime) -> None:
        self._copying, self._candidates, self._now = copying, candidates, now
        self.lookup_keys = [lookup_key for lookup_key, _version in candidates]
        self._ticket = None if copying.cache.near is None else copying.cache.near.ticket()

    @property
    def cache(self) -> SessionCache:
        """Where copies are."""
        return self._copying.cache

    @property
    def hasher(self) -> SecretHasher:
        """Whose keys seal them."""
        return self._copying.hasher

    def near(self) -> SessionRecord | None:
        """Return what a copy in this process says, if that is an active session."""
        near = self.cache.near
        if near is None:
            return None
        copies = ((near.find(path), version) for path, version in self._paths())
        return next((record for record, version in copies if record and self._opens(record, version)), None)

    def copied(self, view: View) -> SessionRecord | None:
        """Return what a copy in ``view`` says, if that is an active session."""
        for path, version in self._paths():
            copy = self.cache.copy_in(view, path, self.hasher)
            if copy is not None and self._opens(copy.record, version):
                self._keep_near(copy.record, at_most=copy.until - view.taken_at)
                return copy.record
        return None

    def worth_keeping(self, found: SessionRecord | Rejection) -> SessionRecord | None:
        """Return what a copy of the row that the database gave would say, if there may be one."""
        if not isinstance(found, SessionRecord) or not self._copying.is_fit(found):
            return None
        record = replace(found, user=UNKNOWN_USER)
        self._keep_near(record, at_most=self.cache.max_stale)
        return record

    def path_to(self, record: SessionRecord) -> list[LookupKey]:
        """Return the candidates up to the one that found ``record``."""
        return self.lookup_keys[: self.lookup_keys.index(record.lookup_key) + 1]

    def _paths(self) -> Iterator[tuple[list[LookupKey], str]]:
        """
        Yield each way to a row, by the lookup keys in their order, with the key version it must have.

        A copy counts for the way that led to it alone: another row, which there is no copy of, may be on another one.
        """
        for index, (_lookup_key, version) in enumerate(self._candidates):
            yield self.lookup_keys[: index + 1], version

    def _opens(self, record: SessionRecord, key_version: str) -> bool:
        return record.judge(key_version, self._now) is record

    def _keep_near(self, record: SessionRecord, at_most: float) -> None:
        if self.cache.near is not None and self._ticket is not None:
            self.cache.near.keep(record, self.path_to(record), self._ticket, at_most)
