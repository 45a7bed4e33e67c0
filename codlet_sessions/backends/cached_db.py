"""``SESSION_ENGINE = "codlet_sessions.backends.cached_db"``: `codlet_sessions.backends.db` behind a cache."""

from typing import ClassVar

from codlet_sessions.engine import EngineSession


class SessionStore(EngineSession):
    """
    Django's session store, by the name that Django looks for in an engine.

    Attributes:
        codlet_store: What ``CODLET_SESSIONS["STORE"]`` is, if the host does not say otherwise.

    """

    codlet_store: ClassVar[str] = "codlet_sessions.stores.cached.CachedSessionStore"
