"""
The statement that every request waits for: compiled once for each database, reading and number of keys.

From async code it goes by connections of their own wherever that is safe, one statement for all that wait.
"""

from collections.abc import Awaitable, Sequence
from functools import cache, partial
from typing import Any, Final, TypeAlias

from asgiref.sync import sync_to_async
from django.db import connections

from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet
from codlet_sessions.records import LookupKey, Outline, SessionRecord
from codlet_sessions.stores.coalescing import AT_ONCE, Coalescer
from codlet_sessions.stores.compiled import Compiled, compiled, rows_of
from codlet_sessions.stores.own_connections import connections_for, on_own_connection, sees_all_of_this_task
from codlet_sessions.stores.readings import OUTLINE, Reading, whole_record

_FEW_PLACES: Final = (1, 4, 16)

_Question: TypeAlias = tuple[Reading, Sequence[LookupKey]]
_Answer: TypeAlias = dict[LookupKey, Any]


def records_under(lookup_keys: Sequence[LookupKey], using: str) -> dict[LookupKey, SessionRecord]:
    """
    Return the sessions stored under any of ``lookup_keys``, whatever their state, each with its user.

    One query, or none without keys. The user is None if the session has none or it is gone, `UNKNOWN_USER` if users
    are in another database.

    Raises:
        django.db.Error: The database failed.

    """
    return _select(lookup_keys, using, whole_record(using))


def arecords_under(
    lookup_keys: Sequence[LookupKey], using: str, own_connections: int | None
) -> Awaitable[dict[LookupKey, SessionRecord]]:
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
    return _aunder(lookup_keys, using, whole_record(using), own_connections)


def outlines_under(lookup_keys: Sequence[LookupKey], using: str) -> dict[LookupKey, Outline]:
    """Return the sessions that `records_under` does, in outline: the user's table is not read."""
    return _select(lookup_keys, using, OUTLINE)


def aoutlines_under(
    lookup_keys: Sequence[LookupKey], using: str, own_connections: int | None
) -> Awaitable[dict[LookupKey, Outline]]:
    """Return what `outlines_under` does, from async code, as `arecords_under` does."""
    return _aunder(lookup_keys, using, OUTLINE, own_connections)


def _aunder(
    lookup_keys: Sequence[LookupKey], using: str, reading: Reading, own_connections: int | None
) -> Awaitable[_Answer]:
    coalescer = _coalescer(using, own_connections) if lookup_keys else None
    if coalescer is None or not sees_all_of_this_task(using):
        return sync_to_async(_select)(lookup_keys, using, reading)
    return coalescer.ask((reading, lookup_keys))


@cache
def _coalescer(using: str, wanted: int | None) -> "Coalescer[_Question, _Answer] | None":
    threads = connections_for(using, wanted)
    answer = partial(_select_for_all, using=using)
    return Coalescer(answer, threads, leave=connections.close_all) if threads else None


def _select_for_all(questions: Sequence[_Question], using: str) -> list[_Answer]:
    found: dict[Reading, _Answer] = {}
    for reading in {reading for reading, _lookup_keys in questions}:
        together = [key for read, lookup_keys in questions if read is reading for key in lookup_keys]
        found[reading] = on_own_connection(using, partial(_select, together, using, reading))
    return [{key: found[read][key] for key in lookup_keys if key in found[read]} for read, lookup_keys in questions]


def _select(lookup_keys: Sequence[LookupKey], using: str, reading: Reading) -> _Answer:
    if not lookup_keys:
        return {}
    places = _places_for(len(lookup_keys))
    keys = list(map(bytes.fromhex, lookup_keys))
    if places > len(keys):
        keys += keys[-1:] * (places - len(keys))
    rows = rows_of(_statement(using, places, reading), keys, connections[using])
    return {one.lookup_key: one for one in map(reading.make, rows)}


@cache
def _places_for(count: int) -> int:
    """Return one of a few numbers: a few statements, which are prepared soon, serve any number of keys."""
    return next((few for few in _FEW_PLACES if count <= few), -(-count // AT_ONCE) * AT_ONCE)


@cache
def _statement(using: str, places: int, reading: Reading) -> Compiled:
    candidates = [(LookupKey(f"{number:064x}"), "") for number in range(places)]
    return compiled(SessionQuerySet(Session, using=using).keyed(candidates), reading.columns, using)
