"""Proving again who one is: by the password that one has signed in with."""

from typing import Any

from django.contrib.auth import aauthenticate, authenticate
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from codlet_sessions import auth, events
from codlet_sessions.manager import SessionManager
from codlet_sessions.visitors import Visitor


@sensitive_variables("password")
def prove(request: HttpRequest, visitor: Visitor, password: str) -> bool:
    """
    Confirm the sign-in of ``visitor`` if ``password`` is theirs: see `codlet_sessions.auth.confirm`.

    The site's authentication backends decide, so that whatever they do about guessing is done here, too. A password of
    somebody else is a wrong one.

    Returns:
        Whether it was; if not, `codlet_sessions.signals.sign_in_not_confirmed` is sent.

    Raises:
        StoreError: The store could not answer.
        SessionInterrupted, SessionOver: The session has ended meanwhile.

    """
    proven = authenticate(request, **_credentials(visitor, password)) if visitor.has_password else None
    if proven is None or proven.pk != visitor.user.pk:
        events.sign_in_not_confirmed(visitor.session).tell(SessionManager)
        return False
    auth.confirm(request)
    return True


@sensitive_variables("password")
async def aprove(request: HttpRequest, visitor: Visitor, password: str) -> bool:
    """Prove as `prove` does, from async code."""
    proven = await aauthenticate(request, **_credentials(visitor, password)) if visitor.has_password else None
    if proven is None or proven.pk != visitor.user.pk:
        await events.sign_in_not_confirmed(visitor.session).atell(SessionManager)
        return False
    await auth.aconfirm(request)
    return True


@sensitive_variables("password")
def _credentials(visitor: Visitor, password: str) -> dict[str, Any]:
    return {visitor.user.USERNAME_FIELD: visitor.user.get_username(), "password": password}
