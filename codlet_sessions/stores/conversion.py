"""
What the values of a row become in Python: what the ORM would make of them, with moments in UTC.

Django's own converters, expression by expression, but for those of moments. They look settings up for every value,
which for a row with eight moments takes longer than the rest of a lookup; where the database speaks of UTC, as it does
unless its TIME_ZONE is set, the same moment is had with less.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeAlias, cast

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField

Convert: TypeAlias = Callable[[Any], Any]
Plan: TypeAlias = list[tuple[int, Convert]]


def plan_of(expressions: Sequence[Any], connection: BaseDatabaseWrapper) -> Plan:
    """Return which of the columns that ``expressions`` select have to be converted on ``connection``, and how."""
    planned = ((index, _conversion(expression, connection)) for index, expression in enumerate(expressions))
    return [(index, convert) for index, convert in planned if convert is not None]


def converted(row: Sequence[Any], plan: Plan) -> list[Any]:
    """Return the values of ``row``."""
    values = list(row)
    for index, convert in plan:
        if values[index] is not None:
            values[index] = convert(values[index])
    return values


def _conversion(expression: Any, connection: BaseDatabaseWrapper) -> Convert | None:
    by_backend = connection.ops.get_db_converters(expression)
    by_field = expression.get_db_converters(connection)
    if type(expression.output_field) is not DateTimeField or by_field:
        return _in_turn([*by_backend, *by_field], expression, connection)
    zone = cast(tzinfo, connection.timezone)
    if zone is not UTC or len(by_backend) > 1:
        return _then_in_utc(_in_turn(by_backend, expression, connection))
    if not by_backend:
        return None if _gives_its_zone(connection) else _in_utc
    return _shortcut(by_backend[0], connection) or _then_in_utc(_in_turn(by_backend, expression, connection))


def _in_turn(steps: Sequence[Any], expression: Any, connection: BaseDatabaseWrapper) -> Convert | None:
    if not steps:
        return None
    step, *more = steps
    if not more:
        return lambda value: step(value, expression, connection)

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, expression, connection)
        return value

    return convert


def _then_in_utc(convert: Convert | None) -> Convert:
    return _in_utc if convert is None else lambda value: _in_utc(convert(value))


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _gives_its_zone(connection: BaseDatabaseWrapper) -> bool:
    """Whether moments come from the driver in the connection's own time zone already."""
    return connection.vendor == "postgresql"


def _shortcut(step: Any, connection: BaseDatabaseWrapper) -> Convert | None:
    """Return what gives the same moment as the converter of Django's own backend, where that is all there is."""
    if connection.vendor == "sqlite":
        from django.db.backends.sqlite3.operations import DatabaseOperations as SqliteOperations

        return _utc_of_text if step.__func__ is SqliteOperations.convert_datetimefield_value else None
    if connection.vendor == "mysql":
        from django.db.backends.mysql.operations import DatabaseOperations as MysqlOperations

        return _utc_of_naive if step.__func__ is MysqlOperations.convert_datetimefield_value else None
    return None


def _utc_of_text(value: Any) -> Any:
    try:
        moment = datetime.fromisoformat(value + "+00:00")  # as Django's own backend writes moments
    except (TypeError, ValueError):  # as others may have
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _utc_of_naive(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)
