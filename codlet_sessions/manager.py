"""The rules: what issuing, validating, listing and revoking a session mean."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from codlet_sessions import events, sealing
from codlet_sessions.cookies import CookiePolicy
from codlet_sessions.events import Event
from codlet_sessions.hashing import SecretHasher
from codlet_sessions.ids import uuid7
from codlet_sessions.issued import IssuedSession
from codlet_sessions.models import MAX_REASON_LENGTH
from codlet_sessions.records import (
    ActiveSessionRecord,
    Candidates,
    Cause,
    Finding,
    Rejection,
    RejectionReason,
    RevocationReason,
    SessionRecord,
    Verdict,
)
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.stores.base import SessionStore
from codlet_sessions.subjects import Subject, subject_of


@dataclass(frozen=True, slots=True)
class SessionManager:
    """
    Issues, validates, lists and revokes sessions. The configured one is ``codlet_sessions.api.sessions``.

    Each method has an async twin with an ``a`` in front. Wherever a subject is asked for, a user of AUTH_USER_MODEL or
    any string will do. A `StoreError` means that the store could not answer; it is never "no session".

    Args:
        store: Where sessions live.
        hasher: What turns secrets into lookup keys.
        cookie: How the cookie looks.
        lifetime: How long a session lasts from its issue, however busy it is.
        clock: Returns the current moment, aware.

    """

    store: SessionStore
    hasher: SecretHasher
    cookie: CookiePolicy
    lifetime: timedelta
    clock: Callable[[], datetime] = field(repr=False)

    def issue(self, subject_or_user: object, *, lifetime: timedelta | None = None) -> IssuedSession:
        """
        Begin a session and write its row.

        Args:
            subject_or_user: Who the session speaks for.
            lifetime: How long it lasts; SESSION_COOKIE_AGE seconds when not given.

        Returns:
            The session with its secret, which stands nowhere else: ``.set_cookie(response)`` hands it over.

        Raises:
            TypeError, ValueError: See `subject_of`; or ``lifetime`` is not positive.
            StoreError: The row could not be written.

        """
        secret = SessionSecret.generate()
        record = self._draft(subject_of(subject_or_user), secret, lifetime)
        self.store.insert_session(record)
        self._tell(events.issued(record.id, record.subject))
        return IssuedSession(record.as_active(), secret, self.cookie)

    async def aissue(self, subject_or_user: object, *, lifetime: timedelta | None = None) -> IssuedSession:
        """Issue as `issue` does, from async code."""
        secret = SessionSecret.generate()
        record = self._draft(subject_of(subject_or_user), secret, lifetime)
        await self.store.ainsert_session(record)
        await self._atell(events.issued(record.id, record.subject))
        return IssuedSession(record.as_active(), secret, self.cookie)

    def validate(self, secret: SessionSecret | str) -> ActiveSessionRecord | None:
        """
        Return the active session that ``secret`` opens, or None. One query, or none when the secret is malformed.

        Writes nothing. Expired, revoked, unknown, malformed and tampered with are one answer; the reason goes to
        `session_rejected`. A session in which nobody has signed in yet speaks for nobody: None, too.

        Raises:
            StoreError: The store could not answer.

        """
        secret = SessionSecret.wrap(secret)  # or a report of what fails below would show the text
        return _subject_known(self.judge(secret))

    async def avalidate(self, secret: SessionSecret | str) -> ActiveSessionRecord | None:
        """Validate as `validate` does, from async code."""
        secret = SessionSecret.wrap(secret)
        return _subject_known(await self.ajudge(secret))

    def judge(self, secret: SessionSecret) -> Verdict:
        """Validate as `validate` does, but say why not: for whoever must know what to do about the cookie."""
        return _verdict(self.examine(secret))

    async def ajudge(self, secret: SessionSecret) -> Verdict:
        """Judge as `judge` does, from async code."""
        return _verdict(await self.aexamine(secret))

    def examine(self, secret: SessionSecret) -> Finding:
        """Judge as `judge` does, but return the whole record, if the store keeps it whole: for an engine."""
        candidates = self._candidates(secret)
        finding = self._authentic(self.store.look_up(candidates, self.clock())) if candidates else _MALFORMED
        if isinstance(finding, Rejection):
            self._tell(*self._tidings(finding))
        return finding

    async def aexamine(self, secret: SessionSecret) -> Finding:
        """Examine as `examine` does, from async code."""
        candidates = self._candidates(secret)
        finding = self._authentic(await self.store.alook_up(candidates, self.clock())) if candidates else _MALFORMED
        if isinstance(finding, Rejection):
            await self._atell(*self._tidings(finding))
        return finding

    def revoke(
        self, session_id: UUID | str, *, reason: str = RevocationReason.REQUESTED, by: object | None = None
    ) -> bool:
        """
        End a session for good.

        Args:
            session_id: Its public id.
            reason: Why: a `RevocationReason` or a word of the site's own, at most 32 characters.
            by: Who ended it, when somebody did: a user or a subject.

        Returns:
            Whether this call ended it. False: it was revoked before, or there is no such session.

        Raises:
            ValueError: ``session_id`` is not a UUID, or ``reason`` is too long.
            StoreError: The store could not answer, and the session may still be active.

        """
        session_id, cause = _session_id(session_id), _cause(reason, by)
        ended = self.store.revoke_session(session_id, self.clock(), cause)
        if ended:
            self._tell(events.revoked(session_id, cause))
        return ended

    async def arevoke(
        self, session_id: UUID | str, *, reason: str = RevocationReason.REQUESTED, by: object | None = None
    ) -> bool:
        """Revoke as `revoke` does, from async code."""
        session_id, cause = _session_id(session_id), _cause(reason, by)
        ended = await self.store.arevoke_session(session_id, self.clock(), cause)
        if ended:
            await self._atell(events.revoked(session_id, cause))
        return ended

    def revoke_all(
        self,
        subject_or_user: object,
        keep: UUID | str | None = None,
        *,
        reason: str = RevocationReason.REQUESTED,
        by: object | None = None,
    ) -> int:
        """
        End every active session of a subject, in one statement.

        Args:
            subject_or_user: Whose sessions.
            keep: The id of one that goes on.
            reason, by: As in `revoke`.

        Returns:
            How many sessions this call ended.

        Raises:
            TypeError, ValueError: See `subject_of` and `revoke`.
            StoreError: The store could not answer.

        """
        subject, kept, cause = subject_of(subject_or_user).name, _kept_id(keep), _cause(reason, by)
        count = self.store.revoke_subject(subject, self.clock(), cause, keep=kept)
        if count:
            self._tell(events.subject_revoked(subject, count, kept, cause))
        return count

    async def arevoke_all(
        self,
        subject_or_user: object,
        keep: UUID | str | None = None,
        *,
        reason: str = RevocationReason.REQUESTED,
        by: object | None = None,
    ) -> int:
        """Revoke as `revoke_all` does, from async code."""
        subject, kept, cause = subject_of(subject_or_user).name, _kept_id(keep), _cause(reason, by)
        count = await self.store.arevoke_subject(subject, self.clock(), cause, keep=kept)
        if count:
            await self._atell(events.subject_revoked(subject, count, kept, cause))
        return count

    def list_active(self, subject_or_user: object) -> list[ActiveSessionRecord]:
        """
        Return the active sessions of a subject, the newest first.

        Raises:
            TypeError, ValueError: See `subject_of`.
            StoreError: The store could not answer.

        """
        return self.store.list_active_sessions(subject_of(subject_or_user).name, self.clock())

    async def alist_active(self, subject_or_user: object) -> list[ActiveSessionRecord]:
        """List as `list_active` does, from async code."""
        return await self.store.alist_active_sessions(subject_of(subject_or_user).name, self.clock())

    def _draft(self, subject: Subject, secret: SessionSecret, lifetime: timedelta | None) -> SessionRecord:
        lifetime = self.lifetime if lifetime is None else lifetime
        if lifetime <= timedelta():
            raise ValueError("A session's lifetime must be longer than nothing.")
        lookup_key, key_version = self.hasher.lookup_key(secret)
        now = self.clock()
        record = SessionRecord(
            id=uuid7(),
            lookup_key=lookup_key,
            key_version=key_version,
            subject=subject.name,
            user_id=subject.user_id,
            created_at=now,
            authenticated_at=now,
            expires_at=now + lifetime,
        )
        return sealing.seal(self.hasher, record)

    def _candidates(self, secret: SessionSecret) -> Candidates:
        return self.hasher.candidates(secret) if secret.is_well_formed() else []

    def _authentic(self, finding: Finding) -> Finding:
        if isinstance(finding, SessionRecord) and not sealing.is_sealed(self.hasher, finding):
            return finding.rejected(RejectionReason.TAMPERED)
        return finding

    def _tidings(self, rejection: Rejection) -> list[Event]:
        tidings = [events.rejected(rejection)]
        if rejection.key_version and rejection.key_version not in self.hasher.key_ring:
            tidings.append(events.key_version_missing(rejection))
        return tidings

    def _tell(self, *tidings: Event) -> None:
        for event in tidings:
            event.tell(type(self))

    async def _atell(self, *tidings: Event) -> None:
        for event in tidings:
            await event.atell(type(self))


_MALFORMED: Finding = Rejection(RejectionReason.MALFORMED)


def _verdict(finding: Finding) -> Verdict:
    return finding.as_active() if isinstance(finding, SessionRecord) else finding


def _subject_known(verdict: Verdict) -> ActiveSessionRecord | None:
    return verdict if isinstance(verdict, ActiveSessionRecord) and verdict.subject else None


def _session_id(session_id: UUID | str) -> UUID:
    if isinstance(session_id, UUID):
        return session_id
    try:
        return UUID(session_id)
    except (AttributeError, TypeError, ValueError):
        raise ValueError("A session id is a UUID, such as the 'id' of what list_active() returns.") from None


def _kept_id(keep: UUID | str | None) -> UUID | None:
    return None if keep is None else _session_id(keep)


def _cause(reason: str, by: object | None) -> Cause:
    if len(reason) > MAX_REASON_LENGTH:
        raise ValueError(f"The reason is {len(reason)} characters long; {MAX_REASON_LENGTH} are allowed.")
    if "\0" in reason:
        raise ValueError("The reason holds a NUL character, which PostgreSQL cannot store.")
    return Cause(reason, "" if by is None else subject_of(by).name)
