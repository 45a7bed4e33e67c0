"""Sessions in a dictionary, for tests: they end with the process, and other processes never see them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from threading import Lock
from uuid import UUID

from codlet_sessions.errors import StoreInvariantViolated
from codlet_sessions.records import (
    REQUESTED,
    SUPERSEDED,
    SUPERSEDED_FOR,
    ActiveSessionRecord,
    Candidates,
    Cause,
    ClientFacts,
    ListedSession,
    LookupKey,
    Rejection,
    SessionRecord,
    first_verdict,
)
from codlet_sessions.stores.base import SessionDataStore


class MemorySessionStore(SessionDataStore):
    """Keeps sessions in this process. Safe between threads; does not keep who revoked them."""

    def __init__(self) -> None:
        self._records: dict[UUID, SessionRecord] = {}
        self._retired: dict[LookupKey, datetime] = {}
        self._lock = Lock()

    def find_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """See `SessionStore.find_active_session`."""
        match = self.look_up(candidates, now)
        return match.as_active() if isinstance(match, SessionRecord) else None

    async def afind_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """See `SessionStore.find_active_session`."""
        return self.find_active_session(candidates, now)

    def look_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """See `SessionStore.look_up`."""
        wanted = {lookup_key for lookup_key, _version in candidates}
        with self._lock:
            found = {record.lookup_key: record for record in self._records.values() if record.lookup_key in wanted}
            retired = [moment for lookup_key, moment in self._retired.items() if lookup_key in wanted]
        if not found and any(now - moment < SUPERSEDED_FOR for moment in retired):
            return SUPERSEDED
        return first_verdict(candidates, found, now)

    async def alook_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """See `SessionStore.look_up`."""
        return self.look_up(candidates, now)

    def insert_session(self, record: SessionRecord) -> None:
        """See `SessionStore.insert_session`."""
        with self._lock:
            if any(record.id == other.id or record.lookup_key == other.lookup_key for other in self._records.values()):
                raise StoreInvariantViolated("A session with this id or lookup key is already there.")
            self._records[record.id] = record

    async def ainsert_session(self, record: SessionRecord) -> None:
        """See `SessionStore.insert_session`."""
        self.insert_session(record)

    def revoke_session(self, session_id: UUID, now: datetime, cause: Cause = REQUESTED) -> bool:
        """See `SessionStore.revoke_session`."""
        with self._lock:
            record = self._records.get(session_id)
            if record is None or record.revoked_at is not None:
                return False
            self._records[session_id] = _ended(record, now, cause)
            return True

    async def arevoke_session(self, session_id: UUID, now: datetime, cause: Cause = REQUESTED) -> bool:
        """See `SessionStore.revoke_session`."""
        return self.revoke_session(session_id, now, cause)

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
        with self._lock:
            active = [record for record in self._active(subject, now) if record.id != keep]
            ending = [record for record in active if current is None or not _is_vouched(record, current)]
            self._records.update({record.id: _ended(record, now, cause) for record in ending})
        return len(ending)

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
        return self.revoke_subject(subject, now, cause, keep=keep, current=current)

    def touch_session(self, session: ActiveSessionRecord, now: datetime, idle_expires_at: datetime | None) -> bool:
        """See `SessionStore.touch_session`."""
        with self._lock:
            record = self._records.get(session.id)
            if record is None or not record.is_active(now) or record.as_active().last_seen_at != session.last_seen_at:
                return False
            self._records[session.id] = replace(record, last_seen_at=now, idle_expires_at=idle_expires_at)
            return True

    async def atouch_session(
        self, session: ActiveSessionRecord, now: datetime, idle_expires_at: datetime | None
    ) -> bool:
        """See `SessionStore.touch_session`."""
        return self.touch_session(session, now, idle_expires_at)

    def list_active_sessions(
        self, subject: str, now: datetime, *, current: Collection[str] | None = None
    ) -> list[ListedSession]:
        """See `SessionStore.list_active_sessions`."""
        with self._lock:
            active = self._active(subject, now)
        listed = [record for record in active if current is None or _is_vouched(record, current)]
        return [record.as_listed() for record in sorted(listed, key=_age, reverse=True)]

    async def alist_active_sessions(
        self, subject: str, now: datetime, *, current: Collection[str] | None = None
    ) -> list[ListedSession]:
        """See `SessionStore.list_active_sessions`."""
        return self.list_active_sessions(subject, now, current=current)

    def is_new_device(self, subject: str, devices: Collection[str], but: UUID) -> bool:
        """See `SessionStore.is_new_device`."""
        with self._lock:
            mine = [record for record in self._records.values() if record.subject == subject and record.id != but]
        known = {record.client.device for record in mine if record.client is not None} - {None}
        return bool(known) and known.isdisjoint(devices)

    async def ais_new_device(self, subject: str, devices: Collection[str], but: UUID) -> bool:
        """See `SessionStore.is_new_device`."""
        return self.is_new_device(subject, devices, but)

    def read_session(self, session_id: UUID) -> SessionRecord | None:
        """See `SessionDataStore.read_session`."""
        with self._lock:
            return self._records.get(session_id)

    async def aread_session(self, session_id: UUID) -> SessionRecord | None:
        """See `SessionDataStore.read_session`."""
        return self.read_session(session_id)

    def update_session(self, seen: SessionRecord, wanted: SessionRecord, now: datetime) -> bool:
        """See `SessionDataStore.update_session`."""
        with self._lock:
            record = self._records.get(seen.id)
            if record is None or not record.is_active(now) or record.data_version != seen.data_version:
                return False
            self._records[seen.id] = replace(wanted, client=wanted.client or record.client)
            if wanted.lookup_key != seen.lookup_key:
                self._retired[seen.lookup_key] = now
            return True

    async def aupdate_session(self, seen: SessionRecord, wanted: SessionRecord, now: datetime) -> bool:
        """See `SessionDataStore.update_session`."""
        return self.update_session(seen, wanted, now)

    @property
    def in_transaction(self) -> bool:
        """See `SessionDataStore.in_transaction`."""
        return False

    def end_session(self, seen: SessionRecord, now: datetime, cause: Cause) -> bool:
        """See `SessionDataStore.end_session`."""
        with self._lock:
            record = self._records.get(seen.id)
            if record is None or record.revoked_at is not None or record.lookup_key != seen.lookup_key:
                return False
            self._records[seen.id] = _ended(record, now, cause)
            return True

    async def aend_session(self, seen: SessionRecord, now: datetime, cause: Cause) -> bool:
        """See `SessionDataStore.end_session`."""
        return self.end_session(seen, now, cause)

    def _active(self, subject: str, now: datetime) -> list[SessionRecord]:
        return [record for record in self._records.values() if record.subject == subject and record.is_active(now)]


def _ended(record: SessionRecord, now: datetime, cause: Cause) -> SessionRecord:
    device = None if record.client is None else record.client.device
    client = ClientFacts(device=device) if cause.forgets_client else record.client
    return replace(record, revoked_at=now, revoked_reason=cause.reason, data="", client=client)


def _is_vouched(record: SessionRecord, current: Collection[str]) -> bool:
    return record.auth_hash is None or record.auth_hash in current


def _age(record: SessionRecord) -> tuple[datetime, UUID]:
    return record.created_at, record.id
