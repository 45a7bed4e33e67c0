"""Ways to look a session up from async code: ours, and those that lost."""

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any

from django.contrib.sessions.models import Session as DjangoSession
from django.db import connection
from django.utils import timezone

from benchmarks import pinning
from benchmarks.asynchronous import MANY, by_threads, pooled
from benchmarks.people import NotHere, World, new_session
from benchmarks.rounds import AsyncContestant, Contestant, Race
from benchmarks.sites import DB, OURS, Site
from benchmarks.stores import SELECT, raw_parameters
from codlet_sessions.api import sessions

NATIVE = "psycopg's `AsyncConnectionPool`, prepared"


def ways(world: World) -> Race:
    """
    Open a session from async code, 50 at a time: the time for each, against psycopg's own pool of async connections.

    That one looks up three columns by the lookup key and nothing else. There are as many connections in it as ours has.
    """
    if connection.vendor != "postgresql":
        raise NotHere("it is psycopg that has async connections.")
    keys = [sessions.hasher.lookup_key(cookie)[0] for cookie in world.ours]
    djangos = world.cookies(DB)

    def going(name: str, run: Callable[[Any], Awaitable[Any]], inputs: Any, site: Site, **more: Any) -> Contestant:
        return AsyncContestant(name, run, inputs, site, at_once=MANY, **more)

    contestants = [
        _Native(NATIVE, None, keys, OURS, at_once=MANY, is_counted=False),
        going("ours", _validate, world.ours, OURS),
        going("ours by `sync_to_async`", _validate, world.ours, by_threads(OURS)),
        going("Django `db`, `aload()`", lambda cookie: new_session(DB.engine, cookie).aload(), djangos, pooled(DB)),
    ]
    if find_spec("django_async_backend"):
        contestants += [
            _AsyncBackend("django-async-backend, its ORM", _orm, djangos, OURS, at_once=MANY, is_counted=False),
            _AsyncBackend("django-async-backend, its cursor", _cursor, keys, OURS, at_once=MANY, is_counted=False),
        ]
    return Race(contestants, NATIVE)


async def _validate(cookie: str) -> object:
    return await sessions.avalidate(cookie)


class _Native(AsyncContestant):
    """psycopg's pool, opened in each loop before the clock runs."""

    async def _gathered(self, inputs: Any) -> float:
        from psycopg_pool import AsyncConnectionPool

        async def pinned(own: Any) -> None:
            pinning.pin_backend(own)

        options = {"kwargs": {"autocommit": True, "prepare_threshold": 0}, "min_size": 2, "max_size": 2, "open": False}
        options["configure"] = pinned
        async with AsyncConnectionPool(" ".join(f"{k}={v}" for k, v in raw_parameters().items()), **options) as pool:

            async def select(lookup_key: str) -> object:
                async with pool.connection() as own:
                    cursor = await own.execute(SELECT.format("%s"), (bytes.fromhex(lookup_key),))
                    return await cursor.fetchone()

            self.run = select
            return await super()._gathered(inputs)


class _AsyncBackend(AsyncContestant):
    """django-async-backend: a connection for each task, because a connection must not be shared."""

    async def _gathered(self, inputs: Any) -> float:
        from django_async_backend.db import async_connections

        engine = "django_async_backend.db.backends.postgresql"
        async_connections.settings["default"] = {**connection.settings_dict, "ENGINE": engine}
        return await super()._gathered(inputs)

    async def _work(self, *how: Any) -> None:
        from django_async_backend.db import async_connections

        try:
            await super()._work(*how)
        finally:
            await async_connections["default"].close()


async def _cursor(lookup_key: str) -> object:
    from django_async_backend.db import async_connections

    async with await async_connections["default"].cursor() as cursor:
        await cursor.execute(SELECT.format("%s"), (bytes.fromhex(lookup_key),))
        return await cursor.fetchone()


async def _orm(cookie: str) -> object:
    from django_async_backend.db.models.manager import AsyncManager

    manager = AsyncManager()
    manager.model = DjangoSession
    return await manager.aget(session_key=cookie, expire_date__gt=timezone.now())
