"""Users with a session in each engine, and the cookies that open them."""

from importlib import import_module
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


_NOBODY_KNOWS = "!"


def make_users(number: int) -> list[Any]:
    """Return so many new users."""
    model = get_user_model()
    users = [model(username=f"user-{index}", password=_NOBODY_KNOWS) for index in range(number)]
    model.objects.bulk_create(users)
    return list(model.objects.order_by("pk"))


def cookies_of(users: list[Any], engine: str) -> list[str]:
    """Return the cookies of a session of each user in ``engine``."""
    store = import_module(engine).SessionStore
    return [_cookie(store(), user) for user in users]


def _cookie(session: Any, user: Any) -> str:
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = MODEL_BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)
