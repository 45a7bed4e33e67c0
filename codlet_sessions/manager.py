"""The rules: what issuing, validating, listing and revoking a session mean."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from codlet_sessions import events, sealing
from codlet_sessions.cookies import CookiePolicy
from codlet_sessions.errors import StoreError
from codlet_sessions.events import Event
from codlet_sessions.hashing import SecretHasher
from codlet_sessions.ids import uuid7
from codlet_sessions.issued import IssuedSession
from codlet_sessions.models import MAX_REASON_LENGTH
from codlet_sessions.records import (
    NO_FACTS,
    UNKNOWN_USER,
    ActiveSessionRecord,
    Candidates,
    Cause,
    ClientFacts,
    Finding,
    ListedSession,
    Rejection,
    RejectionReason,
    RevocationReason,
    SessionRecord,
    Verdict,
)
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.stores.base import SessionStore
from codlet_sessions.subjects import Subject, current_auth_hashes, may_sign_in, outdated_reason_in, subject_of
from codlet_sessions.timeouts import Timeouts, is_worth_noting

logger = logging.getLogger("codlet_sessions")

LookUp: TypeAlias = Callable[[Candidates, datetime], Any]  # which returns a Finding, or something to wait for it by


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
        timeouts: How long sessions last.
        clock: Returns the current moment, aware.
        keeps_client_facts: Whether what is known of a client outlives its session.

    """

    store: SessionStore
    hasher: SecretHasher
    cookie: CookiePolicy
    timeouts: Timeouts
    clock: Callable[[], datetime] = field(repr=False)
    keeps_client_facts: bool = False

    def issue(
        self,
        subject_or_user: object,
        *,
        lifetime: timedelta | None = None,
        idle_time: timedelta | None = None,
        persistent: bool | None = None,
        client: ClientFacts = NO_FACTS,
    ) -> IssuedSession:
        """
        Begin a session and write its row.

        Args:
            subject_or_user: Who the session speaks for.
            lifetime: How long it lasts; SESSION_COOKIE_AGE seconds when not given, or less under ``ABSOLUTE_TIMEOUT``.
            idle_time: How long it may go unused; any length when not given, because `validate` writes nothing: whoever
                validates by hand says by `touch` that a session is in use. Our middleware does.
            persistent: Whether the browser keeps the cookie when it closes; SESSION_EXPIRE_AT_BROWSER_CLOSE decides
                when not given.
            client: What is to be known of the client.

        Returns:
            The session with its secret, which stands nowhere else: ``.set_cookie(response)`` hands it over.

        Raises:
            TypeError, ValueError: See `subject_of`; or ``lifetime`` or ``idle_time`` is not positive.
            StoreError: The row could not be written.

        """
        secret = SessionSecret.generate()
        record = self._draft(subject_of(subject_or_user), secret, lifetime, idle_time, persistent, client)
        self.store.insert_session(record)
        self._tell(events.issued(record.id, record.subject))
        return IssuedSession(record.as_active(), secret, self.cookie, persistent)

    async def aissue(
        self,
        subject_or_user: object,
        *,
        lifetime: timedelta | None = None,
        idle_time: timedelta | None = None,
        persistent: bool | None = None,
        client: ClientFacts = NO_FACTS,
    ) -> IssuedSession:
        """Issue as `issue` does, from async code."""
        secret = SessionSecret.generate()
        record = self._draft(subject_of(subject_or_user), secret, lifetime, idle_time, persistent, client)
        await self.store.ainsert_session(record)
        await self._atell(events.issued(record.id, record.subject))
        return IssuedSession(record.as_active(), secret, self.cookie, persistent)

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

    def examine(self, secret: SessionSecret, look_up: LookUp | None = None) -> Finding:
        """
        Judge as `judge` does, but return the whole record, if the store keeps it whole: for an engine.

        Args:
            secret: What the cookie holds.
            look_up: How to look up, if not by the store's own `SessionStore.look_up`.

        """
        candidates, look_up = self._candidates(secret), look_up or self.store.look_up
        finding = authentic(self.hasher, look_up(candidates, self.clock()) if candidates else _MALFORMED)
        if isinstance(finding, Rejection):
            self._tell(*self._tidings(finding))
        return finding

    async def aexamine(self, secret: SessionSecret, look_up: LookUp | None = None) -> Finding:
        """Examine as `examine` does, from async code."""
        candidates, look_up = self._candidates(secret), look_up or self.store.alook_up
        finding = authentic(self.hasher, await look_up(candidates, self.clock()) if candidates else _MALFORMED)
        if isinstance(finding, Rejection):
            await self._atell(*self._tidings(finding))
        return finding

    def end_outdated(self, finding: Finding) -> bool:
        """
        End the session of a cookie that was rejected because of what became of its user: for whoever serves requests.

        Returns:
            Whether this call ended it. False, too, if ``finding`` is anything else.

        Raises:
            StoreError: The store could not answer. The session opens nothing all the same.

        """
        if not isinstance(finding, Rejection) or finding.session_id is None or not finding.ends_for:
            return False
        return self.revoke(finding.session_id, reason=finding.ends_for)

    async def aend_outdated(self, finding: Finding) -> bool:
        """End as `end_outdated` does, from async code."""
        if not isinstance(finding, Rejection) or finding.session_id is None or not finding.ends_for:
            return False
        return await self.arevoke(finding.session_id, reason=finding.ends_for)

    def touch(self, session: ActiveSessionRecord) -> bool:
        """
        Write down that ``session`` is in use, if it is time to: see `codlet_sessions.timeouts`.

        One narrow UPDATE at most, whatever number of requests come at once. Best effort: a store that does not answer
        is logged, and the session goes on as it was.

        Returns:
            Whether this call wrote it down.

        """
        now = self.clock()
        if not is_worth_noting(session, now):
            return False
        try:
            return self.store.touch_session(session, now, _idle_end(session, now))
        except StoreError as error:
            self._log_untouched(session, error)
            return False

    async def atouch(self, session: ActiveSessionRecord) -> bool:
        """Touch as `touch` does, from async code."""
        now = self.clock()
        if not is_worth_noting(session, now):
            return False
        try:
            return await self.store.atouch_session(session, now, _idle_end(session, now))
        except StoreError as error:
            self._log_untouched(session, error)
            return False

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
        session_id, cause = _session_id(session_id), self._cause(reason, by)
        ended = self.store.revoke_session(session_id, self.clock(), cause)
        if ended:
            self._tell(events.revoked(session_id, cause))
        return ended

    async def arevoke(
        self, session_id: UUID | str, *, reason: str = RevocationReason.REQUESTED, by: object | None = None
    ) -> bool:
        """Revoke as `revoke` does, from async code."""
        session_id, cause = _session_id(session_id), self._cause(reason, by)
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
        subject, kept, cause = subject_of(subject_or_user).name, _kept_id(keep), self._cause(reason, by)
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
        subject, kept, cause = subject_of(subject_or_user).name, _kept_id(keep), self._cause(reason, by)
        count = await self.store.arevoke_subject(subject, self.clock(), cause, keep=kept)
        if count:
            await self._atell(events.subject_revoked(subject, count, kept, cause))
        return count

    def revoke_outdated(self, user: object, keep: UUID | str | None = None, *, by: object | None = None) -> int:
        """
        End the sessions of ``user`` that its changed credentials leave behind: what a signal cannot see, for instance.

        All of them if the user may not sign in any longer (reason "user_deactivated"; ASVS 5.0 7.4.2), else those that
        began under another password (reason "credentials_changed"; 7.4.3). One statement.

        Args:
            user: A user of AUTH_USER_MODEL, as it is now.
            keep: The id of a session that goes on.
            by: Who changed them, when somebody did: a user or a subject.

        Returns:
            How many sessions this call ended.

        Raises:
            TypeError, ValueError: See `subject_of` and `revoke`.
            StoreError: The store could not answer.

        """
        subject, kept, reason, current = self._outdated(user, keep)
        cause = self._cause(reason, by)
        count = self.store.revoke_subject(subject, self.clock(), cause, keep=kept, current=current)
        if count:
            self._tell(events.subject_revoked(subject, count, kept, cause))
        return count

    async def arevoke_outdated(self, user: object, keep: UUID | str | None = None, *, by: object | None = None) -> int:
        """Revoke as `revoke_outdated` does, from async code."""
        subject, kept, reason, current = self._outdated(user, keep)
        cause = self._cause(reason, by)
        count = await self.store.arevoke_subject(subject, self.clock(), cause, keep=kept, current=current)
        if count:
            await self._atell(events.subject_revoked(subject, count, kept, cause))
        return count

    def list_active(self, subject_or_user: object) -> list[ListedSession]:
        """
        Return the active sessions of a subject, the newest first.

        Of a user, those that its credentials, as they are now, still vouch for; a subject's name is taken as it is.

        Raises:
            TypeError, ValueError: See `subject_of`.
            StoreError: The store could not answer.

        """
        subject = subject_of(subject_or_user)
        listed = self.store.list_active_sessions(subject.name, self.clock(), current=_current(subject_or_user))
        return listed if may_sign_in(subject_or_user) else []

    async def alist_active(self, subject_or_user: object) -> list[ListedSession]:
        """List as `list_active` does, from async code."""
        subject = subject_of(subject_or_user)
        listed = await self.store.alist_active_sessions(subject.name, self.clock(), current=_current(subject_or_user))
        return listed if may_sign_in(subject_or_user) else []

    def _cause(self, reason: str, by: object | None) -> Cause:
        if len(reason) > MAX_REASON_LENGTH:
            raise ValueError(f"The reason is {len(reason)} characters long; {MAX_REASON_LENGTH} are allowed.")
        if "\0" in reason:
            raise ValueError("The reason holds a NUL character, which PostgreSQL cannot store.")
        by_name = "" if by is None else subject_of(by).name
        return Cause(reason, by_name, forgets_client=not self.keeps_client_facts)

    def _outdated(self, user: object, keep: UUID | str | None) -> tuple[str, UUID | None, str, Collection[str] | None]:
        subject, kept = subject_of(user).name, _kept_id(keep)
        if not may_sign_in(user):
            return subject, kept, RevocationReason.USER_DEACTIVATED, None
        return subject, kept, RevocationReason.CREDENTIALS_CHANGED, _current(user) or ()

    def _log_untouched(self, session: ActiveSessionRecord, error: StoreError) -> None:
        logger.warning("That session %s is in use could not be written down: %s", session.id, error)

    def _draft(
        self,
        subject: Subject,
        secret: SessionSecret,
        lifetime: timedelta | None,
        idle_time: timedelta | None,
        persistent: bool | None,
        client: ClientFacts,
    ) -> SessionRecord:
        lifetime = self.timeouts.lifetime if lifetime is None else lifetime
        if lifetime <= timedelta() or (idle_time is not None and idle_time <= timedelta()):
            raise ValueError("A session's lifetime, and its idle time, must be longer than nothing.")
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
            last_seen_at=now,
            idle_expires_at=None if idle_time is None else now + idle_time,
            auth_hash=subject.auth_hash,
            is_persistent=persistent,
            client=client,
        )
        return sealing.seal(self.hasher, record)

    def _candidates(self, secret: SessionSecret) -> Candidates:
        return self.hasher.candidates(secret) if secret.is_well_formed() else []

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


def authentic(hasher: SecretHasher, finding: Finding) -> Finding:
    """Return what a store has found, or the rejection of a row that was tampered with or that its user left behind."""
    if not isinstance(finding, SessionRecord):
        return finding
    if not sealing.is_sealed(hasher, finding):
        return finding.rejected(RejectionReason.TAMPERED)
    is_known = finding.user_id is not None and finding.user is not UNKNOWN_USER
    why = outdated_reason_in(finding.user, finding.auth_hash) if is_known else None
    return finding if why is None else finding.rejected(RejectionReason.OUTDATED, ends_for=why)


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


def _current(subject_or_user: object) -> Collection[str] | None:
    return None if isinstance(subject_or_user, str) else current_auth_hashes(subject_or_user)


def _idle_end(session: ActiveSessionRecord, now: datetime) -> datetime | None:
    return None if session.idle_time is None else now + session.idle_time
