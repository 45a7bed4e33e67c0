"""Sessions in the database, with a cache in front of it that cannot serve one that has been revoked."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from asgiref.sync import sync_to_async

from codlet_sessions.hashing import SecretHasher
from codlet_sessions.records import (
    REQUESTED,
    UNKNOWN_USER,
    ActiveSessionRecord,
    Candidates,
    Cause,
    ListedSession,
    LookupKey,
    Rejection,
    SessionRecord,
)
from codlet_sessions.stores.base import SessionDataStore
from codlet_sessions.stores.orm import OrmSessionStore
from codlet_sessions.stores.own_connections import connections_for, sees_all_of_this_task
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


class CachedSessionStore(SessionDataStore):
    """
    Looks sessions up in a cache first, and does everything else in the database alone.

    See `codlet_sessions.stores.session_cache` for why a session that has been revoked does not come back from there.
    Only an active session is ever copied, so that whoever is refused is refused by the database. In a transaction the
    database is asked, and nothing is copied: what it says may yet be rolled back.

    Args:
        using: The database alias, as for `OrmSessionStore`.

    Attributes:
        inner: The store in the database.
        copying: What is needed for copies. None, as it is until the settings are known, for a store without a cache.

    """

    keeps_copies: ClassVar[bool] = True

    def __init__(self, using: str | None = None) -> None:
        self.inner = OrmSessionStore(using)
        self.copying: Copying | None = None

    def find_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """See `SessionStore.find_active_session`. Uses copies, and makes none: it does not read whole rows."""
        look_up = self._plan(candidates, now)
        if look_up is not None and not self.inner.in_transaction:
            copied = look_up.near() or look_up.copied(look_up.cache.look(look_up.lookup_keys))
            if copied is not None:
                return copied.as_active()
        return self.inner.find_active_session(candidates, now)

    async def afind_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """See `SessionStore.find_active_session`."""
        look_up, threads = self._plan(candidates, now), self._threads()
        if look_up is not None and not threads:
            return await sync_to_async(self.find_active_session)(candidates, now)
        if look_up is not None:
            copied = look_up.near() or look_up.copied(await look_up.cache.alook(look_up.lookup_keys, threads))
            if copied is not None:
                return copied.as_active()
        return await self.inner.afind_active_session(candidates, now)

    def look_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """See `SessionDataStore.look_up`. No query if there is a copy."""
        look_up = self._plan(candidates, now)
        if look_up is None or self.inner.in_transaction:
            return self.inner.look_up(candidates, now)
        if (near := look_up.near()) is not None:
            return near
        view = look_up.cache.look(look_up.lookup_keys)
        if (copied := look_up.copied(view)) is not None:
            return copied
        found = self.inner.look_up(candidates, now)
        if (record := look_up.worth_keeping(found)) is not None:
            look_up.cache.keep(view, record, look_up.path_to(record), look_up.hasher)
        return found

    async def alook_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """See `SessionDataStore.look_up`. Makes no hop to a thread of its own, wherever that is safe."""
        look_up, threads = self._plan(candidates, now), self._threads()
        if look_up is None:
            return await self.inner.alook_up(candidates, now)
        if not threads:
            return await sync_to_async(self.look_up)(candidates, now)
        if (near := look_up.near()) is not None:
            return near
        view = await look_up.cache.alook(look_up.lookup_keys, threads)
        if (copied := look_up.copied(view)) is not None:
            return copied
        found = await self.inner.alook_up(candidates, now)
        if (record := look_up.worth_keeping(found)) is not None:
            await look_up.cache.akeep(view, record, look_up.path_to(record), look_up.hasher, threads)
        return found

    def _plan(self, candidates: Candidates, now: datetime) -> "_LookUp | None":
        return _LookUp(self.copying, candidates, now) if self.copying and candidates else None

    def _threads(self) -> int:
        """How many threads the cache may be asked on: none if the running task may be in a transaction."""
        using = self.inner.using
        return connections_for(using, self.inner.own_connections) if sees_all_of_this_task(using) else 0

    def insert_session(self, record: SessionRecord) -> None:
        """See `SessionStore.insert_session`."""
        self.inner.insert_session(record)

    async def ainsert_session(self, record: SessionRecord) -> None:
        """See `SessionStore.insert_session`."""
        await self.inner.ainsert_session(record)

    def revoke_session(self, session_id: UUID, now: datetime, cause: Cause = REQUESTED) -> bool:
        """See `SessionStore.revoke_session`."""
        return self.inner.revoke_session(session_id, now, cause)

    async def arevoke_session(self, session_id: UUID, now: datetime, cause: Cause = REQUESTED) -> bool:
        """See `SessionStore.revoke_session`."""
        return await self.inner.arevoke_session(session_id, now, cause)

    def revoke_subject(
        self,
        subject: str,
        now: datetime,
        cause: Cause = REQUESTED,
        *,
        keep: UUID | None = None,
        current: Collection[str] | None = None,
    ) -> int:
        """See `SessionStore.revoke_subject`."""
        return self.inner.revoke_subject(subject, now, cause, keep=keep, current=current)

    async def arevoke_subject(
        self,
        subject: str,
        now: datetime,
        cause: Cause = REQUESTED,
        *,
        keep: UUID | None = None,
        current: Collection[str] | None = None,
    ) -> int:
        """See `SessionStore.revoke_subject`."""
        return await self.inner.arevoke_subject(subject, now, cause, keep=keep, current=current)

    def touch_session(self, session: ActiveSessionRecord, now: datetime, idle_expires_at: datetime | None) -> bool:
        """See `SessionStore.touch_session`."""
        return self.inner.touch_session(session, now, idle_expires_at)

    async def atouch_session(
        self, session: ActiveSessionRecord, now: datetime, idle_expires_at: datetime | None
    ) -> bool:
        """See `SessionStore.touch_session`."""
        return await self.inner.atouch_session(session, now, idle_expires_at)

    def list_active_sessions(
        self, subject: str, now: datetime, *, current: Collection[str] | None = None
    ) -> list[ListedSession]:
        """See `SessionStore.list_active_sessions`."""
        return self.inner.list_active_sessions(subject, now, current=current)

    async def alist_active_sessions(
        self, subject: str, now: datetime, *, current: Collection[str] | None = None
    ) -> list[ListedSession]:
        """See `SessionStore.list_active_sessions`."""
        return await self.inner.alist_active_sessions(subject, now, current=current)

    def is_new_device(self, subject: str, devices: Collection[str], but: UUID) -> bool:
        """See `SessionStore.is_new_device`."""
        return self.inner.is_new_device(subject, devices, but)

    async def ais_new_device(self, subject: str, devices: Collection[str], but: UUID) -> bool:
        """See `SessionStore.is_new_device`."""
        return await self.inner.ais_new_device(subject, devices, but)

    def read_session(self, session_id: UUID) -> SessionRecord | None:
        """See `SessionDataStore.read_session`."""
        return self.inner.read_session(session_id)

    async def aread_session(self, session_id: UUID) -> SessionRecord | None:
        """See `SessionDataStore.read_session`."""
        return await self.inner.aread_session(session_id)

    def update_session(self, seen: SessionRecord, wanted: SessionRecord, now: datetime) -> bool:
        """See `SessionDataStore.update_session`."""
        return self.inner.update_session(seen, wanted, now)

    async def aupdate_session(self, seen: SessionRecord, wanted: SessionRecord, now: datetime) -> bool:
        """See `SessionDataStore.update_session`."""
        return await self.inner.aupdate_session(seen, wanted, now)

    def end_session(self, seen: SessionRecord, now: datetime, cause: Cause) -> bool:
        """See `SessionDataStore.end_session`."""
        return self.inner.end_session(seen, now, cause)

    async def aend_session(self, seen: SessionRecord, now: datetime, cause: Cause) -> bool:
        """See `SessionDataStore.end_session`."""
        return await self.inner.aend_session(seen, now, cause)

    @property
    def in_transaction(self) -> bool:
        """See `SessionDataStore.in_transaction`."""
        return self.inner.in_transaction


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
