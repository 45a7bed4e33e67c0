"""What a call costs, counted: statements, trips to the cache, and thread hops. The same on every machine."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

try:
    from redis.connection import AbstractConnection as RedisConnection
except ImportError:
    RedisConnection = None


@dataclass
class Cost:
    """
    What was counted.

    Attributes:
        statements: What Django sent to the database, ``BEGIN`` and ``COMMIT`` too.
        cache_trips: Commands to Redis, however many keys each had.
        hops: What was handed to a thread pool: by ``sync_to_async``, for instance.

    """

    statements: int = 0
    cache_trips: int = 0
    hops: int = 0


@contextmanager
def counted() -> Iterator[Cost]:
    """Count what is done meanwhile, on any thread of this process."""
    cost = Cost()
    # psycopg and MySQL's driver begin a transaction by themselves; Django executes a BEGIN on SQLite alone.
    commit = 1 if connection.vendor == "sqlite" else 2
    watched: list[tuple[Any, str, str, int]] = [
        (CursorWrapper, "_execute", "statements", 1),
        (CursorWrapper, "_executemany", "statements", 1),
        (BaseDatabaseWrapper, "_commit", "statements", commit),
        (ThreadPoolExecutor, "submit", "hops", 1),
    ]
    if RedisConnection is not None:
        watched.append((RedisConnection, "send_packed_command", "cache_trips", 1))
    with _watching(watched, cost):
        yield cost


@contextmanager
def _watching(watched: list[tuple[Any, str, str, int]], cost: Cost) -> Iterator[None]:
    patches = [
        patch.object(kind, name, _counting(getattr(kind, name), cost, attribute, weight))
        for kind, name, attribute, weight in watched
    ]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


def _counting(method: Callable[..., Any], cost: Cost, attribute: str, weight: int) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        setattr(cost, attribute, getattr(cost, attribute) + weight)
        return method(*args, **kwargs)

    return call
