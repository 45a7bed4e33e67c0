"""The doors that every request comes through."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY, aget_user, get_user
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from codlet_sessions import api, conf
from codlet_sessions.departures import adeparture, departure
from codlet_sessions.engine import EngineSession
from codlet_sessions.errors import FAILURES, SessionLimitReached
from codlet_sessions.own_cookie import OwnCookieSession
from codlet_sessions.records import RevocationReason
from codlet_sessions.requests import EngineRequest, attach, attach_engine, become, begin, end, session_of
from codlet_sessions.vouching import auser_of, user_of

logger = logging.getLogger("codlet_sessions")

LIMIT_REACHED_TEMPLATE = "codlet_sessions/limit_reached.html"
UNAVAILABLE_TEMPLATE = "codlet_sessions/unavailable.html"
_RETRY_AFTER = 30  # seconds
_STEPS = ("process_request", "process_response")


class SessionMiddleware(DjangoSessionMiddleware):
    """
    Gives each request ``request.session``, ``request.codlet_session`` and ``await request.acodlet_session()``.

    It stands in the place of Django's, which it is a subclass of. All are lazy: a request that asks for none of them
    costs no query, and under ASGI no thread hop. Under an engine of ours they are views of one cookie and one row, and
    cost one query together; under another engine ``request.session`` is that engine's, with its own cookie.

    When the store or the keys do not answer, the response is a 503 made from ``codlet_sessions/unavailable.html``,
    and the cookie stays as it is (ASVS 5.0 16.5.3: fail securely).

    Raises:
        ImproperlyConfigured, KeysUnavailable: At start-up: there is no usable key, or ``CODLET_SESSIONS`` is wrong.

    """

    get_response: Any  # in async code, what it returns is waited for
    SessionStore: Any

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._goes_djangos_way = _has_steps_of_its_own(type(self), SessionMiddleware)
        api.get_manager()  # no key, no service: said when the server starts, not when the first visitor comes
        self._is_ours = issubclass(self.SessionStore, EngineSession)
        if self._is_ours:
            api.get_keeper()

    def __call__(self, request: HttpRequest) -> Any:
        """Handle a request, which `codlet_sessions.requests.current_session` knows meanwhile."""
        if self.async_mode:
            return self.__acall__(request)
        begun = begin(request)
        try:
            return super().__call__(request)
        finally:
            end(begun)

    def process_request(self, request: HttpRequest) -> None:
        """Attach both sessions to the request. Under an engine of ours nothing is read yet, not even its cookies."""
        if self._is_ours:
            attach_engine(request, self.SessionStore)
        else:
            super().process_request(request)
            attach(request, OwnCookieSession)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save the session if it changed, and write what browser and caches must know into the response."""
        response = _or_unavailable(request, response)
        if not self._is_ours:
            response = super().process_response(request, response)
        try:
            session_of(request).answer(response)
        except FAILURES as failure:
            return _unavailable(failure)
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        """Handle a request without leaving the event loop, unless a session has to be saved."""
        begun = begin(request)
        try:
            if self._goes_djangos_way:
                return cast(HttpResponse, await super().__acall__(request))
            self.process_request(request)
            response = _or_unavailable(request, await self.get_response(request))
            if not self._is_ours:
                save = super().process_response
                may_block = _django_session_will_be_saved(request)
                response = await sync_to_async(save)(request, response) if may_block else save(request, response)
            try:
                await session_of(request).aanswer(response)
            except FAILURES as failure:
                return _unavailable(failure)
            return response
        finally:
            end(begun)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """
        Answer a view's `StoreError` or `KeysUnavailable` with the 503, its `SessionLimitReached` with a 403 of our own.

        What a view wrote that raised is in doubt.
        """
        session_of(request).forget()
        if isinstance(exception, SessionLimitReached):
            return HttpResponseForbidden(_page(LIMIT_REACHED_TEMPLATE, _("Too many sessions."), request))
        return _unavailable(exception) if isinstance(exception, FAILURES) else None


class UserRequest(HttpRequest):
    """A request that knows its user: nothing is made of that until somebody asks."""

    @property
    def user(self) -> Any:
        """Who has signed in, not read yet. Can be replaced like a plain attribute; once deleted, it is as before."""
        known = self.__dict__
        if "user" not in known:
            known["user"] = LazyUser(partial(_user, self))
        return known["user"]

    @user.setter
    def user(self, value: Any) -> None:
        self.__dict__["user"] = value

    @user.deleter
    def user(self) -> None:
        self.__dict__.pop("user", None)

    async def auser(self) -> Any:
        """Return ``user``, from async code."""
        return await _auser(self)


