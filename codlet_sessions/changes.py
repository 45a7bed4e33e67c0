"""
Who has to know when rows of the `Session` table change: whoever keeps copies of them.

The table is written from many places, requests, commands and the admin among them, and in each process. They all say so
here, after the commit, and need not know who listens.
"""

from collections.abc import Callable, Collection
from typing import Protocol

from django.db import transaction

from codlet_sessions.records import LookupKey


class KeepsCopies(Protocol):
    """Something that answers in the table's stead."""

    def rows_changed(self, lookup_keys: Collection[LookupKey] | None) -> None:
        """
        Forget the copies of some rows: what they were like is no longer true. Raises nothing.

        Args:
            lookup_keys: What the rows are stored under; None if any row may have changed.

        """


def _nobody() -> KeepsCopies | None:
    return None


_find: Callable[[], KeepsCopies | None] = _nobody


def report_to(find: Callable[[], KeepsCopies | None]) -> None:
    """Have ``find`` say, at each change, who is to know of it; None for nobody."""
    global _find
    _find = find


def are_watched() -> bool:
    """Return whether anybody is to know of changes."""
    return _find() is not None


def announce(lookup_keys: Collection[LookupKey] | None, using: str) -> None:
    """
    Tell that rows have changed: as soon as the open transaction on the database ``using`` is committed, else at once.

    Where the host commits by hand, after ``set_autocommit(False)``, nobody says when: it is told at once, and a copy
    that is made before the commit lives until it ends.

    Args:
        lookup_keys: As in `KeepsCopies.rows_changed`.
        using: The alias of the database that the rows are in.

    """
    if (keeper := _find()) is None:
        return
    connection = transaction.get_connection(using)
    if connection.in_atomic_block or connection.get_autocommit():
        transaction.on_commit(lambda: keeper.rows_changed(lookup_keys), using=using)
    else:
        keeper.rows_changed(lookup_keys)
