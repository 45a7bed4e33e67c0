"""The rules for what a session holds: how its data is written, by whom, and what happens when two write at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.contrib.auth import SESSION_KEY

from codlet_sessions import events
from codlet_sessions.errors import StoreUnavailable
from codlet_sessions.events import Event
from codlet_sessions.hashing import SecretHasher
from codlet_sessions.issued import IssuedSession
from codlet_sessions.manager import SessionManager, authentic
from codlet_sessions.merging import merge
from codlet_sessions.packing import Serializer, pack, unpack
from codlet_sessions.records import (
    ActiveSessionRecord,
    Cause,
    ClientFacts,
    Rejection,
    RevocationReason,
    SessionRecord,
)
from codlet_sessions.sealing import is_sealed, payload_of, seal
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.stores.base import SessionDataStore
from codlet_sessions.subjects import Subject, subject_in
from codlet_sessions.timeouts import is_worth_noting
from codlet_sessions.writes import Beginning, Change, SessionOver, Written

CUSTOM_EXPIRY = "_session_expiry"  # where Django's set_expiry() puts it
_ATTEMPTS = 200  # each one that fails means that another request's write went through


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One try at a write: the row as last seen with the data in it, and what is to be in it."""

    seen: SessionRecord
    loaded: Mapping[str, Any]
    mine: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SessionKeeper:
    """
    Writes the data of sessions. Each method that asks the store has an async twin with an ``a`` in front.

    Args:
        manager: Whose keys, clock and signals are used.
        store: Where sessions live: the manager's own, which keeps data.
        serializer: What SESSION_SERIALIZER names.

    """

    manager: SessionManager
    store: SessionDataStore
    serializer: Serializer = field(repr=False)

    @property
    def hasher(self) -> SecretHasher:
        """What turns secrets into lookup keys."""
        return self.manager.hasher

    def now(self) -> datetime:
        """Return the current moment."""
        return self.manager.clock()

    def open(self, secret: SessionSecret, *, needs_user: bool = False) -> SessionRecord | Rejection:
        """
        Return the active session that ``secret`` opens, with its data, or why there is none. Writes nothing.

        Args:
            secret: What the cookie holds.
            needs_user: Whether the user will be asked for, too.

        Raises:
            StoreError: The store could not answer.

        """
        look_up = self.store.look_up_with_user if needs_user else self.store.look_up
        return _whole(self.manager.examine(secret, look_up))

    async def aopen(self, secret: SessionSecret, *, needs_user: bool = False) -> SessionRecord | Rejection:
        """Open as `open` does, from async code."""
        alook_up = self.store.alook_up_with_user if needs_user else self.store.alook_up
        return _whole(await self.manager.aexamine(secret, alook_up))

    def finds(self, secret: SessionSecret) -> bool:
        """Return whether ``secret`` opens an active session, and tell nobody. No query when it is malformed."""
        if not secret.is_well_formed():
            return False
        found = self.store.look_up(self.hasher.candidates(secret), self.now())
        return isinstance(authentic(self.hasher, found), SessionRecord)

    async def afinds(self, secret: SessionSecret) -> bool:
        """Find as `finds` does, from async code."""
        if not secret.is_well_formed():
            return False
        found = await self.store.alook_up(self.hasher.candidates(secret), self.now())
        return isinstance(authentic(self.hasher, found), SessionRecord)

    def is_genuine(self, record: SessionRecord) -> bool:
        """Return whether ``record``, as a store gave it, is as somebody who has its key wrote it."""
        return is_sealed(self.hasher, record)

    def data_of(self, record: SessionRecord) -> dict[str, Any]:
        """Return the data of ``record``, which must be a genuine one: it is not checked again."""
        return unpack(payload_of(record), self.serializer)

    def holds(self, record: SessionRecord, data: Mapping[str, Any]) -> bool:
        """Return whether ``data`` is what ``record``, a genuine one, holds."""
        return pack(data, self.serializer) == payload_of(record)

    def subject_of(self, record: SessionRecord, data: Mapping[str, Any]) -> Subject:
        """
        Return whom ``record`` speaks for once it holds ``data``.

        Django's ``login()`` and ``logout()`` decide by what they write into the data or remove from it. A subject that
        `SessionManager.issue` gave to the session stays until they do.
        """
        if SESSION_KEY in data or not record.subject or SESSION_KEY in self.data_of(record):
            return subject_in(data)
        return Subject(record.subject, record.user_id, record.auth_hash)

    def is_on_terms(self, record: SessionRecord, data: Mapping[str, Any]) -> bool:
        """Return whether ``record`` lasts as long as `SessionManager.issue` was told, and not as the settings say."""
        return bool(record.subject) and SESSION_KEY not in data

    def draft(
        self, session_id: UUID, secret: SessionSecret, data: Mapping[str, Any], beginning: Beginning
    ) -> SessionRecord:
        """Return a new session that holds ``data``, sealed, for `begin`."""
        subject = beginning.subject or subject_in(data)
        lookup_key, key_version = self.hasher.lookup_key(secret)
        record = SessionRecord(
            id=session_id,
            lookup_key=lookup_key,
            key_version=key_version,
            subject=subject.name,
            user_id=subject.user_id,
            created_at=beginning.created_at,
            authenticated_at=beginning.signed_in_at,
            expires_at=beginning.expires_at,
            last_seen_at=beginning.created_at,
            idle_expires_at=self._idle_end(subject, data, beginning.created_at),
            auth_hash=subject.auth_hash,
            is_persistent=beginning.is_persistent,
            client=beginning.client,
        )
        return seal(self.hasher, record, pack(data, self.serializer))

    def begin(self, record: SessionRecord) -> None:
        """
        Write a new session's row, and tell.

        Raises:
            StoreInvariantViolated: There is a session with its id.
            StoreUnavailable: The store could not be asked.

        """
        self.store.insert_session(record)
        self.tell_of(record)

    async def abegin(self, record: SessionRecord) -> None:
        """Begin as `begin` does, from async code."""
        await self.store.ainsert_session(record)
        await self.atell_of(record)

    def tell_of(self, record: SessionRecord) -> None:
        """Tell that a session began."""
        events.issued(record.id, record.subject).tell(SessionManager)

    async def atell_of(self, record: SessionRecord) -> None:
        """Tell as `tell_of` does, from async code."""
        await events.issued(record.id, record.subject).atell(SessionManager)

    def save(
        self, seen: SessionRecord, data: Mapping[str, Any], change: Change, loaded: Mapping[str, Any] | None = None
    ) -> Written:
        """
        Write ``data`` into the session that was ``seen``, unless it has ended: one conditional UPDATE.

        When another request wrote first, what this one changed since it was ``loaded`` is merged into that, by
        top-level key, and tried again.

        Raises:
            SessionOver: The session has ended or has another secret by now. Nothing was written.
            StoreError: The store could not answer.

        """
        attempt = self._first_attempt(seen, data, loaded)
        for _ in range(_ATTEMPTS):
            wanted = self._wanted(attempt, change)
            if self.store.update_session(attempt.seen, wanted, self.now()):
                for event in _tidings(wanted, change):
                    event.tell(SessionManager)
                return Written(wanted, attempt.mine)
            attempt = self._caught_up(attempt, change, self.store.read_session(seen.id))
        raise _kept_changing(seen)

    async def asave(
        self, seen: SessionRecord, data: Mapping[str, Any], change: Change, loaded: Mapping[str, Any] | None = None
    ) -> Written:
        """Save as `save` does, from async code."""
        attempt = self._first_attempt(seen, data, loaded)
        for _ in range(_ATTEMPTS):
            wanted = self._wanted(attempt, change)
            if await self.store.aupdate_session(attempt.seen, wanted, self.now()):
                for event in _tidings(wanted, change):
                    await event.atell(SessionManager)
                return Written(wanted, attempt.mine)
            attempt = self._caught_up(attempt, change, await self.store.aread_session(seen.id))
        raise _kept_changing(seen)

    def renew(
        self, record: SessionRecord, *, subject: Subject | None = None, client: ClientFacts | None = None
    ) -> IssuedSession:
        """
        Have the session of ``record`` go on under a new secret, in the same row.

        Args:
            record: The row, as it was read for this request.
            subject: Whom it speaks for, if its credentials have changed.
            client: What is to be known of the client, if somebody has just proved who they are: its life begins anew.

        Raises:
            SessionOver: It has ended, or another request was first. Nothing was written.
            StoreError: The store could not answer.

        """
        change = self._renewal(record, subject, client)
        return self._as_issued(self.save(record, self.data_of(record), change), change)

    async def arenew(
        self, record: SessionRecord, *, subject: Subject | None = None, client: ClientFacts | None = None
    ) -> IssuedSession:
        """Renew as `renew` does, from async code."""
        change = self._renewal(record, subject, client)
        return self._as_issued(await self.asave(record, self.data_of(record), change), change)

    def is_worth_noting(self, record: SessionRecord) -> bool:
        """Return whether it is time to write down that the session of ``record``, a genuine one, is in use."""
        return is_worth_noting(record, self.now())

    def touch(self, record: SessionRecord) -> bool:
        """Write down that the session of ``record``, a genuine one, is in use: see `SessionManager.touch`."""
        return self.manager.touch(self._as_used(record))

    async def atouch(self, record: SessionRecord) -> bool:
        """Touch as `touch` does, from async code."""
        return await self.manager.atouch(self._as_used(record))

    def end(self, record: SessionRecord, reason: str = RevocationReason.LOGOUT) -> bool:
        """
        Revoke a session whose owner signs out by its cookie, and empty its data. Return whether this call ended it.

        One that has another secret by now is left alone: somebody has signed in on it since.
        """
        cause = self._cause_of_end(record, reason)
        ended = self.store.end_session(record, self.now(), cause)
        if ended:
            events.revoked(record.id, cause).tell(SessionManager)
        return ended

    async def aend(self, record: SessionRecord, reason: str = RevocationReason.LOGOUT) -> bool:
        """End as `end` does, from async code."""
        cause = self._cause_of_end(record, reason)
        ended = await self.store.aend_session(record, self.now(), cause)
        if ended:
            await events.revoked(record.id, cause).atell(SessionManager)
        return ended

    def check(self, record: SessionRecord) -> None:
        """
        Ask whether ``record`` still goes on as it was read.

        Raises:
            SessionOver: It has ended, or has another secret.
            StoreError: The store could not answer.

        """
        self._still_going(record, self.store.read_session(record.id))

    async def acheck(self, record: SessionRecord) -> None:
        """Check as `check` does, from async code."""
        self._still_going(record, await self.store.aread_session(record.id))

    def _renewal(self, record: SessionRecord, subject: Subject | None, client: ClientFacts | None) -> Change:
        secret, now = SessionSecret.generate(), self.now()
        if client is None:
            return Change(secret, subject=subject)
        return Change(secret, now + record.length, now, subject, client=client)

    def _as_issued(self, written: Written, change: Change) -> IssuedSession:
        secret = cast(SessionSecret, change.secret)
        return IssuedSession(written.record.as_active(), secret, self.manager.cookie, written.record.is_persistent)

    def _cause_of_end(self, record: SessionRecord, reason: str) -> Cause:
        by = record.subject if reason == RevocationReason.LOGOUT else ""
        return Cause(reason, by, forgets_client=not self.manager.keeps_client_facts)

    def _as_used(self, record: SessionRecord) -> ActiveSessionRecord:
        """Return what is known of a session in use, with the idle time that the settings of today give it."""
        session, data = record.as_active(), self.data_of(record)
        if self.is_on_terms(record, data):
            return session
        seen_at = session.last_seen_at or session.created_at
        return replace(session, idle_expires_at=self._idle_end(Subject(record.subject), data, seen_at))

    def _idle_end(self, subject: Subject, data: Mapping[str, Any], seen_at: datetime) -> datetime | None:
        has_own_expiry = bool(data.get(CUSTOM_EXPIRY))
        idle_time = self.manager.timeouts.idle_time(subject.name, has_own_expiry=has_own_expiry)
        return None if idle_time is None else seen_at + idle_time

    def _spelling(self, value: object) -> bytes:
        return self.serializer.dumps({"": value})

    def _first_attempt(
        self, seen: SessionRecord, data: Mapping[str, Any], loaded: Mapping[str, Any] | None
    ) -> _Attempt:
        in_store = self.data_of(seen)
        return _Attempt(seen, in_store, data if loaded is None else merge(data, loaded, in_store, self._spelling))

    def _wanted(self, attempt: _Attempt, change: Change) -> SessionRecord:
        seen, payload = attempt.seen, pack(attempt.mine, self.serializer)
        subject = change.subject or self.subject_of(seen, attempt.mine)
        is_new_subject = bool(subject.name) and subject.name != seen.subject
        now = self.now()
        signed_in_at = change.signed_in_at or (now if is_new_subject else seen.authenticated_at)
        wanted = replace(
            seen,
            subject=subject.name,
            user_id=subject.user_id,
            auth_hash=subject.auth_hash,
            expires_at=change.expires_at or seen.expires_at,
            authenticated_at=signed_in_at,
            is_persistent=seen.is_persistent if change.is_persistent is None else change.is_persistent,
            client=change.client,
        )
        if subject.name == seen.subject and self.is_on_terms(seen, attempt.mine):
            if change.expires_at:
                idle_end = None if seen.idle_time is None else now + seen.idle_time
                wanted = replace(wanted, last_seen_at=now, idle_expires_at=idle_end)
        elif change.expires_at or subject.name != seen.subject:
            wanted = replace(wanted, last_seen_at=now, idle_expires_at=self._idle_end(subject, attempt.mine, now))
        if change.secret is not None:
            lookup_key, key_version = self.hasher.lookup_key(change.secret)
            # One that was taken over counts from its adoption until now; see `codlet_sessions.adoption`.
            created_at = min(seen.created_at, signed_in_at or seen.created_at)
            wanted = replace(wanted, lookup_key=lookup_key, key_version=key_version, created_at=created_at)
        elif payload == payload_of(seen) and subject.name == seen.subject:
            return wanted
        return seal(self.hasher, replace(wanted, data_version=seen.data_version + 1), payload)

    def _caught_up(self, attempt: _Attempt, change: Change, current: SessionRecord | None) -> _Attempt:
        try:
            current = self._still_going(attempt.seen, current)
        except SessionOver as over:
            has_nothing_new = change.moves_the_end_at_most and self.holds(attempt.seen, attempt.mine)
            over.is_harmless = over.is_superseded or has_nothing_new
            raise
        theirs = self.data_of(current)
        return _Attempt(current, theirs, merge(attempt.mine, attempt.loaded, theirs, self._spelling))

    def _still_going(self, seen: SessionRecord, current: SessionRecord | None) -> SessionRecord:
        """Return ``current``, the row of ``seen`` as it is now, unless `SessionOver`."""
        if current is None:
            raise SessionOver(f"Session {seen.id} is no longer there.")
        if current.revoked_at is not None:
            moved_on = current.revoked_reason in (RevocationReason.ROTATED, RevocationReason.LOGOUT)
            raise SessionOver(f"Session {seen.id} was revoked ({current.revoked_reason}).", is_superseded=moved_on)
        if current.lookup_key != seen.lookup_key:
            raise SessionOver(f"Session {seen.id} goes on under another secret.", is_superseded=True)
        if not current.is_active(self.now()):
            raise SessionOver(f"Session {seen.id} has expired.")
        if not self.is_genuine(current):
            raise SessionOver(f"The row of session {seen.id} was changed by somebody who has no key.")
        return current


def _tidings(record: SessionRecord, change: Change) -> list[Event]:
    rotated = [events.rotated(record.id, record.subject)] if change.secret else []
    renewed = [events.renewed(record.id, record.subject)] if change.signed_in_at else []
    return [*rotated, *renewed]


def _whole(finding: Any) -> SessionRecord | Rejection:
    whole: SessionRecord | Rejection = finding  # a SessionDataStore gives no less
    return whole


def _kept_changing(record: SessionRecord) -> StoreUnavailable:
    return StoreUnavailable(
        f"Session {record.id} was written by other requests each of the {_ATTEMPTS} times that this one tried to."
    )
