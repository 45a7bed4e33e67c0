"""
Statements that PostgreSQL prepares, so that it parses and plans them once for a connection and not at every turn.

For a statement that costs more to plan than to run, such as a look-up by key, that is a third of the whole. Django has
the drivers prepare nothing by default, because a pooler between may hand the next statement to another connection. So
it is done here by SQL, ``PREPARE`` and ``EXECUTE``, where a mistake would cost nothing: outside of transactions, where
what fails can be asked again as it is, and never where DISABLE_SERVER_SIDE_CURSORS tells of such a pooler.
"""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import count
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("codlet_sessions")

WORTH_IT: Final = 5  # times that a connection has run a statement before it is prepared there
_DUPLICATE: Final = "42P05"  # prepared before, on a connection that a pooler has handed on
_NOT_TO_BE_HAD: Final = ("26", "0A", "42")  # SQLSTATE: no such statement; its table has changed; not understood
_PLACE: Final = re.compile(r"%%|%s")

_uses: "WeakKeyDictionary[Any, Counter[str]]" = WeakKeyDictionary()
_unsuited: set[str] = set()


def execute(cursor: Any, sql: str, parameters: Sequence[Any], connection: BaseDatabaseWrapper) -> None:
    """
    Run ``sql``, which reads and has a ``%s`` for each of the ``parameters``, on a ``cursor`` of Django's.

    As it is the first times and wherever it cannot be prepared, then by its name.

    Raises:
        django.db.Error: The database failed.

    """
    if not _is_suited(connection) or not _is_prepared(sql, connection):
        cursor.execute(sql, parameters)
        return
    try:
        cursor.execute(_call(sql, len(parameters)), parameters)
    except Error as error:
        if not _state_of(error.__cause__).startswith(_NOT_TO_BE_HAD):
            raise
        _give_up(connection, error)
        cursor.execute(sql, parameters)


def with_places(sql: str, form: str) -> str:
    """Return ``sql`` with its ``%s`` numbered from 1: each as ``form``, with the number in the place of ``{}``."""
    number = count(1)
    return _PLACE.sub(lambda place: place[0] if place[0] == "%%" else form.format(next(number)), sql)


def _is_suited(connection: BaseDatabaseWrapper) -> bool:
    if connection.vendor != "postgresql" or connection.in_atomic_block or connection.alias in _unsuited:
        return False
    host = connection.settings_dict
    # Where the server binds, EXECUTE can be given no parameters, and psycopg can prepare.
    is_out = host["OPTIONS"].get("server_side_binding") or host.get("DISABLE_SERVER_SIDE_CURSORS")
    return not is_out and bool(connection.get_autocommit())


def _is_prepared(sql: str, connection: BaseDatabaseWrapper) -> bool:
    driver = connection.connection
    try:
        uses = _uses.get(driver)
    except TypeError:  # somebody's own kind of connection, which cannot be told from another
        return False
    if uses is None:
        uses = _uses[driver] = Counter()
    uses[sql] += 1
    return uses[sql] > WORTH_IT or (uses[sql] == WORTH_IT and _prepare(sql, connection))


def _prepare(sql: str, connection: BaseDatabaseWrapper) -> bool:
    text = with_places(sql, "${}").replace("%%", "%")
    try:
        with cast(Any, connection.connection).cursor() as cursor:  # not Django's: it is no query, and nobody's to count
            cursor.execute(f"PREPARE {_name(sql)} AS {text}")
    except Exception as error:
        if _state_of(error) != _DUPLICATE:
            _give_up(connection, error)
            return False
    return True


def _give_up(connection: BaseDatabaseWrapper, error: Exception) -> None:
    _unsuited.add(connection.alias)
    logger.info("Look-ups on '%s' are not prepared from now on: %s.", connection.alias, type(error).__name__)


def _state_of(error: BaseException | None) -> str:
    """Return the SQLSTATE of an error of psycopg or psycopg2; "" if it has none, because the connection is lost."""
    return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")


@cache
def _call(sql: str, places: int) -> str:
    return f"EXECUTE {_name(sql)}({', '.join(['%s'] * places)})"


@cache
def _name(sql: str) -> str:
    return f"codlet_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
