"""``SESSION_ENGINE = "codlet_sessions.backends.db"``: ``request.session`` on hashed, revocable rows."""

from codlet_sessions.engine import EngineSession


class SessionStore(EngineSession):
    """Django's session store, by the name that Django looks for in an engine."""
