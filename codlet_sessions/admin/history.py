"""The admin's own record of who revoked what."""

from typing import Any, Final, Self, cast

from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model

_BATCH: Final = 100


class History:
    """
    Writes what was ended into the admin's history, some at a time, the rest when the ``with`` block ends.

    However it ends: a revocation that happened before a failure is history, too.
    """

    def __init__(self, user_id: Any, note: str) -> None:
        self.ended = 0
        self._user_id, self._note = user_id, note
        self._unwritten: list[Model] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._write()

    def add(self, count: int, rows: list[Model]) -> None:
        """Remember that ``count`` sessions were ended, and that it belongs in the history of these ``rows``."""
        self.ended += count
        self._unwritten += rows
        if len(self._unwritten) >= _BATCH:
            self._write()

    def _write(self) -> None:
        LogEntry.objects.log_actions(self._user_id, cast(Any, self._unwritten), CHANGE, self._note)
        self._unwritten = []
