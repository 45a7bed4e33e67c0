"""Signing in and out, for a site that decides itself who somebody is: a user, a device, any name."""

from datetime import timedelta

from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from codlet_sessions.records import ActiveSessionRecord
from codlet_sessions.requests import session_of


def login(request: HttpRequest, subject_or_user: object, *, lifetime: timedelta | None = None) -> ActiveSessionRecord:
    """
    Begin a session for a subject whose identity the caller has checked.

    The response to ``request`` will carry its cookie. The session that the request came with, if any, is revoked
    (reason "rotated"): the new one has a new secret, so a cookie planted before signing in is worth nothing after it
    (CWE-384; ASVS 5.0 7.2.4). The CSRF token changes too.

    Args:
        request: A request that came through `codlet_sessions.middleware.SessionMiddleware`.
        subject_or_user, lifetime: As in `SessionManager.issue`.

    Returns:
        The new session, which is ``request.codlet_session`` from now on.

    Raises:
        TypeError, ValueError, StoreError: As `SessionManager.issue`.
        ImproperlyConfigured: The request did not come through our middleware.

    """
    record = session_of(request).sign_in(subject_or_user, lifetime)
    rotate_token(request)
    return record


async def alogin(
    request: HttpRequest, subject_or_user: object, *, lifetime: timedelta | None = None
) -> ActiveSessionRecord:
    """Sign in as `login` does, from async code."""
    record = await session_of(request).asign_in(subject_or_user, lifetime)
    rotate_token(request)
    return record


def logout(request: HttpRequest) -> bool:
    """
    Revoke the session that ``request`` came with (reason "logout"); the response will clear its cookie.

    Returns:
        Whether there was a session to end.

    Raises:
        StoreError: The store could not answer, and the session may still be active.
        ImproperlyConfigured: The request did not come through our middleware.

    """
    return session_of(request).sign_out()


async def alogout(request: HttpRequest) -> bool:
    """Sign out as `logout` does, from async code."""
    return await session_of(request).asign_out()
