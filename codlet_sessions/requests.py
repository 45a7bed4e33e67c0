"""What one request knows of its session, from the cookie that came to the cookie that goes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, cast

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from codlet_sessions.api import get_cookie_policy, sessions
from codlet_sessions.errors import KeysUnavailable, StoreError
from codlet_sessions.issued import IssuedSession
from codlet_sessions.records import ActiveSessionRecord, Rejection, Verdict
from codlet_sessions.secrets import SessionSecret

FAILURES: Final = (StoreError, KeysUnavailable)
"""What makes a request unanswerable rather than anonymous."""

_SERVER_ERROR: Final = 500


class RequestSession:
    """
    One request's session: read at most once, and only if somebody asks.

    Attributes:
        accessed: Whether somebody asked, or signed in or out.
        failure: The error that kept the store or the keys from answering, if they failed.

    """

    __slots__ = ("_issued", "_record", "_turn", "_unread", "_was_rejected", "_was_sent", "accessed", "failure")

    def __init__(self, request: HttpRequest) -> None:
        self._unread = get_cookie_policy().take(request)
        self._was_sent = self._unread is not None
        self._record: ActiveSessionRecord | None = None
        self._issued: IssuedSession | None = None
        self._turn: asyncio.Lock | None = None
        self._was_rejected = False
        self.accessed = False
        self.failure: Exception | None = None

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

    def replace(self, issued: IssuedSession | None) -> None:
        """Go on with a session that was just issued, or with none."""
        self.accessed = True
        self._unread = None
        self._was_rejected = issued is None and self._was_sent
        self._issued = issued
        self._record = None if issued is None else issued.record

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
        if response.status_code < _SERVER_ERROR:
            if self._issued is not None:
                self._issued.set_cookie(response)
            elif self._was_rejected:
                get_cookie_policy().clear(response)
            self.forget()
        if self.accessed:
            get_cookie_policy().vary(response)

    def _to_ask_for(self) -> SessionSecret | None:
        self.accessed = True
        if self.failure is not None:
            raise self.failure
        return self._unread

    def _learn(self, verdict: Verdict) -> None:
        self._unread = None
        if isinstance(verdict, Rejection):
            self._was_rejected = not verdict.spares_the_cookie
        else:
            self._record = verdict

    @contextmanager
    def _remembering_failure(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            self.failure = error
            raise


class SessionRequest(HttpRequest):
    """
    A request that came through our middleware: the type to give to a view's ``request``.

    Every such request is one, whatever else its class is.
    """

    _session_of_request: RequestSession

    @property
    def codlet_session(self) -> ActiveSessionRecord | None:
        """Who this request speaks for, or None. Asks the store on first use."""
        return self._session_of_request.read()

    async def acodlet_session(self) -> ActiveSessionRecord | None:
        """Return `codlet_session`, from async code."""
        return await self._session_of_request.aread()


def attach(request: HttpRequest) -> None:
    """
    Give ``request`` its ``codlet_session`` and ``acodlet_session()``.

    By way of its class, because only a property can be both lazy and a real None: a ``SimpleLazyObject`` that stands
    for None is not ``is None``.
    """
    if not isinstance(request, SessionRequest):
        request.__class__ = _with_session(cast(Any, type(request)))
        cast(Any, request)._session_of_request = RequestSession(request)


def session_of(request: HttpRequest) -> RequestSession:
    """
    Return what ``request`` knows of its session.

    Raises:
        ImproperlyConfigured: The request did not come through our middleware.

    """
    try:
        return cast(RequestSession, cast(Any, request)._session_of_request)
    except AttributeError:
        raise ImproperlyConfigured(
            "This request has no codlet session: put 'codlet_sessions.middleware.SessionMiddleware' into MIDDLEWARE."
        ) from None


@cache
def _with_session(request_class: type[HttpRequest]) -> type[HttpRequest]:
    return type(request_class.__name__, (SessionRequest, request_class), {"__module__": request_class.__module__})
