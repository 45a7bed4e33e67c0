"""The places of a statement's parameters, ``%s`` to Django, as drivers and databases write them."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import count, repeat
from typing import Final

_PLACE: Final = re.compile(r"%%|%s")


@cache
def with_question_marks(sql: str) -> str:
    """Return ``sql`` as SQLite's driver has it."""
    return _with_marks(sql, repeat("?"))


def with_numbers(sql: str) -> str:
    """Return ``sql`` as PostgreSQL has it."""
    return _with_marks(sql, map("${}".format, count(1)))


def _with_marks(sql: str, marks: Iterator[str]) -> str:
    return _PLACE.sub(lambda place: next(marks) if place[0] == "%s" else "%", sql)
