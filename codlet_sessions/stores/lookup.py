"""
The statement that every request waits for, compiled once.

For a query by key, Django's ORM spends more time on writing the SQL than the database on answering it. So the ORM
writes it once for each database and number of candidates; after that a lookup is one ``execute()`` on Django's own
connection, with the values converted as the ORM would convert them.

The user comes along by a JOIN, if users are in the same database: whoever asks for the session learns in the same query
whether its user is still there, active and under the same password.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, cast

from django.contrib.auth import get_user_model
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet
from codlet_sessions.records import UNKNOWN_USER, Candidates, LookupKey

Converters: TypeAlias = list[tuple[int, list[Callable[..., Any]], Any]]


@dataclass(frozen=True, slots=True, eq=False)
class _Statement:
    sql: str
    expressions: tuple[Any, ...]
    width: int
    user_model: Any
    user_fields: tuple[str, ...]


def rows_under(candidates: Candidates, columns: tuple[str, ...], using: str) -> list[tuple[list[Any], object]]:
    """
    Return ``columns`` of the sessions stored under any of ``candidates``, whatever their state, each with its user.

    One query. The user is None if the session has none or it is gone, `UNKNOWN_USER` if users are elsewhere.

    Raises:
        django.db.Error: The database failed.

    """
    if not candidates:
        return []
    user_model, connection = get_user_model(), connections[using]
    is_joined = router.db_for_write(user_model) == using
    statement = _statement(using, len(candidates), columns, user_model if is_joined else None)
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, [_parameter(lookup_key, connection) for lookup_key, _version in candidates])
        rows: Sequence[Any] = cursor.fetchall()
    return [_split(_converted(row, _converters(statement, connection), connection), statement, using) for row in rows]


@cache
def _statement(using: str, count: int, columns: tuple[str, ...], user_model: Any) -> _Statement:
    fields = () if user_model is None else tuple(field.attname for field in user_model._meta.concrete_fields)
    candidates = [(LookupKey(f"{number:064x}"), "") for number in range(count)]
    rows = SessionQuerySet(Session, using=using).keyed(candidates)
    compiler = rows.values_list(*columns, *(f"user__{name}" for name in fields)).query.get_compiler(using)
    sql, _parameters = compiler.as_sql()
    expressions = tuple(expression for expression, _sql, _alias in compiler.select)
    return _Statement(sql, expressions, len(columns), user_model, fields)


def _split(values: list[Any], statement: _Statement, using: str) -> tuple[list[Any], object]:
    session, user = values[: statement.width], values[statement.width :]
    if statement.user_model is None:
        return session, UNKNOWN_USER
    # By anything but its key: that is the session's own column, also where it leads nowhere.
    key = statement.user_model._meta.pk.attname
    is_there = any(value is not None for name, value in zip(statement.user_fields, user, strict=True) if name != key)
    return session, statement.user_model.from_db(using, statement.user_fields, user) if is_there else None


def _converters(statement: _Statement, connection: BaseDatabaseWrapper) -> Converters:
    # Kept on the connection, because some of them know it by themselves: elsewhere they would keep it from going.
    known = cast(Any, connection).__dict__.setdefault("_codlet_converters", {})
    if statement.sql not in known:
        known[statement.sql] = [
            (index, converters, expression)
            for index, expression in enumerate(statement.expressions)
            if (converters := connection.ops.get_db_converters(expression) + expression.get_db_converters(connection))
        ]
    return cast(Converters, known[statement.sql])


def _converted(row: Sequence[Any], converters: Converters, connection: BaseDatabaseWrapper) -> list[Any]:
    values = list(row)
    for index, steps, expression in converters:
        for step in steps:
            values[index] = step(values[index], expression, connection)
    return values


def _parameter(lookup_key: LookupKey, connection: BaseDatabaseWrapper) -> Any:
    return cast(Any, connection).Database.Binary(bytes.fromhex(lookup_key))
