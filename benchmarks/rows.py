"""Millions of rows in seconds: the database copies one that was saved, with keys of their own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.sessions.models import Session as DjangoSession
from django.db import connection, transaction
from django.db.models import Model

from benchmarks.people import World, new_session, signed_in
from benchmarks.sites import DB, OURS, Site
from codlet_sessions.models import Session

FIRST_SUBJECT = 1_000_000_000  # far from any user's primary key
A_SUBJECT_HAS = 10  # sessions
A_MILLION = 1_000_000
"""Enough for a question that is not about growth."""
_SLICES = 20
_SERIES = {
    "postgresql": "SELECT n FROM generate_series({low}, {high}) AS n",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT {low} UNION ALL SELECT n + 1 FROM s WHERE n < {high}) SELECT n FROM s",
    "mysql": "SELECT seq AS n FROM seq_{low}_to_{high}",
}
_SUBJECT = f"{FIRST_SUBJECT} + n %% {{subjects}}"
_VALUES = {
    "postgresql": {
        "id": "(lpad(to_hex({now} + n), 12, '0') || '7' || substr(md5(random()::text), 1, 19))::uuid",
        "lookup_key": "sha256(convert_to(random()::text || n, 'UTF8'))",
        "subject": f"({_SUBJECT})::text",
        "session_key": "md5(random()::text || n)",
    },
    "sqlite": {
        "id": "printf('%%012x', {now} + n) || '7' || substr(lower(hex(randomblob(10))), 1, 19)",
        "lookup_key": "randomblob(32)",
        "subject": f"CAST({_SUBJECT} AS TEXT)",
        "session_key": "lower(hex(randomblob(16)))",
    },
    "mysql": {
        "id": "lower(concat(lpad(hex({now} + n), 12, '0'), '7', substr(md5(rand()), 1, 19)))",
        "lookup_key": "unhex(sha2(concat(rand(), n), 256))",
        "subject": f"CAST({_SUBJECT} AS CHAR)",
        "session_key": "md5(concat(rand(), n))",
    },
}
_ENDS = ("expires_at", "expire_date")
_SPREAD = {  # over two weeks, as the ends of a site's sessions are
    "postgresql": "one.{end} + random() * interval '14 days'",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', one.{end}, abs(random() %% 1209600) || ' seconds')",
    "mysql": "one.{end} + interval floor(rand() * 1209600000) * 1000 microsecond",
}


@dataclass
class BigTables:
    """
    Our table and Django's, growing side by side with the same users and the same data in them.

    Attributes:
        world: Whose users get sessions among the copies, that cookies open.
        rows: How many rows each table has.
        subjects: How many subjects the copies are spread over.

    """

    world: World
    rows: int = 0
    subjects: int = 0

    def grow(self, rows: int) -> dict[Site, list[str]]:
        """Grow to ``rows``, and return the cookies of the sessions saved meanwhile, one for each user and site."""
        cookies: dict[Site, list[str]] = {OURS: [], DB: []}
        users = self.world.users
        self.subjects = max(rows // A_SUBJECT_HAS, 1)
        for part, (low, high) in enumerate(_slices(self.rows, rows)):
            for site, model in ((OURS, Session), (DB, DjangoSession)):
                site.enter()
                with transaction.atomic():
                    cookies[site] += [signed_in(new_session(site.engine), user) for user in users[part::_SLICES]]
                    copy_rows(model, low, high, self.subjects)
        self.rows = rows
        analyze()
        return cookies


def copy_rows(model: type[Model], low: int, high: int, subjects: int) -> None:
    """Copy the newest row of ``model`` for every number from ``low`` to ``high``."""
    made = {
        name: sql.format(subjects=subjects, now=int(time.time() * 1000) - high)
        for name, sql in _VALUES[connection.vendor].items()
    }
    made["user_id"] = _SUBJECT.format(subjects=subjects)
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


def subjects(turn: int, of: int) -> Iterator[str]:
    """Yield subjects of the copies, others to each of so many who end their sessions."""
    return map(str, range(FIRST_SUBJECT + turn, 2 * FIRST_SUBJECT, of))


def analyze() -> None:
    """Have the database know how big its tables are, and PostgreSQL vacuum them, as it would have by itself."""
    statement = {"postgresql": "VACUUM ANALYZE", "sqlite": "ANALYZE", "mysql": "ANALYZE TABLE {}"}[connection.vendor]
    tables = [model._meta.db_table for model in (Session, DjangoSession, apps.get_model("auth", "User"))]
    with connection.cursor() as cursor:
        for table in tables if "{}" in statement else [""]:
            cursor.execute(statement.format(table))


def _slices(low: int, high: int) -> Iterator[tuple[int, int]]:
    step = max((high - low) // _SLICES, 1)
    for part in range(_SLICES):
        yield low + part * step + 1, low + (part + 1) * step
