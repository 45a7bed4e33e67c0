"""
Statements that PostgreSQL prepares, so that it parses and plans them once for a connection and not at every turn.

For a statement that costs more to plan than to run, such as a look-up by key, that is a third of the whole. Django has
psycopg prepare nothing by default, because a pooler between may hand the next statement to another connection. So it is
done here where a mistake would cost nothing: outside of transactions, where what fails can be asked again as it is,
under names that say what was prepared, and never where DISABLE_SERVER_SIDE_CURSORS tells of such a pooler. A host that
has told psycopg when to prepare is obeyed: with a rollback, psycopg may forget all that is prepared, ours too.
"""

import logging
from collections.abc import Sequence
from datetime import UTC
from functools import cache
from importlib import import_module
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("codlet_sessions")

_NOT_TO_BE_HAD: Final = ("26", "0A", "42")  # SQLSTATE: no such statement; its table has changed; not understood

_known: "WeakKeyDictionary[Any, dict[Any, bytes | int]]" = WeakKeyDictionary()  # a `Known` for each connection
_unsuited: set[str] = set()


def cursor_of(driver: Any, timezone: Any) -> Any | None:
    """
    Return a cursor for `execute` on ``driver``, a connection of psycopg's, that gives moments in ``timezone``.

    None if it is of another driver, or not as Django has it made: a tool may have cursors of its own there.
    """
    by_name = _by_name()
    if by_name is None or not _is_as_django_connects(driver, timezone):
        return None
    plain = _psycopg().Cursor(driver)
    if timezone is UTC and driver.info.parameter_status("TimeZone") == "UTC":
        # Django's own loader of moments is written in Python, and gives the same there.
        plain.adapters.register_loader("timestamptz", _loader_of_moments(_psycopg().adapters))
    return by_name.PreparingCursor(plain, _known.setdefault(driver, {}))


def execute(cursor: Any, sql: str, parameters: Sequence[Any], connection: BaseDatabaseWrapper) -> Any:
    """
    Run ``sql``, with a ``%s`` for each of the ``parameters``, on a ``cursor`` that `cursor_of` made for ``connection``.

    As it is the first times and wherever it cannot be prepared, then by its name.

    Returns:
        What has ``fetchall()`` and ``rowcount``, until the next is run.

    Raises:
        psycopg.Error: The database failed.

    """
    if not _is_suited(connection):
        return cursor.execute(sql, parameters)
    try:
        return cursor.execute_prepared(sql, parameters)
    except cast(Any, connection).Database.Error as error:
        if not (error.sqlstate or "").startswith(_NOT_TO_BE_HAD):  # none: the connection is lost
            raise
        _give_up(connection, error)
        return cursor.execute(sql, parameters)


@cache
def _by_name() -> Any | None:
    try:
        return import_module("codlet_sessions.stores.by_name") if _psycopg().__version__.startswith("3.") else None
    except (ImportError, AttributeError):  # psycopg2, or a psycopg that is made in another way
        return None


def _is_as_django_connects(driver: Any, timezone: Any) -> bool:
    from django.db.backends.postgresql import base

    djangos: tuple[Any, ...] = (base.Cursor, base.ServerBindingCursor)
    if type(driver) is not _psycopg().Connection or driver.cursor_factory not in djangos:
        return False
    return bool(getattr(_loader_of_moments(driver.adapters), "timezone", "of no kind we know") == timezone)


def _loader_of_moments(adapters: Any) -> Any:
    psycopg = _psycopg()
    return adapters.get_loader(psycopg.adapters.types["timestamptz"].oid, psycopg.pq.Format.TEXT)


@cache
def _psycopg() -> Any:
    return import_module("psycopg")


def _is_suited(connection: Any) -> bool:
    return not (
        connection.in_atomic_block
        or not connection.autocommit
        or connection.alias in _unsuited
        or connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
        or connection.connection.prepare_threshold is not None
        or connection.connection.pgconn.pipeline_status
    )


def _give_up(connection: BaseDatabaseWrapper, error: Exception) -> None:
    _unsuited.add(connection.alias)
    logger.info(
        "Statements on '%s' are not prepared in this process from now on (%s). They take longer, and that is all. After"
        " a migration, restart; behind a pooler that hands connections on, set DISABLE_SERVER_SIDE_CURSORS.",
        connection.alias,
        type(error).__name__,
    )
