"""What requests cost over HTTP: gunicorn and uvicorn with one worker each, asked by ``wrk``."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import connection

from benchmarks.people import AGENT, NotHere, World
from benchmarks.rounds import Contestant, Race
from benchmarks.sites import CACHED_DB, DB, NOTHING, OURS, OURS_CACHED, POOLED, Site, has_cached_engine
from example_project.server import Server, free_port

FLOOR = "no session middleware at all"
_CONNECTIONS = 50
_COOKIES = """
local cookies = {{{cookies}}}
local turn = 0
request = function()
    turn = turn % #cookies + 1
    return wrk.format("GET", nil, {{["cookie"] = "sessionid=" .. cookies[turn], ["user-agent"] = "{agent}"}})
end
"""


@dataclass
class Served(Contestant):
    """A site on a server of its own; one call is one request, of as many as ``wrk`` gets answered."""

    is_counted: bool = False

    def measure(self) -> None:
        """Ask for a round, and note how long a request took on average: the inverse of the throughput."""
        self.seconds.append(1 / self.run(self.inputs))


def wsgi(world: World) -> Race:
    """
    Answer as many requests as possible under gunicorn: the throughput, as a share of that without session middleware.

    One sync worker, asked for by ``wrk`` over as many connections as it can serve at once: one.
    """
    cookies = world.cookies(DB)
    serve = partial(_served, world, gunicorn, 1)
    contestants = [
        serve(FLOOR, NOTHING, "/nothing/", world.ours),
        serve("ours, nobody asks", OURS, "/nothing/", world.ours),
        serve("ours, `request.codlet_session`", OURS, "/subject/", world.ours),
        serve("ours, `request.user`", OURS, "/user/", world.ours),
        serve("Django `db`, `request.user`", DB, "/user/", cookies),
        serve("Django `cached_db`, `request.user`", CACHED_DB, "/user/", world.cookies(CACHED_DB)),
    ]
    if has_cached_engine():
        contestants.append(serve("ours, cached, `request.user`", OURS_CACHED, "/user/", world.ours))
    return Race(contestants, FLOOR, is_share=True, each=f"{world.seconds:g} seconds")


def asgi(world: World) -> Race:
    """
    Answer as many requests as possible under uvicorn: the throughput, as a share of that without session middleware.

    One worker, asked for by ``wrk`` over 50 connections.
    """
    if connection.vendor == "mysql":
        raise NotHere("Django has no pool for it, and opens more connections there than the server takes.")
    cookies = world.cookies(DB)
    serve = partial(_served, world, uvicorn, _CONNECTIONS)
    pooled = DB.using(**POOLED) if connection.vendor == "postgresql" else DB
    pooled_cache = CACHED_DB.using(**POOLED) if connection.vendor == "postgresql" else CACHED_DB
    contestants = [
        serve(FLOOR, NOTHING, "/a/nothing/", world.ours),
        serve("ours, nobody asks", OURS, "/a/nothing/", world.ours),
        serve("ours, `acodlet_session()`", OURS, "/a/subject/", world.ours),
        serve("ours, `auser()`", OURS, "/a/user/", world.ours),
        serve("Django `db`, `auser()`", pooled, "/a/user/", cookies),
        serve("Django `cached_db`, `auser()`", pooled_cache, "/a/user/", world.cookies(CACHED_DB)),
    ]
    if has_cached_engine():
        contestants.append(serve("ours, cached, `auser()`", OURS_CACHED, "/a/user/", world.ours))
    return Race(contestants, FLOOR, is_share=True, each=f"{world.seconds:g} seconds")


def gunicorn(port: int) -> list[str]:
    """Return how gunicorn is started."""
    return [
        *("-m", "gunicorn", "benchmarks.served:wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "1"),
        *("--log-level", "warning", "--no-control-socket"),
    ]


def uvicorn(port: int) -> list[str]:
    """Return how uvicorn is started."""
    return [
        *("-m", "uvicorn", "benchmarks.served:asgi", "--port", str(port), "--workers", "1"),
        *("--lifespan", "off", "--log-level", "warning", "--no-access-log"),
    ]


def _served(
    world: World, server: Any, connections: int, name: str, site: Site, path: str, cookies: Sequence[str]
) -> Served:
    if not shutil.which("wrk"):
        raise NotHere("it takes wrk, https://github.com/wg/wrk: 'apt-get install wrk'.")
    folder = Path(world.stack.enter_context(TemporaryDirectory()))
    site.enter()
    environment = {**os.environ, **_database(), "BENCHMARKS_SITE": site.as_json()}
    port = free_port()
    running = world.stack.enter_context(Server(server(port), port, environment, folder / "log"))
    script = folder / "cookies.lua"
    script.write_text(_COOKIES.format(cookies=", ".join(f'"{cookie}"' for cookie in cookies), agent=AGENT))
    ask = partial(_requests_a_second, connections=connections, seconds=world.seconds, script=script)
    return Served(name, ask, [running.address.rstrip("/") + path], site)


def _database() -> dict[str, str]:
    """Return what tells a server of the database that this process has made."""
    return {"BENCHMARKS_DATABASE_NAME": str(connection.settings_dict["NAME"])}


def _requests_a_second(address: Sequence[str], connections: int, seconds: float, script: Path) -> float:
    """Have ``wrk`` ask, and return how many requests a second were answered."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{max(seconds, 1):.0f}s"]
    done = subprocess.run(  # noqa: S603  # wrk, against a server of our own
        [*command, "--script", str(script), *address], capture_output=True, text=True, check=True
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"{address[0]} was not answered as it should be:\n{done.stdout}")
    (answered,) = re.findall(r"Requests/sec:\s+([\d.]+)", done.stdout)
    return float(answered)
