"""What this app does when something happens elsewhere in Django."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import router

from codlet_sessions import limits
from codlet_sessions.api import sessions
from codlet_sessions.clients import facts_about, note_device
from codlet_sessions.engine import EngineSession
from codlet_sessions.errors import SessionLimitReached
from codlet_sessions.records import RevocationReason
from codlet_sessions.requests import current_session
from codlet_sessions.subjects import may_sign_in, subject_of, user_as_it_is

_WRITTEN_BY_SIGNING_IN = {"last_login"}


def begin_life_anew(sender: object, request: Any = None, user: Any = None, **kwargs: object) -> None:
    """
    On ``user_logged_in``: the session's end is counted from now, under a secret that no earlier cookie has.

    Django's ``login()`` changes the key of an anonymous session only. Somebody who signs in again, on a session of
    theirs, gets a new secret, too (ASVS 5.0 7.2.4). Those who sign in otherwise, by a token for instance, send the same
    signal and leave the session alone.

    Raises:
        SessionLimitReached: The user has as many sessions as are allowed; nobody is signed in then.

    """
    session = getattr(request, "session", None)
    if not (isinstance(session, EngineSession) and session.is_of(user)):
        return
    subject = subject_of(user).name
    client = facts_about(request, subject)
    session.note_sign_in(client=client)
    try:
        with limits.within_limit(user, session.session_id) as is_limited:
            if is_limited:  # else it is saved with the response
                session.save()
        session.note_commit()
    except SessionLimitReached:
        session.take_back_sign_in()
        request.user, request.auser = AnonymousUser(), _anonymous
        raise
    note_device(session.session_id, subject, client)


def look_at_own_session(
    sender: object, instance: Any, raw: bool, using: str, update_fields: Any = None, **kwargs: object
) -> None:
    """
    On ``pre_save`` of a user: read the session of the request that is under way, while it still fits its user.

    One query, if the request has a session and has not looked at it.
    """
    current = current_session()
    if current is not None and not instance._state.adding and _is_of_interest(instance, raw, using, update_fields):
        current.read()


def end_outdated_sessions(
    sender: object, instance: Any, created: bool, raw: bool, using: str, update_fields: Any = None, **kwargs: object
) -> None:
    """
    On ``post_save`` of a user: end the sessions that its changed password leaves behind, or all if it is deactivated.

    The session in which that happened goes on, under a new secret (ASVS 5.0 7.4.2, 7.4.3). One UPDATE, whatever was
    saved, since only the model knows what its credentials consist of; none for a new user, a fixture, a sign-in.
    """
    if created or not _is_of_interest(instance, raw, using, update_fields):
        return
    # What was not written may be out of date in an object that somebody has kept: a worker, a socket.
    user = instance if update_fields is None else user_as_it_is(instance.pk, using)
    if user is None:
        return
    current = current_session()
    own = None if current is None else current.read()
    keep = own.id if own and own.subject == str(user.pk) and may_sign_in(user) else None
    sessions.revoke_outdated(user, keep, by=own and own.subject)
    if current is not None and keep is not None and current.is_outdated(user):
        current.note_credentials(user)


def end_sessions_of_deleted(sender: object, instance: Any, using: str, **kwargs: object) -> None:
    """On ``post_delete`` of a user: end all of its sessions (ASVS 5.0 7.4.2)."""
    if not _is_where_users_are(instance, using):
        return
    current = current_session()
    own = None if current is None else current.read()
    sessions.revoke_all(str(instance.pk), reason=RevocationReason.USER_DELETED, by=own and own.subject)


def _is_of_interest(user: Any, raw: bool, using: str, update_fields: Any) -> bool:
    is_sign_in = update_fields is not None and set(update_fields) <= _WRITTEN_BY_SIGNING_IN
    return not raw and not is_sign_in and _is_where_users_are(user, using)


def _is_where_users_are(user: Any, using: str) -> bool:
    return using == router.db_for_write(get_user_model(), instance=user)  # and not a copy in an archive


async def _anonymous() -> AnonymousUser:
    return AnonymousUser()


def models_of_users() -> list[type]:
    """
    Return the models whose rows are users: AUTH_USER_MODEL, its proxies, and what inherits from it.

    Each by name: a receiver of ``post_delete`` for every model would make every ``QuerySet.delete()`` of the site slow.
    """
    from django.apps import apps

    return [model for model in apps.get_models(include_auto_created=True) if issubclass(model, get_user_model())]
