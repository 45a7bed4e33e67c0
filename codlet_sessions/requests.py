"""What a request that came through our middleware is: one that knows its session, and can be found by what it calls."""

from collections.abc import Callable
from contextvars import ContextVar, Token
from functools import cache
from typing import Any, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from codlet_sessions.engine import EngineSession
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


class EngineRequest(SessionRequest):
    """A request whose ``session`` is one of an engine of ours, and is made when somebody asks for it."""

    _session_of_request: SharedCookieSession

    @property  # type: ignore[override]  # Django's stub has a plain attribute
    def session(self) -> EngineSession:
        """Django's session, not loaded yet. Can be replaced like a plain attribute; once deleted, it is None."""
        known: dict[str, EngineSession] = self.__dict__
        if "session" not in known:
            known["session"] = self._session_of_request.make()
        return known["session"]

    @session.setter
    def session(self, value: Any) -> None:
        self.__dict__["session"] = value

    @session.deleter
    def session(self) -> None:
        self.__dict__["session"] = None


def attach(request: Any, make: Callable[[HttpRequest], OwnCookieSession]) -> None:
    """
    Give ``request`` its ``codlet_session`` and ``acodlet_session()``, and ``make`` what is behind them.

    By way of its class, because only a property can be both lazy and a real None: a ``SimpleLazyObject`` that stands
    for None is not ``is None``.
    """
    if become(request, SessionRequest):
        request._session_of_request = make(request)


def attach_engine(request: Any, engine: type[EngineSession]) -> None:
    """Give ``request`` what `attach` does, and ``request.session``, which is one of ``engine``; no other any longer."""
    request.__dict__.pop("session", None)
    if become(request, EngineRequest):
        request._session_of_request = SharedCookieSession(request, engine)


def become(request: Any, kind: Any) -> bool:
    """
    Give ``request`` the properties and methods of ``kind``, a class of requests, beside those of its own class.

    Returns:
        Whether it had them not before.

    """
    if isinstance(request, kind):
        return False
    request_class: Any = type(request)
    request.__class__ = _with_those_of(request_class, kind)
    return True


def session_of(request: Any) -> RequestSession:
    """
    Return what ``request`` knows of its session.

    Raises:
        ImproperlyConfigured: The request did not come through our middleware.

    """
    try:
        session: RequestSession = request._session_of_request
    except AttributeError:
        raise ImproperlyConfigured(
            "This request has no codlet session: put 'codlet_sessions.middleware.SessionMiddleware' into MIDDLEWARE."
        ) from None
    return session


def begin(request: HttpRequest) -> "Token[HttpRequest | None]":
    """
    Let `current_session` find the session of ``request``, in this thread or task and in those it starts.

    Returns:
        What `end` needs, which must be called in the same thread or task.

    """
    return _under_way.set(request)


def end(begun: "Token[HttpRequest | None]") -> None:
    """Let `current_session` find what it did before `begin`."""
    _under_way.reset(begun)


def current_session() -> RequestSession | None:
    """Return the session of the request that is under way; None outside of one, in a command for instance."""
    return getattr(_under_way.get(), "_session_of_request", None)


_under_way: ContextVar[HttpRequest | None] = ContextVar("codlet_sessions.request", default=None)


@cache
def _with_those_of(request_class: type[HttpRequest], kind: type[HttpRequest]) -> type[HttpRequest]:
    return type(request_class.__name__, (kind, request_class), {"__module__": request_class.__module__})
