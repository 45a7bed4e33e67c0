"""Asking questions: a database of its own for all, emptied before each, and what came of each."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import cleandoc
from typing import Any

import django
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection

from benchmarks import pinning
from benchmarks.outcomes import VENDORS, Outcome
from benchmarks.people import World
from benchmarks.questions import QUESTIONS
from benchmarks.rounds import Race
from benchmarks.sites import close_connections


@contextmanager
def database() -> Iterator[None]:
    """Have an empty database to measure on; it goes afterwards."""
    before = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        close_connections()
        _end_other_connections()
        connection.creation.destroy_test_db(before, verbosity=0)


def ask(name: str, **options: Any) -> Outcome:
    """
    Ask one question.

    Raises:
        NotHere: It has no answer on this database.

    """
    call_command("flush", verbosity=0, interactive=False)
    world = World(**options)
    with world.stack:
        asked = QUESTIONS[name](world)
        answer = asked.run(world.rounds) if isinstance(asked, Race) else asked
    return Outcome(
        question=name,
        asked=cleandoc(QUESTIONS[name].__doc__ or ""),
        vendor=connection.vendor,
        answer=replace(answer, each=answer.each or (f"{world.size} calls" if answer.rounds else "")),
        about=about(),
    )


def about() -> str:
    """Return what took part: the versions, and how many cores."""
    with connection.cursor():  # SQLite's version is known without
        version = ".".join(map(str, connection.get_database_version()))
    module: Any = connection.Database
    driver = f"{module.__name__} {getattr(module, '__version__', '')}".strip()
    pinned = ", pinned to one" if pinning.is_on() else ""
    return (
        f"Python {platform.python_version()}, Django {django.__version__}, {VENDORS[connection.vendor]} {version},"
        f" {driver}, {_cache()}, {os.cpu_count()} cores{pinned}."
    )


def _cache() -> str:
    cache: Any = getattr(caches["default"], "_cache", None)
    if not hasattr(cache, "get_client"):
        return f"no cache server ({type(caches['default']).__name__})"
    return f"Redis {cache.get_client().info('server')['redis_version']}"


def _end_other_connections() -> None:
    """Have no thread that has not noticed yet keep the database from going."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
