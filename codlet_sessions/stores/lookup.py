"""
The statement that every request waits for, compiled once.

For a query by primary key, Django's ORM spends more time on writing the SQL than the database on answering it. So the
ORM writes it once for each database and number of candidates; after that a lookup is one ``execute()`` on Django's own
connection, with the values converted as the ORM would convert them.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeAlias, cast

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet
from codlet_sessions.records import Candidates, LookupKey

Converters: TypeAlias = list[tuple[int, list[Callable[..., Any]], Any]]


def rows_under(candidates: Candidates, columns: tuple[str, ...], using: str) -> list[list[Any]]:
    """
    Return ``columns`` of the sessions stored under any of ``candidates``, whatever their state. One query.

    Raises:
        django.db.Error: The database failed.

    """
    if not candidates:
        return []
    connection = connections[using]
    sql, expressions = _statement(using, len(candidates), columns)
    with connection.cursor() as cursor:
        cursor.execute(sql, [_parameter(lookup_key, connection) for lookup_key, _version in candidates])
        rows: Sequence[Any] = cursor.fetchall()
    converters = _converters(columns, expressions, connection) if rows else []
    return [_converted(row, converters, connection) for row in rows]


@cache
def _statement(using: str, count: int, columns: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    candidates = [(LookupKey(f"{number:064x}"), "") for number in range(count)]
    query = SessionQuerySet(Session, using=using).keyed(candidates).values_list(*columns).query
    compiler = query.get_compiler(using)
    sql, _parameters = compiler.as_sql()
    return sql, tuple(expression for expression, _sql, _alias in compiler.select)


def _converters(columns: tuple[str, ...], expressions: tuple[Any, ...], connection: BaseDatabaseWrapper) -> Converters:
    # Kept on the connection, because some of them know it by themselves: elsewhere they would keep it from going.
    known = cast(Any, connection).__dict__.setdefault("_codlet_converters", {})
    if columns not in known:
        known[columns] = [
            (index, converters, expression)
            for index, expression in enumerate(expressions)
            if (converters := connection.ops.get_db_converters(expression) + expression.get_db_converters(connection))
        ]
    return cast(Converters, known[columns])


def _converted(row: Sequence[Any], converters: Converters, connection: BaseDatabaseWrapper) -> list[Any]:
    values = list(row)
    for index, steps, expression in converters:
        for step in steps:
            values[index] = step(values[index], expression, connection)
    return values


def _parameter(lookup_key: LookupKey, connection: BaseDatabaseWrapper) -> Any:
    return cast(Any, connection).Database.Binary(bytes.fromhex(lookup_key))
