"""
Connections to the database that belong to look-ups alone: when they may be used, and how they are kept.

Such a connection does not see what another one has not committed. So it is used only where nothing that led to the
question can be in an open transaction; everywhere else the question goes the ordinary way, by ``sync_to_async``, to the
thread that the transaction is in.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

from asgiref.sync import AsyncToSync, SyncToAsync
from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from codlet_sessions.stores.cursors import is_of_django

Result = TypeVar("Result")

USUALLY: Final = 2  # one statement is under way, the next one is being put together
# Not by `connections`, which in async code has an object of its own for each task.
_by_thread: "WeakValueDictionary[tuple[str, int], BaseDatabaseWrapper]" = WeakValueDictionary()


def connections_for(using: str, wanted: int | None) -> int:
    """
    Return how many connections of their own look-ups on a database may have; 0 for none.

    Args:
        using: The alias of the database.
        wanted: What the host has decided, if it has. Else there are some where the backend is one of Django's: others
            may have told the connection of a request what no other connection knows, which tenant it serves for one.

    """
    connection = connections[using]
    is_in_memory = connection.vendor == "sqlite" and bool(connection.is_in_memory_db())  # type: ignore[attr-defined]
    if is_in_memory:
        return 0
    if wanted is None:
        return USUALLY if is_of_django(connection) else 0
    return wanted


def sees_all_of_this_task(using: str) -> bool:
    """
    Return whether a connection of its own would see all that has been written in what led to the running task.

    Not below ``async_to_sync``, whose caller may be in a transaction: a test case for instance, or a synchronous
    middleware. Nor if the thread that ``sync_to_async`` would take has one open.
    """
    try:
        is_below_sync = _is_below_sync()
        is_loop_of_sync = asyncio.get_running_loop() in AsyncToSync.loop_thread_executors
        context = SyncToAsync.thread_sensitive_context.get(None)
        executor: Any = SyncToAsync.single_thread_executor
        if context is not None:
            executor = SyncToAsync.context_to_thread_executor.get(context)
        others = () if executor is None else tuple(executor._threads)
    except AttributeError:  # an asgiref that works otherwise
        return False
    return not (is_below_sync or is_loop_of_sync or _is_transaction_open(using, (threading.current_thread(), *others)))


def on_own_connection(using: str, ask: Callable[[], Result]) -> Result:
    """
    Return what ``ask`` returns, which reads a database by the connection of this thread and may be called twice.

    Once more on a new connection, if the old one has gone meanwhile: it may have been idle for long.

    Raises:
        django.db.Error: The database failed.

    """
    connection = _without_pool(connections[using])
    if connection.settings_dict["CONN_MAX_AGE"] != 0:  # which is for connections of requests: these serve many
        connection.close_if_unusable_or_obsolete()
    try:
        return ask()
    except (OperationalError, InterfaceError):
        connection.close()
        return ask()
    finally:
        if _is_test_environment():
            connection.close()


def _without_pool(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Keep a connection of this thread out of the host's pool: it is held, and a request may wait for one of those."""
    host = connection.settings_dict
    if host["OPTIONS"].get("pool"):
        connection.close()
        options = {name: value for name, value in host["OPTIONS"].items() if name != "pool"}
        connection.settings_dict = {**host, "OPTIONS": options}
    return connection


def _is_test_environment() -> bool:
    """Whether a database was made for tests, which cannot be dropped while a connection is held."""
    utils: Any = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")


def _is_below_sync() -> bool:
    if _executors is not None and _executors.get(None) is None:
        return False
    return getattr(AsyncToSync.executors, "current", None) is not None


def _is_transaction_open(using: str, threads: Iterable[threading.Thread]) -> bool:
    for thread in threads:
        connection = _by_thread.get((using, thread.ident or 0))
        if connection is not None and connection.in_atomic_block:
            return True
    return False


def _variable_of(local: object) -> "ContextVar[Any] | None":
    """Return where ``local`` keeps all that it has: asked for what it has not, it is slow to say so."""
    variable = getattr(getattr(local, "_storage", None), "_data", None)
    return variable if isinstance(variable, ContextVar) else None


def _note_connection(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    _by_thread[connection.alias, connection._thread_ident] = connection  # type: ignore[attr-defined]


_executors: Final = _variable_of(getattr(AsyncToSync, "executors", None))
connection_created.connect(_note_connection, dispatch_uid="codlet_sessions.own_connections")
