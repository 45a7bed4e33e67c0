"""Trying again what fails because somebody else was at it at the same moment."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import OperationalError, connections

Result = TypeVar("Result")

ATTEMPTS: Final = 5


def insisting(carry_out: Callable[[], Result], using: str) -> Result:
    """
    Return what ``carry_out`` returns, which is called again, up to five times, while it meets a deadlock or a lock.

    A deadlock, or SQLite's lock, rolls one statement or transaction back and is over when that is tried again. In a
    transaction that is open already there is no such second time.

    Args:
        carry_out: One statement, or one transaction.
        using: The alias of the database that it writes.

    Raises:
        django.db.Error: The database failed, each time.

    """
    attempts = 1 if connections[using].in_atomic_block else ATTEMPTS
    for attempt in range(1, attempts):
        try:
            return carry_out()
        except OperationalError:
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # spreads two rivals, hides nothing
    return carry_out()
