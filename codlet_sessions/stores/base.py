"""The contract between the rules and the place where sessions live."""

from abc import ABC, abstractmethod
from datetime import datetime
from uuid import UUID

from codlet_sessions.records import (
    REQUESTED,
    ActiveSessionRecord,
    Candidates,
    Cause,
    Rejection,
    RejectionReason,
    SessionRecord,
    Verdict,
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

    def look_up(self, candidates: Candidates, now: datetime) -> Verdict:
        """
        Find as `find_active_session` does, but answer with a `Rejection` that says why not, for signals and logs.

        A store that cannot tell need not override this: every reason is then "unknown".
        """
        return self.find_active_session(candidates, now) or Rejection(RejectionReason.UNKNOWN)

    async def alook_up(self, candidates: Candidates, now: datetime) -> Verdict:
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
    def revoke_subject(self, subject: str, now: datetime, cause: Cause = REQUESTED, *, keep: UUID | None = None) -> int:
        """
        End every active session of ``subject`` but ``keep``. Return how many this call ended.

        Raises:
            StoreUnavailable: The store could not be asked.

        """

    @abstractmethod
    async def arevoke_subject(
        self, subject: str, now: datetime, cause: Cause = REQUESTED, *, keep: UUID | None = None
    ) -> int:
        """Revoke as `revoke_subject` does, from async code."""

    @abstractmethod
    def list_active_sessions(self, subject: str, now: datetime) -> list[ActiveSessionRecord]:
        """
        Return the sessions of ``subject`` that are active at ``now``, the newest first.

        Raises:
            StoreUnavailable: The store could not be asked.

        """

    @abstractmethod
    async def alist_active_sessions(self, subject: str, now: datetime) -> list[ActiveSessionRecord]:
        """List as `list_active_sessions` does, from async code."""
