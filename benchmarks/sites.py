"""The sites that compete: each with its engine, its middleware and its way of connecting, one at a time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, connections
from django.test import override_settings

from codlet_sessions.stores.coalescing import close_all

_DJANGOS = "django.contrib.sessions"
_AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
STOCK = (f"{_DJANGOS}.middleware.SessionMiddleware", _AUTH)
OUR_MIDDLEWARE = (
    "codlet_sessions.middleware.SessionMiddleware",
    "codlet_sessions.middleware.AuthenticationMiddleware",
)
PREPARED = {"server_side_binding": True, "prepare_threshold": 5}
POOLED = {"pool": {"min_size": 4, "max_size": 20}}


@dataclass(frozen=True, eq=False)
class Site:
    """
    What a contestant runs under.

    Attributes:
        name: The engine's, as it stands in the tables.
        engine: SESSION_ENGINE.
        middleware: MIDDLEWARE.
        table: The model that its sessions are rows of; "" where they are in no database.
        options: More of the database's OPTIONS.
        more: More settings.

    """

    name: str
    engine: str
    middleware: tuple[str, ...] = ()
    table: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    _entered: ClassVar["Site | None"] = None
    _override: ClassVar[Any] = None
    _plain: ClassVar[dict[str, Any]] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this site."""
        return {"SESSION_ENGINE": self.engine, "MIDDLEWARE": list(self.middleware), **self.more}

    @property
    def database(self) -> dict[str, Any]:
        """What DATABASES has for this site. A pool and persistent connections are either or."""
        settings = Site._plain or dict(connection.settings_dict)
        options = {"OPTIONS": {**settings["OPTIONS"], **self.options}}
        return {**options, "CONN_MAX_AGE": 0} if "pool" in self.options else options

    def enter(self) -> None:
        """Make this the site that settings and connections are of. Takes a while if another one was."""
        if Site._entered is self:
            return
        self.leave()
        Site._entered, Site._override = self, override_settings(**self.settings)
        Site._override.enable()
        self._connect()

    @classmethod
    def leave(cls) -> None:
        """Be at no site."""
        if cls._override is not None:
            cls._override.disable()
        cls._entered = cls._override = None

    def wsgi(self) -> WSGIHandler:
        """Return this site's handler of requests; middleware looks its engine up when it is made."""
        self.enter()
        return WSGIHandler()

    def asgi(self) -> ASGIHandler:
        """Return this site's handler of requests under ASGI."""
        self.enter()
        return ASGIHandler()

    def using(self, note: str = "", **options: Any) -> "Site":
        """Return the same site with more of the database's OPTIONS."""
        return replace(self, name=self.name + note, options={**self.options, **options})

    def as_json(self) -> str:
        """Return what `benchmarks.settings` reads from BENCHMARKS_SITE."""
        return json.dumps({"settings": self.settings, "database": self.database})

    def _connect(self) -> None:
        plain = Site._plain = Site._plain or dict(connections.settings["default"])
        wanted = {**plain, **self.database}
        if connections.settings["default"] != wanted:
            close_all()  # the connections of look-ups, too
            connections.settings["default"] = wanted
        connections["default"] = _connection(json.dumps(self.database, default=str))


@cache
def _connection(database: str) -> Any:
    return connections.create_connection("default")


def close_connections() -> None:
    """Close every connection of this process, before its database goes."""
    Site.leave()
    close_all()
    if Site._plain:
        connections.settings["default"] = Site._plain
    if connection.vendor == "postgresql":
        for pool in connection._connection_pools.values():
            pool.close()
        connection._connection_pools.clear()
    connections.close_all()


NOTHING = Site("no session middleware", f"{_DJANGOS}.backends.db")
OURS = Site("ours", "codlet_sessions.backends.db", OUR_MIDDLEWARE, "codlet_sessions.Session")
DB = Site("Django `db`", f"{_DJANGOS}.backends.db", STOCK, "sessions.Session")
CACHED_DB = Site("Django `cached_db`", f"{_DJANGOS}.backends.cached_db", STOCK, DB.table)
CACHE = Site("Django `cache`", f"{_DJANGOS}.backends.cache", STOCK)
SIGNED = Site("Django `signed_cookies`", f"{_DJANGOS}.backends.signed_cookies", STOCK)
USER_SESSIONS = Site(
    "user-sessions",
    "user_sessions.backends.db",
    ("user_sessions.middleware.SessionMiddleware", _AUTH),
    "user_sessions.Session",
)
QSESSIONS = Site(
    "qsessions", "qsessions.backends.db", ("qsessions.middleware.SessionMiddleware", _AUTH), "qsessions.Session"
)
OURS_CACHED = Site("ours, cached", "codlet_sessions.backends.cached_db", OUR_MIDDLEWARE, OURS.table)


def has_cached_engine() -> bool:
    """Return whether the package has its cached engine yet."""
    return find_spec(OURS_CACHED.engine) is not None