class LazyUser(SimpleLazyObject):  # type: ignore[type-arg]  # generic in the stubs alone
    """A user that is read when somebody looks at it, and lets go of its request then: neither keeps the other alive."""

    def _setup(self) -> None:
        if (fetch := self._setupfunc) is not None:  # else another thread has been here just now
            self._wrapped = fetch()
            self.__dict__["_setupfunc"] = None


class AuthenticationMiddleware(DjangoAuthenticationMiddleware):
    """
    Gives each request ``request.user`` and ``await request.auser()``; stands in the place of Django's.

    The two agree: whoever asks second gets the first one's answer, without a query, also after ``login()`` and
    ``logout()`` in any version of Django. No thread hop unless the user has to be fetched.

    A session under our engine whose user has another password by now, or is deactivated or deleted, is ended with that
    reason (ASVS 5.0 7.4.2, 7.4.3): what ``QuerySet.update()`` did, no signal tells.
    """

    get_response: Any

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._goes_djangos_way = _has_steps_of_its_own(type(self), AuthenticationMiddleware)

    def process_request(self, request: HttpRequest) -> None:
        """Attach the user to the request. Reads nothing yet."""
        if not isinstance(request, EngineRequest):  # which has a session, though it may not be made yet
            super().process_request(request)
        known = request.__dict__
        known.pop("user", None)  # Django's, or that of another one of us
        known.pop("auser", None)
        become(request, UserRequest)

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        """Handle a request without leaving the event loop."""
        if self._goes_djangos_way:
            return cast(HttpResponse, await super().__acall__(request))
        self.process_request(request)
        response: HttpResponse = await self.get_response(request)
        return response


def _has_steps_of_its_own(kind: type, base: type) -> bool:
    """Whether a subclass of a host has steps that may block or answer: those go Django's way, by threads."""
    return any(getattr(kind, step, None) is not getattr(base, step, None) for step in _STEPS)


def _user(request: Any) -> Any:
    if not hasattr(request, "_cached_user"):  # where Django's own request.user looks first
        session = request.session
        _say_what_for(session)
        session.get(SESSION_KEY)  # so that it is loaded
        if (user := user_of(session)) is None:
            with _ending_for(request, RevocationReason.CREDENTIALS_CHANGED):
                user = get_user(request)
        request._cached_user = user
        if not request._cached_user.is_authenticated and (reason := departure(request.session)):
            with _ending_for(request, reason):
                request.session.flush()
    return request._cached_user


async def _auser(request: Any) -> Any:
    known = request.__dict__.get("user")
    if known is not None and type(known) is not LazyUser:  # login() or logout() has put somebody there
        return known
    if not hasattr(request, "_cached_user"):
        session = request.session
        _say_what_for(session)
        await session.aget(SESSION_KEY)
        if (user := await auser_of(session)) is None:
            with _ending_for(request, RevocationReason.CREDENTIALS_CHANGED):
                user = await aget_user(request)
        request._cached_user = user
        if not request._cached_user.is_authenticated and (reason := await adeparture(request.session)):
            with _ending_for(request, reason):
                await request.session.aflush()
    return request._cached_user


def _say_what_for(session: object) -> None:
    if isinstance(session, EngineSession):
        session.needs_user = True


@contextmanager
def _ending_for(request: HttpRequest, reason: str) -> Iterator[None]:
    """Have the session, if it ends meanwhile, end for ``reason``: Django has one flush() for everything."""
    if isinstance(request.session, EngineSession):
        with request.session.ending_for(reason):
            yield
    else:
        yield


def _django_session_will_be_saved(request: HttpRequest) -> bool:
    session = getattr(request, "session", None)  # a view may have deleted it
    return session is not None and (conf.saves_every_request() or session.modified)


def _or_unavailable(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if response.status_code != 500:
        return response
    # Another middleware may have asked for the session: Django has turned what it raised into a plain 500 by now.
    failure = session_of(request).failure
    return response if failure is None else _unavailable(failure)


def _page(template: str, sentence: str, request: HttpRequest | None = None) -> str:
    try:
        return str(render_to_string(template, request=request))
    except TemplateDoesNotExist:  # a host without template engines
        return sentence


def _unavailable(failure: Exception) -> HttpResponse:
    logger.error("Answered 503: %s", failure, exc_info=failure)
    # Without the request: a context processor may need the very thing that is down.
    body = _page(UNAVAILABLE_TEMPLATE, _("The service is unavailable for the moment. Please try again."))
    return HttpResponse(body, status=503, headers={"Retry-After": str(_RETRY_AFTER), "Cache-Control": "no-store"})
