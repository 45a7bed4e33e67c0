"""
Statements that the ORM writes once, and that are run on Django's connection from then on.

For a query by key, Django's ORM spends more time on writing the SQL than the database on answering it. The values are
converted as the ORM would convert them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import ascii_lowercase
from typing import Any, Final
from uuid import UUID

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql import InsertQuery, UpdateQuery

from codlet_sessions.stores.conversion import Plan, converted, plan_of
from codlet_sessions.stores.cursors import fetched, written


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """
    A statement.

    Attributes:
        sql: Its text, with a place for each parameter.
        expressions: The columns that it selects, as the ORM knows them.

    """

    sql: str
    expressions: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """
    A statement that changes rows.

    Attributes:
        sql: Its text, with a place for each parameter.
        parameters: The name of what goes into each place, or None and what always stands there.

    """

    sql: str
    parameters: tuple[tuple[str | None, Any], ...]


def compiled(queryset: Any, columns: Sequence[str], using: str) -> Compiled:
    """Return the statement that selects ``columns`` of ``queryset`` from the database ``using``."""
    query = queryset.query
    query.clear_select_clause()
    query.add_fields(list(columns))
    query.change_aliases(dict(zip(query.alias_map, ascii_lowercase, strict=False)))  # some read it all at every turn
    compiler = query.get_compiler(using)
    sql, _parameters = compiler.as_sql()
    sql = _plain(sql, compiler.select) if connections[using].vendor == "sqlite" else sql
    return Compiled(sql, tuple(expression for expression, _sql, _alias in compiler.select))


def rows_of(statement: Compiled, parameters: Sequence[Any], connection: BaseDatabaseWrapper) -> list[list[Any]]:
    """
    Run ``statement``, and return the values of its rows.

    Raises:
        django.db.Error: The database failed.

    """
    rows = fetched(statement.sql, parameters, connection)
    plan = _plan(statement, connection)
    return [converted(row, plan) for row in rows]


def insert(model: Any, values: Mapping[str, Any], using: str) -> None:
    """
    Write a row of ``model`` with a value for each of its attributes. One statement, and none of Django's signals.

    Raises:
        django.db.Error: The database failed, or refused the row.

    """
    connection = connections[using]
    fields = model._meta.concrete_fields
    parameters = [field.get_db_prep_save(values[field.attname], connection) for field in fields]
    if (sql := _insertions.get((model, using))) is None:  # whatever the row holds, it is the same
        sql = _insertions[model, using] = _insertion(model(**values), using)
    written(sql, parameters, connection)


def compiled_update(queryset: Any, changes: Mapping[str, Any], samples: Mapping[str, Any], using: str) -> Update:
    """
    Return the statement that writes ``changes`` into the rows of ``queryset`` in the database ``using``.

    Args:
        queryset: Rows, all of one model.
        changes: Values by the names of fields.
        samples: Which values in the conditions and among ``changes`` stand for others, which will differ from time to
            time: a value of its own by the name of each.
        using: The alias of the database.

    """
    query = queryset.query.chain(UpdateQuery)
    query.add_update_values(dict(changes))
    sql, parameters = query.get_compiler(using).as_sql()
    names = {_adapted(sample, using): name for name, sample in samples.items()}
    return Update(sql, tuple((names.get(value), value) for value in parameters))


def update(statement: Update, values: Mapping[str, Any], using: str) -> int:
    """
    Run ``statement`` with ``values`` in the places of its samples, and return how many rows it wrote.

    Raises:
        django.db.Error: The database failed, or refused a value. An open transaction is then broken, as by the ORM.

    """
    connection = connections[using]
    known = {name: _adapted(value, using) for name, value in values.items()}
    parameters = [constant if name is None else known[name] for name, constant in statement.parameters]
    with transaction.mark_for_rollback_on_error(using=using):
        return written(statement.sql, parameters, connection)


_STORED_PLAIN: Final = frozenset(
    {
        *("AutoField", "BigAutoField", "SmallAutoField", "IntegerField", "PositiveIntegerField", "BinaryField"),
        *("CharField", "TextField", "UUIDField", "GenericIPAddressField", "DateTimeField", "BooleanField"),
    }
)
_insertions: dict[tuple[Any, str], str] = {}


def _adapted(value: Any, using: str) -> Any:
    """Return ``value``, text, a moment or an id, as a field of its kind gives it to the driver."""
    connection = connections[using]
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def _insertion(row: Any, using: str) -> str:
    query = InsertQuery(type(row))
    query.insert_values(row._meta.concrete_fields, [row])
    ((sql, _parameters),) = query.get_compiler(using).as_sql()
    return str(sql)


def _plain(sql: str, select: Sequence[Any]) -> str:
    """
    Return ``sql`` so that SQLite's driver gives values as they are stored, where Django's converters take them so.

    The driver looks for a converter of its own by each column's type; Django has put some there that parse moments, to
    have them parsed once more, by ours. A plus changes no value, and its column has no type.
    """
    columns = [column for _expression, (column, _parameters), _alias in select]
    plain = [
        f"+{column}" if expression.output_field.get_internal_type() in _STORED_PLAIN else column
        for expression, (column, _parameters), _alias in select
    ]
    return sql.replace(", ".join(columns), ", ".join(plain), 1)


def _plan(statement: Compiled, connection: Any) -> Plan:
    # Kept on the connection, because some converters know it by themselves: elsewhere they would keep it from going.
    known: dict[object, Plan] = connection.__dict__.setdefault("_codlet_plans", {})
    name = (statement.sql, connection.timezone)
    if name not in known:
        known[name] = plan_of(statement.expressions, connection)
    return known[name]
