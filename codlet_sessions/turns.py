"""The tasks of one request, one after the other: two that look its session up share one query."""

import asyncio


class TakesTurns:
    """
    Has something that one task at a time may do.

    As with an ``asyncio.Lock``, but nothing is made for a task that finds no other there, as nearly all do.
    """

    _turn_is_taken = False
    _end_of_turn: asyncio.Event | None = None

    async def _take_turn(self) -> None:
        """Wait until no other task has the turn, and have it until `_end_turn`."""
        while self._turn_is_taken:
            self._end_of_turn = self._end_of_turn or asyncio.Event()
            await self._end_of_turn.wait()
        self._turn_is_taken = True

    def _end_turn(self) -> None:
        self._turn_is_taken = False
        if self._end_of_turn is not None:
            self._end_of_turn.set()
            self._end_of_turn = None
