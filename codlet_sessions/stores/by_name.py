"""
Statements that PostgreSQL has prepared, run by their names on a connection of psycopg's.

They go past psycopg's cursor, which is written in Python and takes a fifth of a look-up's time, but by its connection,
its ways to wait and its conversions: they can be interrupted, and give way to others under gevent.

Imported where there is psycopg 3 only.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

from psycopg import Connection, Cursor, errors
from psycopg.abc import PQGen
from psycopg.abc import Transformer as Reader
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import execute
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from codlet_sessions.stores.marks import with_numbers

WORTH_IT: Final = 5  # runs of a statement on a connection before it is prepared; psycopg's own default

_Types: TypeAlias = tuple[int, ...] | None
_Statement: TypeAlias = tuple[str, _Types]  # its text, and the types of its parameters
Known: TypeAlias = dict[_Statement, bytes | int]


class PreparingCursor:
    """
    Runs statements, and prepares them.

    Under names that say what was prepared: behind a pooler, another process may have prepared something else under one
    of psycopg's own.

    Args:
        plain: A cursor of psycopg's, for statements that are not prepared. Its adapters serve all of them.
        known: What is known of the connection, for as long as it lives: the name of each statement that is prepared
            there, or how often one that is not was run.

    """

    def __init__(self, plain: Cursor[Any], known: Known) -> None:
        self._connection: Connection[Any] = plain.connection
        self._plain = plain
        self._known = known
        self._named: dict[_Statement, _Named] = {}
        self._writer = Transformer(plain)

    def execute(self, sql: str, parameters: Sequence[Any]) -> Any:
        """
        Run ``sql``, with a ``%s`` for each of the ``parameters``, as it is.

        Returns:
            What has ``fetchall()`` and ``rowcount``, until the next is run.

        Raises:
            psycopg.Error: The database failed.

        """
        return self._plain.execute(sql, parameters)

    def execute_prepared(self, sql: str, parameters: Sequence[Any]) -> Any:
        """
        Do what `execute` does, by a name once ``sql`` has been run a few times.

        In autocommit mode only: a name that is not known would spoil a transaction.
        """
        values = self._writer.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
        statement = sql, self._writer.types
        named = self._named.get(statement) or self._named_when_worth_it(statement)
        if named is None:
            return self.execute(sql, parameters)
        send = self._connection.pgconn.send_query_prepared
        named.take(self._result_of(send, named.name, values, self._writer.formats))
        return named

    def _named_when_worth_it(self, statement: _Statement) -> "_Named | None":
        known = self._known.get(statement, 0)
        if isinstance(known, int):
            if known < WORTH_IT:
                self._known[statement] = known + 1
                return None
            known = self._known[statement] = self._prepared(*statement)
        named = self._named[statement] = _Named(known, Transformer(self._plain))
        return named

    def _prepared(self, sql: str, types: _Types) -> bytes:
        numbered = with_numbers(sql).encode(self._connection.info.encoding)
        name = f"codlet_{hashlib.sha256(repr((numbered, types)).encode()).hexdigest()[:16]}".encode()
        with suppress(errors.DuplicatePreparedStatement):  # on a connection that a pooler has handed on
            self._result_of(self._connection.pgconn.send_prepare, name, numbered, types)
        return name

    def _result_of(self, send: Callable[..., None], *arguments: Any) -> PGresult:
        connection = self._connection
        with connection.lock:
            result = connection.wait(_sent(connection.pgconn, send, arguments))[0]
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding=connection.info.encoding)
        return result


def _sent(libpq: PGconn, send: Callable[..., None], arguments: Sequence[Any]) -> PQGen[list[PGresult]]:
    send(*arguments)  # no sooner: on Ctrl-C psycopg cancels what was sent, as it does for its cursor
    results: list[PGresult] = yield from execute(libpq)
    return results


class _Named:
    """A statement that has a name, and what it gave until that is fetched."""

    def __init__(self, name: bytes, reader: Reader) -> None:
        self.name = name
        self._reader = reader
        self._reads_its_columns = False

    def take(self, result: PGresult) -> None:
        # These are the same each time: PostgreSQL refuses if a table has changed since the statement was prepared.
        self._reader.set_pgresult(result, set_loaders=not self._reads_its_columns)
        self._reads_its_columns = True
        self._result = result

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._reader.load_rows(0, self._result.ntuples, tuple)
        self._reader.set_pgresult(None, set_loaders=False)  # people's sessions are not kept until the next time
        del self._result
        return rows

    @property
    def rowcount(self) -> int:
        return self._result.command_tuples or 0
