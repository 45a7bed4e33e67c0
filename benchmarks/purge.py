"""Purging while others work."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from typing import Any

from django.contrib.sessions.models import Session as DjangoSession
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone

from benchmarks.copies import analyze
from benchmarks.people import World
from benchmarks.rounds import Answer, Line
from benchmarks.rows import A_MILLION, BigTables
from benchmarks.sites import DB, OURS
from codlet_sessions import purge as purging
from codlet_sessions.models import Session

_OFTEN = 3  # rounds: each fills the tables again


def purge(world: World) -> Answer:
    """
    Delete what is over, half of a big table, while another process looks up and inserts a session every millisecond.

    For each way: how long it took, and how long that process waited for its statements at the worst.
    """
    rows = min(world.rows, A_MILLION)
    rounds = min(world.rounds, _OFTEN)
    runs: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for name, carry_out in _WAYS.items():
            _fill(world, rows)
            runs.setdefault(name, []).append(_under_traffic(carry_out))
    lines = [line for part, key in _SHOWN.items() for line in _lines(part, key, runs)]
    return Answer(lines, f"× {_BASE}", "ms", rounds=rounds, each=f"{rows:,} sessions")


def _lines(part: str, key: str, runs: dict[str, list[dict[str, float]]]) -> Iterator[Line]:
    middle = {name: median(run[key] for run in measured) for name, measured in runs.items()}
    for name, amount in middle.items():
        if (name, part) != (_NOTHING, _ALL):
            yield Line(part, *[amount / middle[_BASE]] * 3, amount, group=name)


_BASE = "Django's `clearsessions`"
_NOTHING, _ALL = "nothing at all", "all of it"
_SHOWN = {
    _ALL: "seconds",
    "look-up, 99th": "lookup_p99",
    "look-up, worst": "lookup_worst",
    "insert, 99th": "insert_p99",
    "insert, worst": "insert_worst",
}


def _clear_djangos() -> None:
    DB.enter()
    call_command("clearsessions")


def _purge_ours(**options: Any) -> Callable[[], None]:
    def carry_out() -> None:
        OURS.enter()
        purging.purge(retain_expired=timedelta(), **options)

    return carry_out


def _delete_at_once() -> None:
    Session.objects.past_their_end(timezone.now()).delete_rows()


_WAYS: dict[str, Callable[[], object]] = {
    _NOTHING: lambda: time.sleep(2),
    _BASE: _clear_djangos,
    "our table by one `DELETE`": _delete_at_once,
    "ours, `purge_sessions`": _purge_ours(),
    "ours, `purge_sessions --pause 0`": _purge_ours(pause=timedelta()),
}


def _fill(world: World, rows: int) -> None:
    """Have full tables, of which every second row has expired."""
    with connection.cursor() as cursor:
        for model in (Session, DjangoSession):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608  # ours
    BigTables(world).grow(rows)
    day = timedelta(days=30)
    for model, end, key in ((Session, "expires_at", "subject"), (DjangoSession, "expire_date", "session_key")):
        half = model._default_manager.filter(**{f"{key}__gt": _middle(model, key)})
        half.update(**{end: F(end) - day})
    analyze()


def _middle(model: Any, key: str) -> str:
    rows = model._default_manager.order_by(key).values_list(key, flat=True)
    return str(rows[rows.count() // 2])


def _under_traffic(carry_out: Callable[[], object]) -> dict[str, float]:
    with _traffic() as heard:
        started = time.perf_counter()
        carry_out()
        seconds = time.perf_counter() - started
    return {**heard, "seconds": seconds * 1000}


@contextmanager
def _traffic() -> Iterator[dict[str, float]]:
    OURS.enter()
    environment = {
        **os.environ,
        "BENCHMARKS_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        "BENCHMARKS_SITE": OURS.as_json(),
    }
    command = [sys.executable, "-m", "benchmarks.traffic"]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)  # noqa: S603  # ours
    try:
        assert other.stdout is not None  # noqa: S101  # a pipe was asked for
        other.stdout.readline()  # it is at work
        heard: dict[str, float] = {}
        yield heard
        said, _errors = other.communicate("\n", timeout=120)
        heard.update(json.loads(said))
    finally:
        other.kill()
        other.wait()
