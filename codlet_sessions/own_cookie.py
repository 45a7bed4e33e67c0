"""The session of a request whose cookie is ours alone: a site that keeps another SESSION_ENGINE, or none."""

import asyncio
from datetime import timedelta

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from codlet_sessions.api import get_cookie_policy, sessions
from codlet_sessions.cookies import SERVER_ERROR
from codlet_sessions.failures import RemembersFailure
from codlet_sessions.issued import IssuedSession
from codlet_sessions.records import ActiveSessionRecord, Rejection, RevocationReason, Verdict
from codlet_sessions.secrets import SessionSecret


class OwnCookieSession(RemembersFailure):
    """
    One request's session: read at most once, and only if somebody asks.

    Attributes:
        accessed: Whether somebody asked, or signed in or out.

    """

    def __init__(self, request: HttpRequest) -> None:
        self._unread = get_cookie_policy().take(request)
        self._was_sent = self._unread is not None
        self._record: ActiveSessionRecord | None = None
        self._issued: IssuedSession | None = None
        self._turn: asyncio.Lock | None = None
        self._was_rejected = False
        self.accessed = False

    def read(self) -> ActiveSessionRecord | None:
        """
        Return the session that the cookie opens, or None.

        Raises:
            StoreError, KeysUnavailable: There was no answer; asking again in this request raises the same.

        """
        if (secret := self._to_ask_for()) is not None:
            with self._remembering_failure():
                self._learn(sessions.judge(secret))
        return self._record

    async def aread(self) -> ActiveSessionRecord | None:
        """Read as `read` does, from async code."""
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:  # two tasks of one request share one query
            if (secret := self._to_ask_for()) is not None:
                with self._remembering_failure():
                    self._learn(await sessions.ajudge(secret))
        return self._record

    def sign_in(self, subject_or_user: object, lifetime: timedelta | None) -> ActiveSessionRecord:
        """Begin a session, and end the one that the request came with (reason "rotated")."""
        previous = self.read()
        issued = sessions.issue(subject_or_user, lifetime=lifetime)
        if previous is not None:
            sessions.revoke(previous.id, reason=RevocationReason.ROTATED)
        self._go_on_with(issued)
        return issued.record

    async def asign_in(self, subject_or_user: object, lifetime: timedelta | None) -> ActiveSessionRecord:
        """Sign in as `sign_in` does, from async code."""
        previous = await self.aread()
        issued = await sessions.aissue(subject_or_user, lifetime=lifetime)
        if previous is not None:
            await sessions.arevoke(previous.id, reason=RevocationReason.ROTATED)
        self._go_on_with(issued)
        return issued.record

    def sign_out(self) -> bool:
        """Revoke the session, if there is one (reason "logout"). Return whether there was."""
        current = self.read()
        if current is not None:
            sessions.revoke(current.id, reason=RevocationReason.LOGOUT, by=current.subject)
        self._go_on_with(None)
        return current is not None

    async def asign_out(self) -> bool:
        """Sign out as `sign_out` does, from async code."""
        current = await self.aread()
        if current is not None:
            await sessions.arevoke(current.id, reason=RevocationReason.LOGOUT, by=current.subject)
        self._go_on_with(None)
        return current is not None

    def forget(self) -> None:
        """
        Leave the browser's cookie as it is, whatever was decided so far.

        For a view that raised: under ATOMIC_REQUESTS its sign-in or sign-out is rolled back, on a 404 as on a 500.
        """
        self._issued, self._was_rejected = None, False

    def answer(self, response: HttpResponseBase) -> None:
        """
        Write into ``response`` what the browser and the caches must know.

        A server error changes no cookie: what it was about to say may have been rolled back.
        """
        if response.status_code < SERVER_ERROR:
            if self._issued is not None:
                self._issued.set_cookie(response)
            elif self._was_rejected and get_cookie_policy().name not in response.cookies:
                get_cookie_policy().clear(response)
            self.forget()
        if self.accessed:
            get_cookie_policy().vary(response)

    async def aanswer(self, response: HttpResponseBase) -> None:
        """Answer as `answer` does, from async code."""
        self.answer(response)

    def _go_on_with(self, issued: IssuedSession | None) -> None:
        self.accessed = True
        self._unread = None
        self._was_rejected = issued is None and self._was_sent
        self._issued = issued
        self._record = None if issued is None else issued.record

    def _to_ask_for(self) -> SessionSecret | None:
        self.accessed = True
        return self._unread

    def _learn(self, verdict: Verdict) -> None:
        self._unread = None
        if isinstance(verdict, Rejection):
            self._was_rejected = not verdict.spares_the_cookie
        else:
            self._record = verdict if verdict.subject else None
