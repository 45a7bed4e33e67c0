"""Millions of rows in seconds: the database copies one that was saved, with keys of their own."""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import sample
from typing import Any, TypeVar

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import Model

from codlet_sessions.models import Session

Made = TypeVar("Made")
Kept = TypeVar("Kept")

FIRST_SUBJECT = 1_000_000_000  # far from any user's primary key
_STEPS = 100
_SERIES = {
    "postgresql": "SELECT n FROM generate_series({low}, {high}) AS n",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT {low} UNION ALL SELECT n + 1 FROM s WHERE n < {high}) SELECT n FROM s",
    "mysql": "SELECT seq AS n FROM seq_{low}_to_{high}",
}
_SUBJECT = f"{FIRST_SUBJECT} + n %% {{subjects}}"
_USERS = get_user_model()._meta.db_table
_SOMEBODY = f"(SELECT min(id) FROM {_USERS}) + n - 1"  # noqa: S608  # the name of a table of Django's, and no input
_VALUES = {
    "postgresql": {
        "id": "(lpad(to_hex({now} + n), 12, '0') || '7' || substr(md5(random()::text), 1, 19))::uuid",
        "lookup_key": "sha256(convert_to(random()::text || n, 'UTF8'))",
        "subject": f"({_SUBJECT})::text",
        "session_key": "md5(random()::text || n)",
        "digest": "md5(random()::text || n) || md5(random()::text || n)",
        "token_key": "substr(md5(random()::text || n), 1, 15)",
    },
    "sqlite": {
        "id": "printf('%%012x', {now} + n) || '7' || substr(lower(hex(randomblob(10))), 1, 19)",
        "lookup_key": "randomblob(32)",
        "subject": f"CAST({_SUBJECT} AS TEXT)",
        "session_key": "lower(hex(randomblob(16)))",
        "digest": "lower(hex(randomblob(32)))",
        "token_key": "substr(lower(hex(randomblob(8))), 1, 15)",
    },
    "mysql": {
        "id": "lower(concat(lpad(hex({now} + n), 12, '0'), '7', substr(md5(uuid()), 1, 19)))",  # rand() repeats itself
        "lookup_key": "unhex(sha2(concat(rand(), n), 256))",
        "subject": f"CAST({_SUBJECT} AS CHAR)",
        "session_key": "md5(concat(rand(), n))",
        "digest": "sha2(concat(rand(), n), 256)",
        "token_key": "substr(md5(concat(rand(), n)), 1, 15)",
    },
}
_ENDS = ("expires_at", "expire_date")
_SPREAD = {  # over two weeks, as the ends of a site's sessions are
    "postgresql": "one.{end} + random() * interval '14 days'",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', one.{end}, abs(random() %% 1209600) || ' seconds')",
    "mysql": "one.{end} + interval floor(rand() * 1209600000) * 1000 microsecond",
}


def copy_rows(model: type[Model], low: int, high: int, subjects: int) -> None:
    """Copy the newest row of ``model`` for every number from ``low`` to ``high``."""
    made = {
        name: sql.format(subjects=subjects, now=int(time.time() * 1000) - high)
        for name, sql in _VALUES[connection.vendor].items()
    }
    made["user_id"] = _SUBJECT.format(subjects=subjects) if model is Session else _SOMEBODY
    quote = connection.ops.quote_name
    made |= {end: _SPREAD[connection.vendor].format(end=quote(end)) for end in _ENDS}
    names = [field.column for field in model._meta.concrete_fields if field.column != "id" or model is Session]
    values = ", ".join(made.get(name, f"one.{quote(name)}") for name in names)
    columns, table, key = ", ".join(map(quote, names)), quote(model._meta.db_table), model._meta.pk
    newest: Any = model._default_manager.order_by("-pk").values_list("pk", flat=True)[0]
    series = _SERIES[connection.vendor].format(low=low, high=high)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM ({series}) AS series"  # noqa: S608  # all ours
            f" JOIN (SELECT * FROM {table} WHERE {quote(key.column)} = %s) AS one ON 1 = 1",
            [key.get_db_prep_value(newest, connection)],
        )


def among_copies(
    model: type[Model], rows: int, save: Callable[[Made], Kept], made: Sequence[Made], subjects: int
) -> list[Kept]:
    """
    Return what ``save`` returns for each of ``made``, which saves a row of ``model`` for it: shuffled.

    Copies come between them, until the table has so many ``rows``: look-ups then go all over it, as they do at a site.
    """
    kept: list[Kept] = []
    before = there = model._default_manager.count()
    bounds = [len(made) * step // _STEPS for step in range(_STEPS + 1)]
    for step, (first, last) in enumerate(pairwise(bounds), start=1):
        with transaction.atomic():
            kept += [save(one) for one in made[first:last]]
            there += last - first
            if kept and there < (wanted := before + (rows - before) * step // _STEPS):
                copy_rows(model, there + 1, wanted, subjects)
                there = wanted
    analyze()
    return sample(kept, len(kept))


def analyze() -> None:
    """Have the database know how big its tables are, and PostgreSQL vacuum them, as it would have by itself."""
    statement = {"postgresql": "VACUUM ANALYZE", "sqlite": "ANALYZE", "mysql": "ANALYZE TABLE {}"}[connection.vendor]
    tables = [model._meta.db_table for model in apps.get_models()]
    with connection.cursor() as cursor:
        for table in tables if "{}" in statement else [""]:
            cursor.execute(statement.format(table))
