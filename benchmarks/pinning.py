"""
One CPU for all that takes part.

A round trip to an idle CPU waits for that to wake up, for longer or shorter as the machine pleases. On one CPU it is a
change of context, and a small difference can be seen.
"""

import atexit
import os
from contextlib import suppress
from typing import Any

from django.core.cache import caches
from django.db import connection
from django.db.backends.signals import connection_created

_cpu: set[int] = set()


def is_on() -> bool:
    """Return whether `pin` has been called."""
    return bool(_cpu)


def pin() -> list[str]:
    """
    Keep this process, and each of PostgreSQL's that it connects to from now on, and Redis, on one CPU.

    Returns:
        What could not be pinned, and why.

    """
    _cpu.add(max(os.sched_getaffinity(0)))
    os.sched_setaffinity(0, _cpu)
    connection_created.connect(_pin_backend)
    problems = [] if connection.vendor in ("sqlite", "postgresql") else [f"{connection.vendor} has no process to pin."]
    cache: Any = getattr(caches["default"], "_cache", None)
    if hasattr(cache, "get_client"):
        try:
            _pin_for_now(cache.get_client().info("server")["process_id"])
        except OSError as error:
            problems.append(f"Redis is not pinned: {error}.")
    return problems


def _pin_for_now(process: int) -> None:
    before = os.sched_getaffinity(process)
    os.sched_setaffinity(process, _cpu)
    atexit.register(os.sched_setaffinity, process, before)


def pin_backend(driver: Any) -> None:
    """Keep PostgreSQL's process behind ``driver``, a connection of psycopg's that is not Django's, there, too."""
    if is_on():
        with suppress(OSError):  # another user's, or on another machine
            os.sched_setaffinity(driver.info.backend_pid, _cpu)


def _pin_backend(connection: Any, **kwargs: object) -> None:
    if connection.vendor == "postgresql":
        pin_backend(connection.connection)
