"""
Views that want to know, just now, that it is still the same person (ASVS 5.0 7.5.1, 7.5.3).

A session knows when its subject last proved who it is, ``authenticated_at``. These gates let a request through if that
was recently; otherwise they ask for the password, and take up where the user was.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeAlias, cast, overload

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse

from codlet_sessions import carrying, conf, questions
from codlet_sessions.api import sessions
from codlet_sessions.carrying import Carried
from codlet_sessions.proofs import aprove, prove
from codlet_sessions.timeouts import span
from codlet_sessions.visitors import Visitor, avisitor_of, visitor_of
from codlet_sessions.writes import SessionOver

View: TypeAlias = Callable[..., Any]
MaxAge: TypeAlias = timedelta | float | None

_OVER = (SessionInterrupted, SessionOver)  # it has ended meanwhile


def is_recent(visitor: Visitor, max_age: MaxAge = None) -> bool:
    """
    Return whether ``visitor`` has proved who they are within ``max_age``.

    Args:
        visitor: Somebody who is signed in.
        max_age: A timedelta or a number of seconds; ``CODLET_SESSIONS["RECENT_SIGN_IN"]`` when not given.

    Raises:
        ValueError: ``max_age`` is neither, or not longer than nothing.

    """
    return sessions.clock() - visitor.session.authenticated_at <= (span(max_age) or conf.recent_sign_in())


@overload
def recent_sign_in_required(view: View, /) -> View: ...
@overload
def recent_sign_in_required(max_age: MaxAge = None) -> Callable[[View], View]: ...
def recent_sign_in_required(max_age: Any = None) -> Any:
    """
    Let a view, sync or async, be used by those only who have proved recently who they are.

    With or without an argument: ``@recent_sign_in_required`` or ``@recent_sign_in_required(300)``.

    Whoever is not signed in is sent to LOGIN_URL, as by Django's ``login_required``. Whoever signed in too long ago is
    asked for the password: on a page of its own that leads back (GET), or at once, with everything that the form had
    (POST), which the view gets after the right password, in the same request. What no form of a page has sent, and
    whoever would rather have JSON, is answered with a 403 in JSON, so that it can be sent again.

    Args:
        max_age: How long ago the sign-in may be: a timedelta or a number of seconds;
            ``CODLET_SESSIONS["RECENT_SIGN_IN"]`` when not given.

    Raises:
        ValueError: ``max_age`` is neither, or not longer than nothing.

    """
    if callable(max_age):
        return _gated(max_age, None, prefers_json=None)
    span(max_age)  # said when the module is loaded, and not when the first visitor comes
    return lambda view: _gated(view, max_age, prefers_json=None)


def recent_sign_in_required_json(view: View) -> View:
    """Do the same as `recent_sign_in_required` for a view that answers everybody with JSON."""
    return _gated(view, None, prefers_json=True)


class RecentSignInRequiredMixin:
    """
    Does for a class-based view, sync or async, what `recent_sign_in_required` does for a function.

    Attributes:
        max_age: How long ago the sign-in may be: a timedelta or a number of seconds;
            ``CODLET_SESSIONS["RECENT_SIGN_IN"]`` when None.

    """

    max_age: MaxAge = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Dispatch ``request`` if its sender has signed in recently."""
        onward: View = super().dispatch  # type: ignore[misc]  # it is mixed into a View
        if getattr(self, "view_is_async", False):

            async def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
                response: HttpResponse = await onward(request, *args, **kwargs)
                return response

            return recent_sign_in_required(self.max_age)(view)(request, *args, **kwargs)
        return recent_sign_in_required(self.max_age)(onward)(request, *args, **kwargs)


def _gated(view: View, max_age: MaxAge, *, prefers_json: bool | None) -> View:
    if iscoroutinefunction(view):

        @wraps(view)
        async def agate(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            refusal = await _arefusal(request, max_age, prefers_json=prefers_json)
            return await view(request, *args, **kwargs) if refusal is None else refusal

        return agate

    @wraps(view)
    def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        refusal = _refusal(request, max_age, prefers_json=prefers_json)
        return view(request, *args, **kwargs) if refusal is None else refusal

    return gate


def _refusal(request: HttpRequest, max_age: MaxAge, *, prefers_json: bool | None) -> HttpResponse | None:
    visitor = visitor_of(request)
    answer = _without_password(request, visitor, max_age, prefers_json=prefers_json)
    if visitor is None or not isinstance(answer, Carried):
        return cast(HttpResponse | None, answer)
    if answer.password is not None:
        try:
            if prove(request, visitor, answer.password):
                return None
        except _OVER:
            return questions.ask_to_sign_in(request, json=False)
    return questions.ask_here(request, visitor, answer)


async def _arefusal(request: HttpRequest, max_age: MaxAge, *, prefers_json: bool | None) -> HttpResponse | None:
    visitor = await avisitor_of(request)
    answer = _without_password(request, visitor, max_age, prefers_json=prefers_json)
    if visitor is None or not isinstance(answer, Carried):
        return cast(HttpResponse | None, answer)
    if answer.password is not None:
        try:
            if await aprove(request, visitor, answer.password):
                return None
        except _OVER:
            return questions.ask_to_sign_in(request, json=False)
    return await _ask_here(request, visitor, answer)


def _without_password(
    request: HttpRequest, visitor: Visitor | None, max_age: MaxAge, *, prefers_json: bool | None
) -> Any:
    """Return what can be said before a password is looked at: an answer, None to go on, or a form and what is in it."""
    json = questions.wants_json(request) if prefers_json is None else prefers_json
    if visitor is None:
        return questions.ask_to_sign_in(request, json=json)
    if is_recent(visitor, max_age):
        if carrying.may_be_ours(request):  # our page was sent twice
            carrying.take(request)
        return None
    if json:
        return questions.needs_recent_sign_in()
    return carrying.take(request) if carrying.is_form(request) else questions.ask_elsewhere(request)


_ask_here = sync_to_async(questions.ask_here)  # a template of the host may ask the database
