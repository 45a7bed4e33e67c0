"""Who has sent a request, as far as its session says: for pages that show sessions, end them, or ask for a password."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import router
from django.http import HttpRequest

from codlet_sessions.records import ActiveSessionRecord
from codlet_sessions.requests import session_of
from codlet_sessions.subjects import may_sign_in


@dataclass(frozen=True, slots=True)
class Visitor:
    """
    Somebody who is signed in.

    Attributes:
        session: The session that the request came with.
        user: The user of AUTH_USER_MODEL whose session it is; None if the subject is a device, or any other name.

    """

    session: ActiveSessionRecord
    user: Any = None

    @property
    def subject_or_user(self) -> object:
        """Whose session this is, as every method of ``sessions`` takes it: a user is asked for by its credentials."""
        return self.session.subject if self.user is None else self.user

    @property
    def has_password(self) -> bool:
        """Whether there is a password to ask for: a device has none, nor has who signs in by way of another site."""
        return self.user is not None and bool(self.user.has_usable_password())


def visitor_of(request: HttpRequest) -> Visitor | None:
    """
    Return who has sent ``request``, or None.

    It is the session that counts, also beside another engine, whose ``request.user`` may be somebody else: two answers
    are none. A user who may not sign in any longer, or has another password by now, is nobody.

    Two queries, however often it is asked in one request: the session and its user. One, if the subject is no user.

    Raises:
        StoreError, KeysUnavailable: There was no answer.
        ImproperlyConfigured: The request did not come through our middleware.

    """
    known = getattr(request, "user", None)
    is_known = known is not None and known.is_authenticated  # asked first: it may end the session
    session = session_of(request).read()
    if session is None:
        return None
    user = known if is_known else _met_before(request, session)
    if user is None:
        user = _met(request, _user_named(session.subject))
    return _agreed(request, session, user)


async def avisitor_of(request: HttpRequest) -> Visitor | None:
    """Return who has sent ``request``, as `visitor_of` does, from async code."""
    known = await request.auser() if hasattr(request, "auser") else None
    is_known = known is not None and known.is_authenticated
    session = await session_of(request).aread()
    if session is None:
        return None
    user = known if is_known else _met_before(request, session)
    if user is None:
        user = _met(request, await _auser_named(session.subject))
    return _agreed(request, session, user)


def _agreed(request: HttpRequest, session: ActiveSessionRecord, user: Any) -> Visitor | None:
    if user is None:
        return Visitor(session)
    is_somebody_else = str(user.pk) != session.subject
    if is_somebody_else or not may_sign_in(user) or session_of(request).is_outdated(user):
        return None
    return Visitor(session, user)


def _met_before(request: Any, session: ActiveSessionRecord) -> Any:
    """Return the user of ``session``, if it was asked for in this request already."""
    user = getattr(request, "_codlet_user", None)
    return user if user is not None and str(user.pk) == session.subject else None


def _met(request: Any, user: Any) -> Any:
    request._codlet_user = user
    return user


def _user_named(subject: str) -> Any:
    user = None if (rows := _users_named(subject)) is None else rows.first()
    return user if user is not None and str(user.pk) == subject else None


async def _auser_named(subject: str) -> Any:
    user = None if (rows := _users_named(subject)) is None else await rows.afirst()
    return user if user is not None and str(user.pk) == subject else None


def _users_named(subject: str) -> Any:
    """Return those whose primary key ``subject`` may be; None if it can be nobody's. From the primary, as always."""
    model = get_user_model()
    try:
        key = model._meta.pk.to_python(subject)
    except ValidationError:
        return None
    return model._base_manager.using(router.db_for_write(model)).filter(pk=key)
