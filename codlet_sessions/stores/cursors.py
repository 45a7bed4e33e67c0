"""
Django's cursors, kept from one statement to the next.

Each new cursor of psycopg's learns again how the values of its columns are read. That, and to make it, takes about as
long as PostgreSQL takes to find a session.
"""

from types import TracebackType
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

_KEPT: Final = "_codlet_cursor"
_OF_DJANGO: Final = ("django.db.backends.", "django.contrib.gis.db.backends.")


def is_of_django(connection: BaseDatabaseWrapper) -> bool:
    """Return whether Django's own backend made ``connection``: others may tell theirs whom they serve just now."""
    return type(connection).__module__.startswith(_OF_DJANGO)


class cursor_on:  # noqa: N801  # a context manager, and a class for the speed of it
    """
    A cursor of Django's for one statement on ``connection``: the one of the statement before, or a new one.

    Whoever has it has it alone; what runs meanwhile, in an execute wrapper for instance, gets another one. It is new
    after an error, on a new connection, when queries are logged from now on; and always where ``connection.cursor()``
    may do more than to make one: on a backend that is not Django's, or while a tool has replaced it.
    """

    __slots__ = ("_connection", "_cursor", "_state")

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> Any:
        connection = self._connection
        self._state = _state_of(connection)
        cursor, state = connection.__dict__.pop(_KEPT, (None, None))
        self._cursor = connection.cursor() if cursor is None or state != self._state else cursor
        return self._cursor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._state is not None and kind is None:
            self._connection.__dict__[_KEPT] = (self._cursor, self._state)
        else:
            self._cursor.__exit__(kind, error, traceback)


def _state_of(connection: Any) -> tuple[object, ...] | None:
    """Return what must be as it was for a cursor to be used again; None if none can be. Connects, as a cursor would."""
    if "cursor" in connection.__dict__ or not is_of_django(connection):
        return None
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_thread_sharing()
    return connection.connection, connection.queries_logged, connection.timezone
