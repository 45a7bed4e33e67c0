"""
What a copy of a row looks like outside of the database: text, and a seal that only a key of the ring can make.

The text is JSON, so that whatever serializes the values of a cache can keep it, and no class of ours is unpickled. It
has no lookup key in it. The seal covers the row's facts, the lookup keys by which it was found, the end of the copy and
the marks under which it was made: whoever can write the cache, but has no key, can put an old copy back until it ends,
and nothing else.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError

from codlet_sessions.hashing import SecretHasher
from codlet_sessions.models import Session
from codlet_sessions.records import LookupKey, SessionRecord
from codlet_sessions.stores.readings import RECORD_COLUMNS

_COLUMNS: Final = tuple(name for name in RECORD_COLUMNS if name != "lookup_key")
_FORMAT: Final = 1  # to be counted up when what a value means changes
_SEAL_LENGTH: Final = 44
_GARBAGE: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, ValidationError)
_MOMENTS: Final = frozenset(
    name for name in _COLUMNS if Session._meta.get_field(name).get_internal_type() == "DateTimeField"
)


@dataclass(frozen=True, slots=True)
class Copy:
    """
    A copy of a row.

    Attributes:
        record: What the row was like. Its user is unknown: of users nothing is copied.
        until: Until when the copy may be used: seconds since 1970, by the clock of the machine.
        marks: What stood in the cache, beside the copies, before the row was read.

    """

    record: SessionRecord
    until: float
    marks: tuple[str | None, str | None]


def written(copy: Copy, path: Sequence[LookupKey], hasher: SecretHasher) -> str:
    """
    Return ``copy`` as text, sealed with the key that its row is stored under, which must be in the ring.

    Args:
        copy: The copy.
        path: The lookup keys by which the row was found: those under which there was no active session, then its own.
        hasher: Whose keys are used.

    """
    values = [_plain(name, getattr(copy.record, name)) for name in _COLUMNS]
    body = json.dumps([_FORMAT, copy.until, copy.marks, values], separators=(",", ":"))
    return _seal(hasher, copy.record.key_version, path, body) + body


def read(text: object, path: Sequence[LookupKey], hasher: SecretHasher) -> Copy | None:
    """Return the copy that `written` made ``text`` of, for the same ``path``; None if it did not."""
    try:
        return _read(str(text), path, hasher)
    except _GARBAGE:
        return None


def _read(text: str, path: Sequence[LookupKey], hasher: SecretHasher) -> Copy | None:
    seal, body = text[:_SEAL_LENGTH], text[_SEAL_LENGTH:]
    form, until, marks, values = json.loads(body)
    if form != _FORMAT:
        return None
    facts = dict(zip(_COLUMNS, values, strict=True))
    if not compare_digest(seal, _seal(hasher, facts["key_version"], path, body)):
        return None
    record = SessionRecord(lookup_key=path[-1], **{name: _value(name, plain) for name, plain in facts.items()})
    return Copy(record, until, (marks[0], marks[1]))


def _seal(hasher: SecretHasher, key_version: str, path: Sequence[LookupKey], body: str) -> str:
    message = "".join((*path, body))  # lookup keys are hex, and the body begins with a bracket
    return b64encode(hasher.seal_copy(key_version, message.encode())).decode()


def _plain(name: str, value: Any) -> Any:
    if name in _MOMENTS and value is not None:
        return value.isoformat()
    return str(value) if name in ("id", "user_id") and value is not None else value


def _value(name: str, plain: Any) -> Any:
    convert = _conversions().get(name)
    return plain if convert is None or plain is None else convert(plain)


@cache
def _conversions() -> dict[str, Callable[[Any], Any]]:
    moments = dict.fromkeys(_MOMENTS, datetime.fromisoformat)
    return {**moments, "id": UUID, "user_id": Session._meta.get_field("user").to_python}
