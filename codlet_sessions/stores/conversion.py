"""
What the values of a row become in Python: what the ORM would make of them, with moments in UTC.

Django's own converters, expression by expression, but for those of which it is known how the same is had with less.
Those of moments look settings up for every value, which for a row with eight of them takes longer than the rest of a
look-up; the database speaks of UTC unless its TIME_ZONE is set.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias, cast
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField

from codlet_sessions.fields import DigestField

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
    if isinstance(expression.output_field, DigestField):
        return expression.output_field.of_bytes
    by_backend = connection.ops.get_db_converters(expression)
    by_field = expression.get_db_converters(connection)
    if not by_field and _are_djangos(by_backend, "convert_uuidfield_value", connection):
        return _uuid_of_text
    if type(expression.output_field) is not DateTimeField or by_field:
        return _in_turn([*by_backend, *by_field], expression, connection)
    is_utc = cast(tzinfo, connection.timezone) is UTC
    if is_utc and not by_backend:
        return None if _gives_its_zone(connection) else _in_utc
    if is_utc and _are_djangos(by_backend, "convert_datetimefield_value", connection):
        return _utc_of_text if connection.vendor == "sqlite" else _utc_of_naive
    return _then_in_utc(_in_turn(by_backend, expression, connection))


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


def _are_djangos(steps: Sequence[Any], name: str, connection: BaseDatabaseWrapper) -> bool:
    """Return whether ``steps`` are one converter, that of Django's own backend: what it does is known."""
    own = _djangos_operations(connection.vendor)
    return own is not None and [getattr(step, "__func__", None) for step in steps] == [getattr(own, name)]


@cache
def _djangos_operations(vendor: str) -> Any:
    name = {"sqlite": "sqlite3", "mysql": "mysql"}.get(vendor)
    return None if name is None else import_module(f"django.db.backends.{name}.operations").DatabaseOperations


def _uuid_of_text(value: str) -> UUID:
    made: Any = UUID.__new__(UUID)
    made.__setstate__({"int": int(value.replace("-", ""), 16)})  # as pickle makes one, in two thirds of the time
    return cast(UUID, made)


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
