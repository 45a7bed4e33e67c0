"""Sessions of people, for tests that ask what becomes of them."""

from codlet_sessions.backends.db import SessionStore

BACKEND = "django.contrib.auth.backends.ModelBackend"


def signed_in(user):
    """Return a stored session that ``user`` signed in on, as another browser's request would have it."""
    store = SessionStore()
    store.update({"_auth_user_id": str(user.pk), "_auth_user_backend": BACKEND})
    store["_auth_user_hash"] = user.get_session_auth_hash()
    store.save()
    return SessionStore(store.session_key)
