"""
Statements that PostgreSQL prepares, so that it parses and plans them once for a connection and not at every turn.

For a statement that costs more to plan than to run, such as a look-up by key, that is a third of the whole. Django has
psycopg prepare nothing by default, because a pooler between may hand the next statement to another connection. So it is
done here where a mistake would cost nothing: outside of transactions, where what fails can be asked again as it is,
under names that say what was prepared, and never where DISABLE_SERVER_SIDE_CURSORS tells of such a pooler. A host that
has told psycopg when to prepare is obeyed.
"""

import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC
from functools import cache
from importlib import import_module
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("codlet_sessions")

WORTH_IT: Final = 5  # times that a connection has run a statement before it is prepared there
_DUPLICATE: Final = "42P05"  # prepared before, on a connection that a pooler has handed on
_NOT_TO_BE_HAD: Final = ("26", "0A", "42")  # SQLSTATE: no such statement; its table has changed; not understood

_known: "WeakKeyDictionary[Any, dict[object, bytes | int]]" = WeakKeyDictionary()
_unsuited: set[str] = set()


def cursor_of(driver: Any, timezone: Any) -> Any | None:
    """
    Return a cursor for `execute` on ``driver``, a connection of psycopg's, that gives moments in ``timezone``.

    None if it is of another driver, or not as Django has it made: a tool may have cursors of its own there.
    """
    cursor_class = _preparing_cursor()
    if cursor_class is None or not _is_as_django_connects(driver, timezone):
        return None
    cursor = cursor_class(driver, _known.setdefault(driver, {}))
    if timezone is UTC and driver.info.parameter_status("TimeZone") == "UTC":
        # Django's own loader of moments is written in Python, and gives the same there.
        cursor.adapters.register_loader("timestamptz", _loader_of_moments(_psycopg().adapters))
    return cursor


def execute(cursor: Any, sql: str, parameters: Sequence[Any], connection: BaseDatabaseWrapper) -> None:
    """
    Run ``sql``, with a ``%s`` for each of the ``parameters``, on a ``cursor`` that `cursor_of` made for ``connection``.

    As it is the first times and wherever it cannot be prepared, then by its name.

    Raises:
        psycopg.Error: The database failed.

    """
    if not _is_suited(connection):
        cursor.execute(sql, parameters)
        return
    try:
        cursor.execute(sql, parameters, prepare=True)
    except cast(Any, connection).Database.Error as error:
        state = error.sqlstate or ""  # none: the connection is lost
        if not state.startswith(_NOT_TO_BE_HAD):
            raise
        if state != _DUPLICATE:
            _give_up(connection, error)
        cursor.execute(sql, parameters, prepare=state == _DUPLICATE)


@cache
def _preparing_cursor() -> type[Any] | None:
    try:
        base: Any = _psycopg().Cursor
        how: Any = import_module("psycopg._preparing").Prepare
        # What its cursors that never prepare say to the question that ours answers, whatever the statement.
        is_known = _psycopg().ClientCursor._get_prepared(None, None) == (how.NO, b"")
    except (ImportError, AttributeError, TypeError):  # psycopg2, or a psycopg that prepares in another way
        is_known = False
    if not is_known:
        return None

    class PreparingCursor(base):  # type: ignore[misc]  # psycopg is an extra: mypy may not find it
        """Prepares under a name that says what: behind a pooler, another process may have prepared something else."""

        def __init__(self, driver: Any, known: dict[object, bytes | int]) -> None:
            super().__init__(driver)
            self._known = known  # the name of a statement that is prepared, or how often one that is not was run

        def _get_prepared(self, query: Any, prepare: bool | None = None) -> tuple[Any, bytes]:
            if not prepare:
                return cast(tuple[Any, bytes], super()._get_prepared(query, prepare))
            what = query.query, query.types
            known = self._known.get(what, 0)
            if isinstance(known, bytes):
                return how.YES, known
            if known + 1 < WORTH_IT:
                self._known[what] = known + 1
                return how.NO, b""
            name = self._known[what] = _name(*what)
            return how.SHOULD, name

    return PreparingCursor


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
    )


def _give_up(connection: BaseDatabaseWrapper, error: Exception) -> None:
    _unsuited.add(connection.alias)
    logger.info(
        "Statements on '%s' are not prepared in this process from now on (%s). They take longer, and that is all. After"
        " a migration, restart; behind a pooler that hands connections on, set DISABLE_SERVER_SIDE_CURSORS.",
        connection.alias,
        type(error).__name__,
    )


def _name(sql: bytes, types: tuple[int, ...]) -> bytes:
    return f"codlet_{hashlib.sha256(repr((sql, types)).encode()).hexdigest()[:16]}".encode()
