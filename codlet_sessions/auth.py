"""Signing in and out, for a site that decides itself who somebody is: a user, a device, any name."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from codlet_sessions import events
from codlet_sessions.api import sessions
from codlet_sessions.manager import SessionManager
from codlet_sessions.records import ActiveSessionRecord, RevocationReason
from codlet_sessions.requests import current_session, session_of
from codlet_sessions.subjects import subject_of


def login(
    request: HttpRequest,
    subject_or_user: object,
    *,
    lifetime: timedelta | None = None,
    persistent: bool | None = None,
) -> ActiveSessionRecord:
    """
    Begin a session for a subject whose identity the caller has checked.

    The response to ``request`` will carry its cookie. The session that the request came with, if any, is revoked
    (reason "rotated"): the new one has a new secret, so a cookie planted before signing in is worth nothing after it
    (CWE-384; ASVS 5.0 7.2.4). The CSRF token changes too.

    Args:
        request: A request that came through `codlet_sessions.middleware.SessionMiddleware`.
        subject_or_user, lifetime, persistent: As in `SessionManager.issue`: "remember me" is ``persistent=True``.

    Returns:
        The new session, which is ``request.codlet_session`` from now on.

    Raises:
        TypeError, ValueError, StoreError: As `SessionManager.issue`.
        ImproperlyConfigured: The request did not come through our middleware.

    """
    record = session_of(request).sign_in(subject_or_user, lifetime, persistent)
    rotate_token(request)
    return record


async def alogin(
    request: HttpRequest,
    subject_or_user: object,
    *,
    lifetime: timedelta | None = None,
    persistent: bool | None = None,
) -> ActiveSessionRecord:
    """Sign in as `login` does, from async code."""
    record = await session_of(request).asign_in(subject_or_user, lifetime, persistent)
    rotate_token(request)
    return record


def confirm(request: HttpRequest) -> ActiveSessionRecord:
    """
    Take down that the subject of the session has just proved again who it is, by a password or another factor.

    The caller has checked it. The session stays the same row and id; it gets a new secret, the one before is dead
    (ASVS 5.0 7.2.4), and its life is counted from now, as after a sign-in (NIST SP 800-63B-4, 5.2). The CSRF token
    changes too.

    Returns:
        The session, whose ``authenticated_at`` is now.

    Raises:
        PermissionDenied: Nobody is signed in.
        StoreError: The store could not answer.
        SessionInterrupted, SessionOver: The session has ended meanwhile.

    """
    _refuse_nobody(session_of(request).read())
    record = session_of(request).confirm()
    events.sign_in_confirmed(record).tell(SessionManager)
    rotate_token(request)
    return record


async def aconfirm(request: HttpRequest) -> ActiveSessionRecord:
    """Confirm as `confirm` does, from async code."""
    _refuse_nobody(await session_of(request).aread())
    record = await session_of(request).aconfirm()
    await events.sign_in_confirmed(record).atell(SessionManager)
    rotate_token(request)
    return record


def credentials_changed(user: Any, *, request: HttpRequest | None = None) -> int:
    """
    End the other sessions of ``user``, because a factor it signs in with has changed (ASVS 5.0 7.4.3).

    For factors that Django does not know of, such as a one-time password: a changed password is seen without this. The
    session that the change was made in goes on, under a new secret.

    Args:
        user: Whose factor it was.
        request: In which it was changed; the one that is under way when not given, if there is one.

    Returns:
        How many sessions were ended (reason "credentials_changed").

    Raises:
        StoreError: The store could not answer, and the sessions may still be active.

    """
    current = current_session() if request is None else session_of(request)
    own = None if current is None else current.read()
    keep = own.id if own and own.subject == subject_of(user).name else None
    count = sessions.revoke_all(user, keep, reason=RevocationReason.CREDENTIALS_CHANGED, by=own and own.subject)
    if current is not None and keep is not None:
        current.note_credentials(user)
    return count


async def acredentials_changed(user: Any, *, request: HttpRequest | None = None) -> int:
    """End sessions as `credentials_changed` does, from async code."""
    current = current_session() if request is None else session_of(request)
    own = None if current is None else await current.aread()
    keep = own.id if own and own.subject == subject_of(user).name else None
    count = await sessions.arevoke_all(user, keep, reason=RevocationReason.CREDENTIALS_CHANGED, by=own and own.subject)
    if current is not None and keep is not None:
        current.note_credentials(user)
    return count


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


def _refuse_nobody(session: ActiveSessionRecord | None) -> None:
    if session is None:
        raise PermissionDenied("Nobody is signed in, so there is no sign-in to confirm.")
