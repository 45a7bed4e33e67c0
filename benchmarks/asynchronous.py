"""What a request costs under ASGI: the handler in this process, with scopes made by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import connection

from benchmarks.people import ADDRESS, AGENT, World
from benchmarks.rounds import AsyncContestant, Contestant, Race
from benchmarks.sites import (
    CACHED_DB,
    DB,
    NOTHING,
    OURS,
    OURS_CACHED,
    POOLED,
    Site,
    has_cached_engine,
)

FLOOR = "no session middleware at all"
MANY = 50
_WARM_UPS = 3  # by then, a connection has planned each of the statements for this many keys and for that for good


def async_one(world: World) -> Race:
    """
    Answer a request to an async view, one at a time: the whole request, against a site without session middleware.

    ``auser()`` reads session and user, ``acodlet_session()`` and ``session.aget()`` the session alone.
    """
    return _race(world, 1)


def async_many(world: World) -> Race:
    """Answer requests to an async view, 50 at a time: the time for each, against a site without session middleware."""
    return _race(world, MANY)


def _race(world: World, at_once: int) -> Race:
    def asking(name: str, site: Site, path: str, cookies: list[str] | None = None) -> Contestant:
        warm_ups = _WARM_UPS if at_once > 1 else 1
        return AsyncContestant(name, asgi(site, path), cookies or world.ours, site, at_once=at_once, warm_ups=warm_ups)

    own = OURS
    djangos = world.cookies(DB)
    contestants = [
        asking(FLOOR, NOTHING, "/a/nothing/"),
        asking("ours, nobody asks", own, "/a/nothing/"),
        asking("ours, `acodlet_session()`", own, "/a/subject/"),
        asking("ours, `auser()`", own, "/a/user/"),
        asking("ours by `sync_to_async`, `auser()`", pooled(by_threads(OURS)), "/a/user/"),
        asking("Django `db`, nobody asks", pooled(DB), "/a/nothing/", djangos),
        asking("Django `db`, `session.aget()`", pooled(DB), "/a/data/", djangos),
        asking("Django `db`, `auser()`", pooled(DB), "/a/user/", djangos),
        asking("Django `cached_db`, `auser()`", pooled(CACHED_DB), "/a/user/", world.cookies(CACHED_DB)),
    ]
    if connection.vendor == "postgresql":
        contestants.append(asking("ours, `auser()`, Django's pool", pooled(OURS), "/a/user/"))
        if at_once == 1:  # as many connections at once as requests would be more than PostgreSQL takes by default
            contestants.append(asking("Django `db`, `auser()`, without a pool", DB, "/a/user/", djangos))
    if has_cached_engine():
        contestants.append(asking("ours, cached, `auser()`", OURS_CACHED, "/a/user/"))
    return Race(contestants, FLOOR)


def asgi(site: Site, path: str) -> Callable[[str], Awaitable[None]]:
    """Return what asks ``site`` for ``path`` with a cookie, from async code."""
    handler = site.asgi()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def ask(cookie: str) -> None:
        answered: list[int] = []

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])

        await handler(_scope(path, cookie), _once(receive), send)
        if answered != [200]:
            raise RuntimeError(f"{site.name}: {path} answered {answered}.")

    return ask


def _once(receive: Callable[[], Awaitable[dict[str, Any]]]) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Give the request, and then nothing for as long as somebody listens for the client to go away."""
    given = False

    async def listen() -> dict[str, Any]:
        nonlocal given
        if given:
            await asyncio.Event().wait()
        given = True
        return await receive()

    return listen


def _scope(path: str, cookie: str) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"user-agent", AGENT.encode()), (b"cookie", f"sessionid={cookie}".encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "headers": headers,
        "client": (ADDRESS, 50000),
        "server": ("localhost", 80),
    }


def pooled(site: Site) -> Site:
    """Give ``site`` Django's connection pool, without which each request opens a connection, where there is one."""
    return site.using(**POOLED) if connection.vendor == "postgresql" else site


def by_threads(site: Site) -> Site:
    """Have ``site`` take its look-ups to Django's threads, one by one."""
    return replace(site, more={"CODLET_SESSIONS": {**settings.CODLET_SESSIONS, "LOOKUP_CONNECTIONS": 0}})
