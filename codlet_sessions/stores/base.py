"""The contract between the rules and the place where sessions live."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from codlet_sessions.records import (
    REQUESTED,
    ActiveSessionRecord,
    Candidates,
    Cause,
    Finding,
    ListedSession,
    Rejection,
    RejectionReason,
    SessionRecord,
)


class SessionStore(ABC):
    """
    Where sessions live (codlet RFC-006, RFC-023).

    A store sees lookup keys, never a secret. "No session" is a value, not an exception: unknown, expired, revoked and
    mismatched are all None, and a `StoreError` always means that the store could not answer. Moments are aware.
    Every method has an async twin with the same arguments; write both by hand, because a twin that is derived
    from the other face splits from it silently as soon as somebody overrides one.

    `codlet_sessions.testing.SessionStoreConformance` proves an implementation.
    """

    @abstractmethod
    def find_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """
        Return the first session that any of ``candidates`` names and that is neither expired nor revoked at ``now``.

        One query, however many candidates. A session whose ``expires_at`` is ``now`` has expired. A session stored
        under another ``key_version`` than that of the candidate that found it does not match. Nothing is written.

        Raises:
            StoreUnavailable: The store could not be asked. Never to be taken for "no session".

        """

    @abstractmethod
    async def afind_active_session(self, candidates: Candidates, now: datetime) -> ActiveSessionRecord | None:
        """Find as `find_active_session` does, from async code."""

    def look_up(self, candidates: Candidates, now: datetime) -> Finding:
        """
        Find as `find_active_session` does, but return the whole record, or a `Rejection` that says why there is none.

        A record that comes whole has its seal checked, so that nobody can change whom it speaks for in the store. A
        store that keeps less, or cannot tell why not, need not override this: every reason is then "unknown".
        """
        return self.find_active_session(candidates, now) or Rejection(RejectionReason.UNKNOWN)

    async def alook_up(self, candidates: Candidates, now: datetime) -> Finding:
        """Look up as `look_up` does, from async code."""
        return await self.afind_active_session(candidates, now) or Rejection(RejectionReason.UNKNOWN)

    @abstractmethod
    def insert_session(self, record: SessionRecord) -> None:
        """
        Write a new session: never an upsert.

        Raises:
            StoreInvariantViolated: The id or the lookup key is taken. The session that has it is left as it was,
                and a transaction around this call can go on.
            StoreUnavailable: The store could not be asked.

        """

    @abstractmethod
    async def ainsert_session(self, record: SessionRecord) -> None:
        """Insert as `insert_session` does, from async code."""

    @abstractmethod
    def revoke_session(self, session_id: UUID, now: datetime, cause: Cause = REQUESTED) -> bool:
        """
        End a session for good. Return whether it was this call that ended it.

        False means that it was revoked before (its first moment, reason and actor stay) or never existed; neither is an
        error. Once this call has returned and its transaction has committed, no lookup finds the session.

        Raises:
            StoreUnavailable: The store could not be asked, and the session may still be active.

        """

    @abstractmethod
    async def arevoke_session(self, session_id: UUID, now: datetime, cause: Cause = REQUESTED) -> bool:
        """Revoke as `revoke_session` does, from async code."""

    @abstractmethod
    def revoke_subject(
        self,
        subject: str,
        now: datetime,
        cause: Cause = REQUESTED,
        *,
        keep: UUID | None = None,
        current: Collection[str] | None = None,
    ) -> int:
        """
        End every active session of ``subject`` but ``keep``. Return how many this call ended.

        With ``current``, what the user's credentials come to by now, only those that began under others: sessions under
        one of these hashes, and sessions that know of none, go on.

        Raises:
            StoreUnavailable: The store could not be asked.

        """

    @abstractmethod
    async def arevoke_subject(
        self,
        subject: str,
        now: datetime,
        cause: Cause = REQUESTED,
        *,
        keep: UUID | None = None,
        current: Collection[str] | None = None,
    ) -> int:
        """Revoke as `revoke_subject` does, from async code."""

    def touch_session(self, session: ActiveSessionRecord, now: datetime, idle_expires_at: datetime | None) -> bool:
        """
        Write down that ``session`` is in use at ``now``, and when it ends if nobody uses it again.

        One narrow conditional UPDATE: nothing is written if the session has ended, or if somebody has written so since
        it was read. Return whether it was written. A store that keeps no such moments need not override it.

        Raises:
            StoreUnavailable: The store could not be asked.

        """
        return False

    async def atouch_session(
        self, session: ActiveSessionRecord, now: datetime, idle_expires_at: datetime | None
    ) -> bool:
        """Touch as `touch_session` does, from async code."""
        return False

    def is_new_device(self, subject: str, devices: Collection[str], but: UUID) -> bool:
        """
        Return whether ``subject`` has signed in before, and never on any of ``devices``, session ``but`` aside.

        Sessions that are over count as long as their rows are there. A store that keeps no devices need not say.

        Raises:
            StoreUnavailable: The store could not be asked.

        """
        return False

    async def ais_new_device(self, subject: str, devices: Collection[str], but: UUID) -> bool:
        """Tell as `is_new_device` does, from async code."""
        return False

    @abstractmethod
    def list_active_sessions(
        self, subject: str, now: datetime, *, current: Collection[str] | None = None
    ) -> list[ListedSession]:
        """
        Return the sessions of ``subject`` that are active at ``now``, the newest first.

        With ``current``, without those that `revoke_subject` would end for it.

        Raises:
            StoreUnavailable: The store could not be asked.

        """

    @abstractmethod
    async def alist_active_sessions(
        self, subject: str, now: datetime, *, current: Collection[str] | None = None
    ) -> list[ListedSession]:
        """List as `list_active_sessions` does, from async code."""


class SessionDataStore(SessionStore):
    """
    A store that keeps the data of sessions, too: what an engine for ``request.session`` needs.

    Its `look_up` returns whole records, and its revocations empty their data.
    """

    @abstractmethod
    def look_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """
        Return the whole record that `find_active_session` would find, or why there is none.

        One query, and a second one only when nothing was found: a key that `update_session` has replaced less than a
        minute ago is superseded, not just unknown.
        """

    @abstractmethod
    async def alook_up(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """Look up as `look_up` does, from async code."""

    def look_up_with_user(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """
        Look up as `look_up` does, for somebody who needs the user, too: from where both come together, if they do.

        A store that has one place to look need not override it.

        Raises:
            StoreUnavailable: The store could not be asked.

        """
        return self.look_up(candidates, now)

    async def alook_up_with_user(self, candidates: Candidates, now: datetime) -> SessionRecord | Rejection:
        """Look up as `look_up_with_user` does, from async code."""
        return await self.alook_up(candidates, now)

    @abstractmethod
    def read_session(self, session_id: UUID) -> SessionRecord | None:
        """
        Return the session of that id as it is now, in whatever state, or None when there is none.

        Inside a transaction the answer is the last committed one, not the one that the transaction began with.

        Raises:
            StoreUnavailable: The store could not be asked.

        """

    @abstractmethod
    async def aread_session(self, session_id: UUID) -> SessionRecord | None:
        """Read as `read_session` does, from async code."""

    @abstractmethod
    def update_session(self, seen: SessionRecord, wanted: SessionRecord, now: datetime) -> bool:
        """
        Turn the session from what was ``seen`` into what is ``wanted``: one conditional UPDATE.

        Return whether that happened. False means that the session is revoked, expired or gone, or that its
        ``data_version`` is no longer that of ``seen``; nothing is written then. A lookup key that is replaced at
        ``now`` is remembered for `look_up`.

        Raises:
            StoreInvariantViolated: A value does not fit.
            StoreUnavailable: The store could not be asked.

        """

    @property
    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether what is written now can still be rolled back by the caller. False where nothing can."""

    @abstractmethod
    def end_session(self, seen: SessionRecord, now: datetime, cause: Cause) -> bool:
        """
        End the session that was ``seen``, as `revoke_session` does, unless it goes under another lookup key by now.

        For whoever signs out by its cookie: what has a newer cookie is not theirs to end.

        Raises:
            StoreUnavailable: The store could not be asked, and the session may still be active.

        """

    @abstractmethod
    async def aend_session(self, seen: SessionRecord, now: datetime, cause: Cause) -> bool:
        """End as `end_session` does, from async code."""

    @abstractmethod
    async def aupdate_session(self, seen: SessionRecord, wanted: SessionRecord, now: datetime) -> bool:
        """Update as `update_session` does, from async code."""
