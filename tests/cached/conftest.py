"""
The cached engine on a cache in memory, or on the server of CACHE_URL.

What depends on the client of that server is run with each of them: ``WITH_EVERY_CLIENT``.
"""

import asyncio
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as configured
from django.core.cache import caches
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.stores.coalescing import close_all
from tests.cached.backends import SERVED, STAGE

ENGINE = "codlet_sessions.backends.cached_db"
_SERVER = configured.CACHES["default"].get("LOCATION") or ""
IS_SERVED = _SERVER.startswith(("redis", "valkey"))
KINDS = dict.fromkeys(SERVED, _SERVER) if IS_SERVED else {"Memory": ""}


def location(kind):
    """Where a kind of cache is: each client knows the server by a scheme of its own."""
    scheme = "valkey" if kind == "DjangoValkey" else "redis"
    return f"{scheme}://{KINDS[kind].partition('://')[2]}" if IS_SERVED else uuid.uuid4().hex


WITH_EVERY_CLIENT = pytest.mark.parametrize("cached", KINDS, indirect=True)


@pytest.fixture
def cached(request, settings, transactional_db):
    """The alias of the cache in front of the sessions, which is empty; our engine with it, and our middleware."""
    kind = getattr(request, "param", next(iter(KINDS)))
    settings.CACHES = {
        **settings.CACHES,
        "sessions": {
            "BACKEND": f"tests.cached.backends.{kind}",
            "LOCATION": location(kind),
            "KEY_PREFIX": uuid.uuid4().hex,
        },
    }
    settings.SESSION_CACHE_ALIAS = "sessions"
    settings.SESSION_ENGINE = ENGINE
    settings.MIDDLEWARE = [
        path.replace("django.contrib.auth.middleware", "codlet_sessions.middleware") for path in settings.MIDDLEWARE
    ]
    STAGE.reset()
    yield "sessions"
    STAGE.reset()
    close_all()
    caches["sessions"].delete("codlet_sessions:epoch")


class OnLoop:
    """The async face of the configured sessions, each call on a loop of its own, as under ASGI."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: on_loop(getattr(sessions, f"a{name}")(*args, **kwargs))


def on_loop(awaitable):
    """Return what ``awaitable`` comes to on a loop of its own."""

    async def main():
        try:
            return await awaitable
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(main())


@pytest.fixture(params=["sync", "async"])
def face(request):
    """The configured sessions through one of their faces."""
    return OnLoop() if request.param == "async" else sessions


def queries():
    return CaptureQueriesContext(connection)


def is_copied(issued):
    """Return whether a look-up needs no query, having made sure that there is a copy if there may be one."""
    sessions.validate(issued.secret)
    with queries() as asked:
        sessions.validate(issued.secret)
    return not asked.captured_queries


@pytest.fixture
def warm(cached):
    """A session of a device, with a copy in the cache."""
    issued = sessions.issue("device:42")
    assert is_copied(issued)
    return issued
