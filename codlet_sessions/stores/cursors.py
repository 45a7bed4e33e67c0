"""
Statements on Django's connection, by a cursor of the driver's that is kept from one to the next.

On their way to the driver, Django's cursor takes as long as the database takes to find a session, and a new one of
psycopg's learns again how the values of its columns are read. Where that way is more than a way, statements go it:
while queries are logged or wrapped, and where a tool or another backend has put something of its own there.
"""

from asyncio import _get_running_loop
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from operator import attrgetter, methodcaller
from threading import get_ident
from types import FunctionType
from typing import Any, Final, TypeAlias, TypeVar

from django.db.backends import utils
from django.db.backends.base.base import BaseDatabaseWrapper

from codlet_sessions.stores import prepared
from codlet_sessions.stores.marks import with_question_marks

_Result = TypeVar("_Result")
_Rows: TypeAlias = Sequence[Sequence[Any]]

_KEPT: Final = "_codlet_cursor"
_OF_DJANGO: Final = ("django.db.backends.", "django.contrib.gis.db.backends.")
_STEPS_TO_A_CURSOR: Final = frozenset({"cursor", "_cursor", "create_cursor", "make_cursor"})
_cursor_makers: Final = attrgetter("cursor", "_cursor", "make_cursor")
_cursor_runners: Final = attrgetter("execute", "_execute", "_execute_with_wrappers")
_all_rows: Final[Callable[[Any], _Rows]] = methodcaller("fetchall")
_row_count: Final[Callable[[Any], int]] = attrgetter("rowcount")


def fetched(sql: str, parameters: Sequence[Any], connection: BaseDatabaseWrapper) -> _Rows:
    """
    Run ``sql``, with a ``%s`` for each of the ``parameters``, and return its rows as the driver gives them.

    Raises:
        django.db.Error: The database failed.

    """
    return _run(sql, parameters, connection, _all_rows)


def written(sql: str, parameters: Sequence[Any], connection: BaseDatabaseWrapper) -> int:
    """
    Run ``sql``, with a ``%s`` for each of the ``parameters``, and return how many rows it wrote.

    Raises:
        django.db.Error: The database failed, or refused a value.

    """
    return _run(sql, parameters, connection, _row_count)


def is_of_django(connection: BaseDatabaseWrapper) -> bool:
    """Return whether Django's own backend made ``connection``: others may tell theirs whom they serve just now."""
    return _is_of_django(type(connection).__module__)


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """
    How statements get to a driver.

    Attributes:
        cursor_of: Makes a cursor on a connection of the driver's, for moments in a time zone; None where it is not as
            Django makes them.
        execute: Runs a statement, with a ``%s`` for each of its parameters, by such a cursor, and returns what has its
            rows and their number.

    """

    cursor_of: Callable[[Any, Any], Any]
    execute: Callable[[Any, str, Sequence[Any], BaseDatabaseWrapper], Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A cursor of the driver's, if it has one for us, and what Django's connection was made of at the time."""

    driver: Any
    timezone: Any
    cursor: Any


def _run(sql: str, parameters: Sequence[Any], connection: Any, read: Callable[[Any], _Result]) -> _Result:
    way = _WAYS.get(connection.vendor)
    if way is None or _is_watched(connection):
        return _run_djangos_way(sql, parameters, connection, read)
    kept = _taken_from(connection, way)
    if kept.cursor is None:
        result = _run_djangos_way(sql, parameters, connection, read)
    else:
        try:
            result = read(way.execute(kept.cursor, sql, parameters, connection))
        except Exception:
            with connection.wrap_database_errors:
                raise
    connection.__dict__[_KEPT] = kept  # not after an error
    return result


def _run_djangos_way(sql: str, parameters: Sequence[Any], connection: Any, read: Callable[[Any], _Result]) -> _Result:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return read(cursor)


@cache
def _is_of_django(module: str) -> bool:
    return module.startswith(_OF_DJANGO)


def _is_watched(connection: Any) -> bool:
    """Return whether more happens to a statement on its way through Django's cursor than that it gets to the driver."""
    return bool(
        not is_of_django(connection)
        or connection.queries_logged
        or connection.execute_wrappers
        or not connection.__dict__.keys().isdisjoint(_STEPS_TO_A_CURSOR)
        or (_cursor_makers(type(connection)), _cursor_runners(utils.CursorWrapper)) != _DJANGOS_OWN
    )


def _taken_from(connection: Any, way: _Way) -> _Kept:
    """Return the cursor for a statement, which nobody else has until it is put back. Connects, as Django's would."""
    connection.close_if_health_check_failed()
    if connection.connection is None or _get_running_loop() is not None:  # which it refuses
        connection.ensure_connection()
    if connection._thread_ident != get_ident():
        connection.validate_thread_sharing()
    if connection.needs_rollback:
        connection.validate_no_broken_transaction()
    driver, timezone = connection.connection, connection.timezone
    kept: _Kept | None = connection.__dict__.pop(_KEPT, None)
    if kept is None or kept.driver is not driver or kept.timezone is not timezone:
        with connection.wrap_database_errors:
            return _Kept(driver, timezone, way.cursor_of(driver, timezone))
    return kept


def _sqlite_cursor_of(driver: Any, _timezone: object) -> Any | None:
    import sqlite3  # which a Python for another database may be without

    return sqlite3.Cursor(driver) if type(driver) is sqlite3.Connection else None


def _execute_on_sqlite(cursor: Any, sql: str, parameters: Sequence[Any], _connection: BaseDatabaseWrapper) -> Any:
    return cursor.execute(with_question_marks(sql), parameters)


def _djangos_own() -> "tuple[tuple[Any, ...], tuple[Any, ...]] | None":
    """Return what a statement goes through; None if a tool has been there before us, and sees each of them."""
    functions = _cursor_makers(BaseDatabaseWrapper), _cursor_runners(utils.CursorWrapper)
    are_plain = (
        type(function) is FunctionType and function.__globals__["__name__"].startswith("django.")
        for function in chain(*functions)
    )
    return functions if all(are_plain) else None


_DJANGOS_OWN: Final = _djangos_own()
_WAYS: Final = {
    "postgresql": _Way(prepared.cursor_of, prepared.execute),
    "sqlite": _Way(_sqlite_cursor_of, _execute_on_sqlite),
}
