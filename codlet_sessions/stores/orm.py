"""Sessions in the database, by way of Django's ORM."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import Error, connections, router, transaction
from django.db.models import Count, Q, QuerySet

from codlet_sessions import changes
from codlet_sessions.models import RetiredKey, Session
from codlet_sessions.querysets import RetiredKeyQuerySet, SessionQuerySet
from codlet_sessions.records import (
    NO_FACTS,
    REQUESTED,
    SUPERSEDED,
    ActiveSessionRecord,
    Candidates,
    Cause,
    ClientFacts,
    ListedSession,
    LookupKey,
    Rejection,
    RejectionReason,
    SessionRecord,
    first_active,
    first_verdict,
)
from codlet_sessions.stores.base import SessionDataStore
from codlet_sessions.stores.compiled import insert
from codlet_sessions.stores.ending import end_subject
from codlet_sessions.stores.lookup import aoutlines_under, arecords_under, outlines_under, records_under
from codlet_sessions.stores.outages import raise_translated, translated_errors
from codlet_sessions.stores.readings import RECORD_COLUMNS

Rows: TypeAlias = "QuerySet[Session, tuple[Any, ...]]"

_LISTED_COLUMNS = tuple(field.name for field in fields(ListedSession))


class OrmSessionStore(SessionDataStore):
    """
    Keeps sessions in the `Session` table.

    Args:
        using: The database alias; when not given, the one that the routers name for writing. Reads go there too:
            a replica that lags behind would serve a session that has been revoked.

    Attributes:
        own_connections: How many connections look-ups from async code may have to themselves in a process; None to have
            some where that is safe to do (see `codlet_sessions.stores.own_connections`).

    """

    own_connections: int | None = None

    def __init__(self, using: str | None = None) -> None:
        self._using = using

    @property
    def using(self) -> str:
        """The database alias that every query of this store goes to."""
        return self._using or router.db_for_write(Session)

    def find_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """See `SessionStore.find_active_session`. Reads neither the user nor the data; for those, ask `look_up`."""
        try:
            found = outlines_under(_keys_of(candidates), self.using)
        except Error as error:
            raise_translated(error)
        return first_active(candidates, found, now)

    async def afind_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """See `SessionStore.find_active_session`."""
        try:
            found = await aoutlines_under(_keys_of(candidates), self.using, self.own_connections)
        except Error as error:
            raise_translated(error)
        return first_active(candidates, found, now)

    def look_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """See `SessionStore.look_up`."""
        try:
            match = first_verdict(candidates, records_under(_keys_of(candidates), self.using), now)
            if _is_unknown(match) and self._retired_keys().superseded(candidates, now).exists():
                return SUPERSEDED
        except Error as error:
            raise_translated(error)
        return match

    async def alook_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """See `SessionStore.look_up`."""
        try:
            found = await arecords_under(_keys_of(candidates), self.using, self.own_connections)
            match = first_verdict(candidates, found, now)
            if _is_unknown(match) and await self._retired_keys().superseded(candidates, now).aexists():
                return SUPERSEDED
        except Error as error:
            raise_translated(error)
        return match

    def insert_session(self, record: SessionRecord) -> None:
        """See `SessionStore.insert_session`."""
        with translated_errors():
            self._insert(record)

    async def ainsert_session(self, record: SessionRecord) -> None:
        """See `SessionStore.insert_session`."""
        with translated_errors():
            await sync_to_async(self._insert)(record)  # a savepoint has no async form

    def revoke_session(self, session_id: UUID, now: datetime, cause: Cause = REQUESTED) -> bool:
        """See `SessionStore.revoke_session`."""
        with translated_errors():
            return bool(self._one(session_id).revoke(now, cause))

    async def arevoke_session(self, session_id: UUID, now: datetime, cause: Cause = REQUESTED) -> bool:
        """See `SessionStore.revoke_session`."""
        with translated_errors():
            return bool(await self._one(session_id).arevoke(now, cause))

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
        with translated_errors():
            if current is None and not changes.are_watched():
                return end_subject(subject, now, cause, keep, self.using)
            return self._all_but(keep, current, subject, now).revoke(now, cause)

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
        with translated_errors():
            if current is None and not changes.are_watched():
                return await sync_to_async(end_subject)(subject, now, cause, keep, self.using)
            return await self._all_but(keep, current, subject, now).arevoke(now, cause)

    def touch_session(self, session: ActiveSessionRecord, now: datetime, idle_expires_at: datetime | None) -> bool:
        """See `SessionStore.touch_session`."""
        with translated_errors(), self._savepoint():
            # A row from before this was written down has no such moment.
            as_seen = Q(last_seen_at=session.last_seen_at) | Q(last_seen_at=None)
            rows = self._one(session.id).active(now).filter(as_seen)
            return bool(rows.update(last_seen_at=now, idle_expires_at=idle_expires_at))

    async def atouch_session(
        self, session: ActiveSessionRecord, now: datetime, idle_expires_at: datetime | None
    ) -> bool:
        """See `SessionStore.touch_session`."""
        return await sync_to_async(self.touch_session)(session, now, idle_expires_at)  # a savepoint has no async form

    def list_active_sessions(
        self, subject: str, now: datetime, *, current: Collection[str] | None = None
    ) -> list[ListedSession]:
        """See `SessionStore.list_active_sessions`."""
        with translated_errors():
            rows = list(self._newest_first(subject, now, current))
        return [ListedSession(*_in_utc(row)) for row in rows]

    async def alist_active_sessions(
        self, subject: str, now: datetime, *, current: Collection[str] | None = None
    ) -> list[ListedSession]:
        """See `SessionStore.list_active_sessions`."""
        with translated_errors():
            rows = [row async for row in self._newest_first(subject, now, current)]
        return [ListedSession(*_in_utc(row)) for row in rows]

    def is_new_device(self, subject: str, devices: Collection[str], but: UUID) -> bool:
        """See `SessionStore.is_new_device`."""
        with translated_errors():
            return _is_new(list(self._devices(subject, devices, but)))

    async def ais_new_device(self, subject: str, devices: Collection[str], but: UUID) -> bool:
        """See `SessionStore.is_new_device`."""
        with translated_errors():
            return _is_new([row async for row in self._devices(subject, devices, but)])

    def read_session(self, session_id: UUID) -> SessionRecord | None:
        """See `SessionDataStore.read_session`."""
        with translated_errors():
            rows = list(self._latest(session_id))
        return _record(rows[0]) if rows else None

    async def aread_session(self, session_id: UUID) -> SessionRecord | None:
        """See `SessionDataStore.read_session`."""
        with translated_errors():
            rows = await sync_to_async(lambda: list(self._latest(session_id)))()
        return _record(rows[0]) if rows else None

    def update_session(self, seen: SessionRecord, wanted: SessionRecord, now: datetime) -> bool:
        """See `SessionDataStore.update_session`."""
        with translated_errors():
            is_written = bool(self._as_seen(seen, now).update_under(seen.lookup_key, **_difference(seen, wanted)))
        if is_written and wanted.lookup_key != seen.lookup_key:
            self._retire(seen.lookup_key, now)
        return is_written

    async def aupdate_session(self, seen: SessionRecord, wanted: SessionRecord, now: datetime) -> bool:
        """See `SessionDataStore.update_session`."""
        with translated_errors():
            rows = self._as_seen(seen, now)
            is_written = bool(await rows.aupdate_under(seen.lookup_key, **_difference(seen, wanted)))
        if is_written and wanted.lookup_key != seen.lookup_key:
            await sync_to_async(self._retire)(seen.lookup_key, now)
        return is_written

    def end_session(self, seen: SessionRecord, now: datetime, cause: Cause) -> bool:
        """See `SessionDataStore.end_session`."""
        with translated_errors():
            return bool(self._as_keyed(seen).revoke(now, cause))

    async def aend_session(self, seen: SessionRecord, now: datetime, cause: Cause) -> bool:
        """See `SessionDataStore.end_session`."""
        with translated_errors():
            return bool(await self._as_keyed(seen).arevoke(now, cause))

    @property
    def in_transaction(self) -> bool:
        """See `SessionDataStore.in_transaction`."""
        return connections[self.using].in_atomic_block

    def _sessions(self) -> SessionQuerySet:
        return SessionQuerySet(Session, using=self.using)

    def _retired_keys(self) -> RetiredKeyQuerySet:
        return RetiredKeyQuerySet(RetiredKey, using=self.using)

    def _newest_first(self, subject: str, now: datetime, current: Collection[str] | None) -> Rows:
        sessions = self._sessions().of_subject(subject).active(now)
        listed = sessions if current is None else sessions.vouched_by(current)
        return listed.order_by("-created_at", "-id").values_list(*_LISTED_COLUMNS)

    def _devices(self, subject: str, devices: Collection[str], but: UUID) -> Any:
        known = self._sessions().of_subject(subject).filter(device__isnull=False).exclude(id=but)
        same = Count("id", filter=Q(device__in=devices))
        return known.order_by().values("subject").annotate(same=same).values_list("same", flat=True)

    def _one(self, session_id: UUID) -> SessionQuerySet:
        return self._sessions().filter(id=session_id)

    def _as_seen(self, seen: SessionRecord, now: datetime) -> SessionQuerySet:
        return self._one(seen.id).at_version(seen.data_version, now)

    def _as_keyed(self, seen: SessionRecord) -> SessionQuerySet:
        return self._one(seen.id).keyed([(seen.lookup_key, seen.key_version)])

    def _retire(self, lookup_key: LookupKey, now: datetime) -> None:
        # Without it a slow request clears the new cookie; with an error here the browser would never get it.
        with suppress(Error), self._savepoint():
            self._retired_keys().create(lookup_key=lookup_key, retired_at=now)

    def _latest(self, session_id: UUID) -> Rows:
        rows = self._one(session_id).values_list(*RECORD_COLUMNS)
        # A plain SELECT in a REPEATABLE READ transaction would show the row as it was when the transaction began.
        return rows.select_for_update() if connections[self.using].in_atomic_block else rows

    def _all_but(
        self, keep: UUID | None, current: Collection[str] | None, subject: str, now: datetime
    ) -> SessionQuerySet:
        sessions = self._sessions().of_subject(subject).active(now)
        ending = sessions if current is None else sessions.not_vouched_by(current)
        return ending if keep is None else ending.exclude(id=keep)

    def _insert(self, record: SessionRecord) -> None:
        with self._savepoint():
            signed_in_at, seen_at = (
                record.authenticated_at or record.created_at,
                record.last_seen_at or record.created_at,
            )
            columns = {name: getattr(record, name) for name in RECORD_COLUMNS}
            columns |= {"authenticated_at": signed_in_at, "last_seen_at": seen_at, "revoked_by": ""}
            insert(Session, columns | _facts(record.client or NO_FACTS), self.using)

    def _savepoint(self) -> AbstractContextManager[None]:
        # Only a transaction that is already open can be spoiled by an IntegrityError; else the INSERT goes alone.
        if connections[self.using].in_atomic_block:
            return transaction.atomic(using=self.using)
        return nullcontext()


def _is_new(same_devices: list[int]) -> bool:
    return same_devices == [0]  # no group at all: the subject has never signed in before


def _is_unknown(match: SessionRecord | Rejection) -> bool:
    return isinstance(match, Rejection) and match.reason is RejectionReason.UNKNOWN


def _difference(seen: SessionRecord, wanted: SessionRecord) -> dict[str, Any]:
    """Return the columns to write. Always one at least: the row count of an UPDATE is the verdict."""
    changed = {name: getattr(wanted, name) for name in RECORD_COLUMNS if getattr(wanted, name) != getattr(seen, name)}
    facts = {} if wanted.client is None else _facts(wanted.client)
    return {**changed, **facts} or {"data_version": wanted.data_version}


def _facts(client: ClientFacts) -> dict[str, Any]:
    return {"user_agent": client.user_agent, "ip_address": client.ip_address, "device": client.device}


def _record(row: Sequence[Any]) -> SessionRecord:
    return SessionRecord(*_in_utc(row))


def _keys_of(candidates: Candidates) -> list[LookupKey]:
    return [lookup_key for lookup_key, _version in candidates]


def _in_utc(row: Sequence[Any]) -> list[Any]:
    # A database whose TIME_ZONE is set gives moments in that zone.
    return [value.astimezone(UTC) if isinstance(value, datetime) else value for value in row]
