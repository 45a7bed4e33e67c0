"""
Django's user of a session, without a query of its own.

The user's row has come with the session's. It is taken for ``request.user`` where that is what Django's ``get_user()``
would return: the backend is still configured and fetches users as `ModelBackend` does, from a manager that hides none,
it lets this one in, and the session auth hash is that of the user's password. In every other case, a hash that only one
of SECRET_KEY_FALLBACKS explains for instance, Django is asked, with a query.
"""

from functools import cache
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.db.models.manager import BaseManager
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string

from codlet_sessions import conf
from codlet_sessions.engine import EngineSession


def user_of(session: object) -> Any:
    """Return the user of ``session``, which has been loaded, if nothing is left to be asked; else None. No query."""
    user = session.joined_user() if isinstance(session, EngineSession) else None
    if user is None or not isinstance(session, EngineSession):
        return None
    data = session.loaded_data()
    is_theirs = data.get(SESSION_KEY) == user._meta.pk.value_to_string(user)
    return user if is_theirs and _lets_in(data.get(BACKEND_SESSION_KEY), user) and _fits(data, user) else None


def _lets_in(path: Any, user: Any) -> bool:
    hides_none = type(get_user_model()._default_manager).get_queryset is BaseManager.get_queryset
    if path not in conf.authentication_backends() or not hides_none:
        return False
    backend = _class_at(path)
    fetches_plainly = getattr(backend, "get_user", None) is ModelBackend.get_user
    return fetches_plainly and bool(backend().user_can_authenticate(user))


_class_at: Any = cache(import_string)


def _fits(data: Any, user: Any) -> bool:
    ask = getattr(user, "get_session_auth_hash", None)
    return ask is None or constant_time_compare(data.get(HASH_SESSION_KEY) or "", ask())
