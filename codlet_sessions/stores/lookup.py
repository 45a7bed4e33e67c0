"""
The statement that every request waits for: compiled once for each database and number of keys.

The user comes along by a JOIN, if users are in the same database: whoever asks for the session learns in the same query
whether its user is still there, active and under the same password.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import Any, Final, TypeAlias

from asgiref.sync import sync_to_async
from django.db import connections, router
from django.db.models import Model
from django.db.models.query_utils import DeferredAttribute

from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet
from codlet_sessions.records import UNKNOWN_USER, LookupKey, SessionRecord, UserRow, UserTable, record_of
from codlet_sessions.stores.coalescing import Coalescer
from codlet_sessions.stores.compiled import Compiled, compiled, rows_of
from codlet_sessions.stores.own_connections import connections_for, on_own_connection, sees_all_of_this_task

_Coalescer: TypeAlias = Coalescer[Sequence[LookupKey], dict[LookupKey, SessionRecord]]

RECORD_COLUMNS: Final = tuple(field.name for field in fields(SessionRecord) if field.compare)  # all but client and user
_WIDTH: Final = len(RECORD_COLUMNS)


@dataclass(frozen=True, slots=True, eq=False)
class _Statement:
    select: Compiled
    places: int
    users: "UserTable | None"
    witness: int


def records_under(lookup_keys: Sequence[LookupKey], using: str) -> dict[LookupKey, SessionRecord]:
    """
    Return the sessions stored under any of ``lookup_keys``, whatever their state, each with its user.

    One query, or none without keys. The user is None if the session has none or it is gone, `UNKNOWN_USER` if users
    are in another database.

    Raises:
        django.db.Error: The database failed.

    """
    if not lookup_keys:
        return {}
    return _select(lookup_keys, using, _has_users(using))


async def arecords_under(
    lookup_keys: Sequence[LookupKey], using: str, own_connections: int | None
) -> dict[LookupKey, SessionRecord]:
    """
    Return what `records_under` does, from async code: with all that is looked up at this moment, in one query.

    Args:
        lookup_keys, using: As there.
        own_connections: How many connections look-ups may have to themselves; 0 to go by those of Django's threads, as
            happens by itself wherever these may know more (see `codlet_sessions.stores.own_connections`).

    Raises:
        django.db.Error: The database failed.
        StoreUnavailable: It is too slow for the traffic.

    """
    if not lookup_keys:
        return {}
    coalescer = _coalescer(using, _has_users(using), own_connections)
    if coalescer is None or not sees_all_of_this_task(using):
        return await sync_to_async(records_under)(lookup_keys, using)
    return await coalescer.ask(lookup_keys)


@cache
def _coalescer(using: str, is_joined: bool, wanted: int | None) -> "_Coalescer | None":
    threads = connections_for(using, wanted)
    answer = partial(_select_for_all, using=using, is_joined=is_joined)
    return Coalescer(answer, threads, leave=connections.close_all) if threads else None


def _select_for_all(
    questions: Sequence[Sequence[LookupKey]], using: str, is_joined: bool
) -> list[dict[LookupKey, SessionRecord]]:
    together = [lookup_key for question in questions for lookup_key in question]
    found = on_own_connection(using, lambda: _select(together, using, is_joined))
    return [{key: found[key] for key in question if key in found} for question in questions]


def users_are_read_from(using: str) -> bool:
    """Return whether the routers send whoever reads users to the database ``using``, and the user comes along there."""
    return _has_users(using) and router.db_for_read(_user_model()) == using


def _has_users(using: str) -> bool:
    return router.db_for_write(_user_model()) == using


def _select(lookup_keys: Sequence[LookupKey], using: str, is_joined: bool) -> dict[LookupKey, SessionRecord]:
    connection = connections[using]
    statement = _statement(using, _places_for(len(lookup_keys)), is_joined)
    keys = [bytes.fromhex(key) for key in lookup_keys]
    keys += keys[-1:] * (statement.places - len(keys))
    records = [_record(values, statement, using) for values in rows_of(statement.select, keys, connection)]
    return {record.lookup_key: record for record in records}


def _places_for(count: int) -> int:
    """Return the next power of four: a few statements, which are prepared soon, serve any number of keys."""
    return int(4 ** ((count - 1).bit_length() + 1 >> 1))


@cache
def _user_model() -> Any:
    return Session._meta.get_field("user").related_model


@cache
def _statement(using: str, places: int, is_joined: bool) -> _Statement:
    users, witness = _user_table() if is_joined else (None, -1)
    candidates = [(LookupKey(f"{number:064x}"), "") for number in range(places)]
    columns = [*RECORD_COLUMNS, *(f"user__{name}" for name in (users.columns if users else ()))]
    select = compiled(SessionQuerySet(Session, using=using).keyed(candidates), columns, using)
    return _Statement(select, places, users, _WIDTH + witness)


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


def _record(values: list[Any], statement: _Statement, using: str) -> SessionRecord:
    values[_WIDTH:] = (None, _user(values, statement, using))  # no client, which a look-up does not read
    return record_of(*values)


def _user(values: list[Any], statement: _Statement, using: str) -> object:
    if statement.users is None:
        return UNKNOWN_USER
    return None if values[statement.witness] is None else UserRow(statement.users, values[_WIDTH:], using)
