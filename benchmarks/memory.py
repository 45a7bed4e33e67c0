"""How much memory it takes: a process with sessions in it, and a session in Redis."""

import os
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.cache import caches

from benchmarks.people import World, new_session
from benchmarks.rounds import Answer, Line
from benchmarks.sites import CACHED_DB, DB, NOTHING, OURS, OURS_CACHED, Site, has_cached_engine

_PROCESS = """
import asyncio
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
from benchmarks.served import wsgi
from django.test import RequestFactory

wsgi.get_response(RequestFactory().get("/{page}/", headers={{"cookie": "sessionid={cookie}"}}))
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmRSS")))
"""


def memory(world: World) -> Answer:
    """
    Take up memory: a process that has answered a request, and a session that lies in Redis.

    All processes have the same apps installed; they differ in middleware and engine.
    """
    djangos, ours = world.cookies(DB)[0], world.ours[0]
    processes = {
        "a process with Django's `db` engine": _process(DB, "user", djangos),
        "a process without session middleware": _process(NOTHING, "nothing", djangos),
        "a process with ours": _process(OURS, "user", ours),
    }
    cached: dict[str, float] = {}
    if "redis" in settings.CACHES["default"]["BACKEND"]:
        cached["a session of Django's `cached_db` in Redis"] = _in_redis(CACHED_DB, world.cookies(CACHED_DB))
        if has_cached_engine():
            cached["a session of ours, cached, in Redis"] = _in_redis(OURS_CACHED, world.ours)
    return Answer([*_lines(processes), *_lines(cached)], "× Django's", "KiB")


def _lines(kilobytes: dict[str, float]) -> list[Line]:
    """Return the ratios to the first of them."""
    base = next(iter(kilobytes.values()), 0)
    return [Line(name, *[size / base] * 3, size) for name, size in kilobytes.items()]


def _process(site: Site, page: str, cookie: str) -> float:
    """Return the resident memory of a process of ``site`` after a request, in KiB."""
    from django.db import connection

    site.enter()
    name = str(connection.settings_dict["NAME"])
    environment = {**os.environ, "BENCHMARKS_DATABASE_NAME": name, "BENCHMARKS_SITE": site.as_json()}
    code = _PROCESS.format(page=page, cookie=cookie)
    command = [sys.executable, "-c", code]
    done = subprocess.run(  # noqa: S603  # the program above
        command, env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _in_redis(site: Site, cookies: list[str]) -> float:
    """Return what each of the sessions that ``cookies`` open takes up, in KiB."""
    site.enter()
    cache: Any = caches["default"]
    cache.clear()
    before = _used_by(cache)
    for cookie in cookies:
        new_session(site.engine, cookie).load()
    return (_used_by(cache) - before) / len(cookies) / 1024


def _used_by(cache: Any) -> int:
    """Return the bytes that the server of ``cache`` has in use."""
    return int(cache._cache.get_client().info("memory")["used_memory"])
