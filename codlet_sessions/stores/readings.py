"""
What a look-up reads of each session, and what becomes of the row.

The user comes along by a JOIN, if users are in the same database: whoever asks for the session learns in the same query
whether its user is still there, active and under the same password. An outline does without, and without the data.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import Any, Final

from django.db import router
from django.db.models import Model
from django.db.models.query_utils import DeferredAttribute

from codlet_sessions.models import Session
from codlet_sessions.records import (
    UNKNOWN_USER,
    ActiveSessionRecord,
    Outline,
    SessionRecord,
    UserRow,
    UserTable,
    active_of,
    outline_of,
    record_of,
)

RECORD_COLUMNS: Final = tuple(field.name for field in fields(SessionRecord) if field.compare)  # all but client and user
_WIDTH: Final = len(RECORD_COLUMNS)
_KEPT_UNDER: Final = ("lookup_key", "key_version", "revoked_at")
_ACTIVE_COLUMNS: Final = tuple(field.name for field in fields(ActiveSessionRecord))


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """
    One thing to read of sessions.

    `OUTLINE` makes an `Outline`, what `whole_record` returns a `SessionRecord`.

    Attributes:
        columns: Names of columns, as the ORM has them from `Session`.
        make: Makes what is found, which has a ``lookup_key``, of the list of their values.

    """

    columns: tuple[str, ...]
    make: Callable[[list[Any]], Any]


def whole_record(using: str) -> Reading:
    """Return what reads a `SessionRecord` in the database ``using``, with the `UserRow` if users are there, too."""
    return _record_with_user(using) if _has_users(using) else _RECORD


def users_are_read_from(using: str) -> bool:
    """Return whether the routers send whoever reads users to the database ``using``, and the user comes along there."""
    return _has_users(using) and router.db_for_read(_user_model()) == using


def _has_users(using: str) -> bool:
    return router.db_for_write(_user_model()) == using


@cache
def _user_model() -> Any:
    return Session._meta.get_field("user").related_model


@cache
def _record_with_user(using: str) -> Reading:
    users, witness = _user_table()
    if users is None:
        return _RECORD
    columns = (*RECORD_COLUMNS, *(f"user__{name}" for name in users.columns))
    return Reading(columns, partial(_make_record_with_user, users=users, witness=_WIDTH + witness, using=using))


def _user_table() -> tuple[UserTable | None, int]:
    """Return what is known of users, and the place of a column that tells whether there is a row at all."""
    model = _user_model()
    columns = model._meta.concrete_fields
    # Not the key: that is the session's own column, also where it leads nowhere.
    telling = (index for index, column in enumerate(columns) if not (column.null or column.primary_key))
    witness = next(telling, None)
    if witness is None:
        return None, -1
    names = tuple(field.attname for field in columns)
    return UserTable(model, names, _plain_place(model, "is_active"), _plain_place(model, "password")), witness


def _plain_place(model: Any, name: str) -> int | None:
    """Return which column holds what users have under ``name``; None if the model may have put something else there."""
    plain: Any = Model
    is_made_as_ever = model.__init__ is plain.__init__ and model.from_db.__func__ is plain.from_db.__func__
    if not is_made_as_ever or type(getattr(model, name, None)) is not DeferredAttribute:
        return None
    return [field.attname for field in model._meta.concrete_fields].index(name)


def _make_record_with_user(values: list[Any], users: UserTable, witness: int, using: str) -> SessionRecord:
    user = None if values[witness] is None else UserRow(users, values[_WIDTH:], using)
    values[_WIDTH:] = (None, user)  # no client, which a look-up does not read
    return record_of(*values)


def _make_record(values: list[Any]) -> SessionRecord:
    return record_of(*values, None, UNKNOWN_USER)


def _make_outline(values: list[Any]) -> Outline:
    lookup_key, key_version, revoked_at, *active = values
    return outline_of(lookup_key, key_version, revoked_at, active_of(*active))


_RECORD: Final = Reading(RECORD_COLUMNS, _make_record)
OUTLINE: Final = Reading(_KEPT_UNDER + _ACTIVE_COLUMNS, _make_outline)
