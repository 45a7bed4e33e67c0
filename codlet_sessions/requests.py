"""What a request that came through our middleware is: one that knows its session, and can be found by what it calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeAlias, cast

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from codlet_sessions.own_cookie import OwnCookieSession
from codlet_sessions.records import ActiveSessionRecord
from codlet_sessions.shared_cookie import SharedCookieSession

RequestSession: TypeAlias = OwnCookieSession | SharedCookieSession


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


def attach(request: HttpRequest, make: Callable[[HttpRequest], RequestSession]) -> None:
    """
    Give ``request`` its ``codlet_session`` and ``acodlet_session()``, and ``make`` what is behind them.

    By way of its class, because only a property can be both lazy and a real None: a ``SimpleLazyObject`` that stands
    for None is not ``is None``.
    """
    if not isinstance(request, SessionRequest):
        request.__class__ = _with_session(cast(Any, type(request)))
        cast(Any, request)._session_of_request = make(request)


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


@contextmanager
def under_way(request: HttpRequest) -> Iterator[None]:
    """Let `current_session` find the session of ``request``, in this thread or task and in those it starts."""
    token = _request_under_way.set(request)
    try:
        yield
    finally:
        _request_under_way.reset(token)


def current_session() -> RequestSession | None:
    """Return the session of the request that is under way; None outside of one, in a command for instance."""
    return getattr(_request_under_way.get(), "_session_of_request", None)


_request_under_way: ContextVar[HttpRequest | None] = ContextVar("codlet_sessions.request", default=None)


@cache
def _with_session(request_class: type[HttpRequest]) -> type[HttpRequest]:
    return type(request_class.__name__, (SessionRequest, request_class), {"__module__": request_class.__module__})
