"""Signing in and out, for a site that issues sessions itself."""

from datetime import timedelta

from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from codlet_sessions.api import sessions
from codlet_sessions.records import ActiveSessionRecord, RevocationReason
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
    session = session_of(request)
    previous = session.read()
    issued = sessions.issue(subject_or_user, lifetime=lifetime)
    if previous is not None:
        sessions.revoke(previous.id, reason=RevocationReason.ROTATED)
    session.replace(issued)
    rotate_token(request)
    return issued.record


async def alogin(
    request: HttpRequest, subject_or_user: object, *, lifetime: timedelta | None = None
) -> ActiveSessionRecord:
    """Sign in as `login` does, from async code."""
    session = session_of(request)
    previous = await session.aread()
    issued = await sessions.aissue(subject_or_user, lifetime=lifetime)
    if previous is not None:
        await sessions.arevoke(previous.id, reason=RevocationReason.ROTATED)
    session.replace(issued)
    rotate_token(request)
    return issued.record


def logout(request: HttpRequest) -> bool:
    """
    Revoke the session that ``request`` came with (reason "logout"); the response will clear its cookie.

    Returns:
        Whether there was a session to end.

    Raises:
        StoreError: The store could not answer, and the session may still be active.
        ImproperlyConfigured: The request did not come through our middleware.

    """
    session = session_of(request)
    current = session.read()
    if current is not None:
        sessions.revoke(current.id, reason=RevocationReason.LOGOUT, by=current.subject)
    session.replace(None)
    return current is not None


async def alogout(request: HttpRequest) -> bool:
    """Sign out as `logout` does, from async code."""
    session = session_of(request)
    current = await session.aread()
    if current is not None:
        await sessions.arevoke(current.id, reason=RevocationReason.LOGOUT, by=current.subject)
    session.replace(None)
    return current is not None
