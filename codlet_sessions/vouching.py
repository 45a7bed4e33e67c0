"""
Django's user of a session, without a query of its own.

The user's row has come with the session's; where it has not, because the session is from a cache for instance, it is
read by a statement that was compiled before. It is taken for ``request.user`` where that is what Django's
``get_user()`` would return: the backend is still configured and fetches users as `ModelBackend` does, from a manager
that hides none, it lets this one in, and the session auth hash is that of the user's password. In every other case, a
hash that only one of SECRET_KEY_FALLBACKS explains for instance, Django is asked, with a query.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.db.models.manager import BaseManager
from django.utils.module_loading import import_string

from codlet_sessions import conf
from codlet_sessions.engine import EngineSession
from codlet_sessions.records import UNKNOWN_USER
from codlet_sessions.stores.users import user_under
from codlet_sessions.subjects import is_session_auth_hash


def user_of(session: object) -> Any:
    """Return the user of ``session``, which has been loaded; None if Django must be asked. One query at most."""
    if not isinstance(session, EngineSession) or (backend := _backend_of(session)) is None:
        return None
    user = session.joined_user()
    if user is UNKNOWN_USER and _hides_none(get_user_model()):
        user = user_under(get_user_model(), session.user_id())
    return _vouched(user, backend, session.loaded_data())


async def auser_of(session: object) -> Any:
    """Return what `user_of` does, from async code: no thread hop, unless the user has to be fetched."""
    if not isinstance(session, EngineSession) or (backend := _backend_of(session)) is None:
        return None
    user = session.joined_user()
    if user is UNKNOWN_USER and _hides_none(get_user_model()):
        user = await sync_to_async(user_under)(get_user_model(), session.user_id())
    return _vouched(user, backend, session.loaded_data())


def _backend_of(session: EngineSession) -> Any:
    """Return the class of the backend that somebody has signed in by, if all that it does with users is known."""
    path = session.loaded_data().get(BACKEND_SESSION_KEY)
    if path is None or not conf.is_authentication_backend(path):
        return None
    backend = _class_at(path)
    return backend if getattr(backend, "get_user", None) is ModelBackend.get_user else None


_class_at: Any = cache(import_string)


def _hides_none(model: Any) -> bool:
    return type(model._default_manager).get_queryset is BaseManager.get_queryset


def _vouched(user: Any, backend: Any, data: Mapping[str, Any]) -> Any:
    if user is None or user is UNKNOWN_USER or not _hides_none(type(user)):
        return None
    if data.get(SESSION_KEY) != user._meta.pk.value_to_string(user):
        return None
    if not backend().user_can_authenticate(user):
        return None
    has_hash = hasattr(user, "get_session_auth_hash")
    return user if not has_hash or is_session_auth_hash(data.get(HASH_SESSION_KEY), user) else None
