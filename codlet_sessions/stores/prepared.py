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
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("codlet_sessions")

WORTH_IT: Final = 5  # times that a connection has run a statement before it is prepared there
_DUPLICATE: Final = "42P05"  # prepared before, on a connection that a pooler has handed on
_NOT_TO_BE_HAD: Final = ("26", "0A", "42")  # SQLSTATE: no such statement; its table has changed; not understood

_uses: "WeakKeyDictionary[Any, Counter[object]]" = WeakKeyDictionary()
_unsuited: set[str] = set()


def cursor_of(driver: Any, timezone: Any) -> Any | None:
    """
    Return a cursor for `execute` on ``driver``, a connection of psycopg's, that gives moments in ``timezone``.

    None if it is of another driver, or not as Django has it made: a tool may have cursors of its own there.
    """
    cursor_class = _preparing_cursor()
    if cursor_class is None or not _is_as_django_connects(driver, timezone):
        return None
    if (uses := _uses.get(driver)) is None:
        uses = _uses[driver] = Counter()
    return cursor_class(driver, uses)


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
        import psycopg
        from psycopg._preparing import Prepare
    except ImportError:  # psycopg2, or a psycopg that prepares in another way
        return None

    class PreparingCursor(psycopg.Cursor[Any]):
        """Prepares under a name that says what: behind a pooler, another process may have prepared something else."""

        def __init__(self, driver: Any, uses: Counter[object]) -> None:
            super().__init__(driver)
            self._uses = uses

        def _get_prepared(self, query: Any, prepare: bool | None = None) -> tuple[Prepare, bytes]:
            if not prepare:
                return super()._get_prepared(query, prepare)
            what = query.query, query.types
            self._uses[what] += 1
            if (uses := self._uses[what]) < WORTH_IT:
                return Prepare.NO, b""
            return (Prepare.SHOULD if uses == WORTH_IT else Prepare.YES), _name(*what)

    return PreparingCursor


def _is_as_django_connects(driver: Any, timezone: Any) -> bool:
    import psycopg
    from django.db.backends.postgresql import base

    djangos: tuple[Any, ...] = (base.Cursor, base.ServerBindingCursor)
    if type(driver) is not psycopg.Connection or driver.cursor_factory not in djangos:
        return False
    loader = driver.adapters.get_loader(base.TIMESTAMPTZ_OID, psycopg.pq.Format.TEXT)
    return bool(getattr(loader, "timezone", "of no kind we know") == timezone)


def _is_suited(connection: BaseDatabaseWrapper) -> bool:
    if connection.in_atomic_block or connection.alias in _unsuited or not connection.get_autocommit():
        return False
    is_pooled = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
    return not is_pooled and cast(Any, connection).connection.prepare_threshold is None


def _give_up(connection: BaseDatabaseWrapper, error: Exception) -> None:
    _unsuited.add(connection.alias)
    logger.info("Statements on '%s' are not prepared from now on: %s.", connection.alias, type(error).__name__)


@cache
def _name(sql: bytes, types: tuple[int, ...]) -> bytes:
    return f"codlet_{hashlib.sha256(repr((sql, types)).encode()).hexdigest()[:16]}".encode()
