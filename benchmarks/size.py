"""What a session takes up in the database."""

from django.contrib.sessions.models import Session as DjangoSession
from django.db import connection

from benchmarks.people import NotHere, World
from benchmarks.rounds import Answer, Line
from benchmarks.rows import A_MILLION, BigTables
from codlet_sessions.models import Session

_QUERIES = {
    "postgresql": "SELECT pg_table_size(%s::regclass), pg_indexes_size(%s::regclass)",
    "mysql": (
        "SELECT t.data_length, i.index_length FROM information_schema.tables t JOIN information_schema.tables i"
        " ON t.table_name = i.table_name AND t.table_schema = i.table_schema"
        " WHERE t.table_name = %s AND i.table_name = %s AND t.table_schema = database()"
    ),
}


def size(world: World) -> Answer:
    """
    Keep a session: the bytes of its row and of its entries in every index, in a big table.

    The same data in both: what Django's ``login()`` writes. Ours has no client facts (``CLIENT_FACTS = "nothing"``).
    """
    if connection.vendor not in _QUERIES:
        raise NotHere(f"{connection.vendor} does not tell how big one table is.")
    tables = BigTables(world)
    rows = min(world.rows, A_MILLION)
    tables.grow(rows)
    measured = {
        name: [bytes_of / model.objects.count() for bytes_of in _sizes(model)]
        for name, model in (("Django's table", DjangoSession), ("our table", Session))
    }
    theirs = sum(measured["Django's table"])
    lines = []
    for name, (of_rows, of_indexes) in measured.items():
        parts = {name: of_rows + of_indexes, f"{name}: rows": of_rows, f"{name}: indexes": of_indexes}
        lines += [Line(part, *[amount / theirs] * 3, amount) for part, amount in parts.items()]
    return Answer(lines, "× Django's table", "bytes a session", each=f"{rows:,} rows")


def _sizes(model: type[Session] | type[DjangoSession]) -> tuple[int, int]:
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(_QUERIES[connection.vendor], [table, table])
        rows, indexes = cursor.fetchone()
    return rows, indexes
