"""The admin's own record of who revoked what."""

from typing import Any, Final, Self, cast

from django.contrib.admin.models import CHANGE, LogEntry

from codlet_sessions.models import Session

_BATCH: Final = 100


class History:
    """
    Writes what was ended into the admin's history, some at a time, the rest when the ``with`` block ends.

    However it ends: a revocation that happened before a failure is history, too.
    """

    def __init__(self, user_id: Any, note: str) -> None:
        self.ended = 0
        self._user_id, self._note = user_id, note
        self._unwritten: list[Session] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._write()

    def add(self, count: int, rows: list[Session]) -> None:
        """Remember that ``count`` sessions were ended: these ``rows``."""
        self.ended += count
        self._unwritten += rows
        if len(self._unwritten) >= _BATCH:
            self._write()

    def _write(self) -> None:
        LogEntry.objects.log_actions(self._user_id, cast(Any, self._unwritten), CHANGE, self._note)
        self._unwritten = []
