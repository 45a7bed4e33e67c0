"""
Questions of async code, answered on threads of their own, all that wait at one moment together.

``sync_to_async`` takes a question to a thread and back, one by one. Here a task leaves its question and waits; a thread
that is free takes all that have been left by then, up to a bound, and asks them at once. None is asked before it was
put, so an answer is never older than its question.
"""

import asyncio
import atexit
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar
from weakref import WeakSet

from codlet_sessions.errors import StoreUnavailable

Question = TypeVar("Question")
Answer = TypeVar("Answer")

AT_ONCE: Final = 64  # questions in one statement
MOST_WAITING: Final = 10_000
PATIENCE: Final = 30.0  # seconds that a question waits for its answer
IDLE: Final = 60.0  # seconds after which a thread that nobody needs goes
_SHUTDOWN: Final = 5.0  # seconds that a statement under way has to end in when the process does


@dataclass(slots=True)
class _Waiting(Generic[Question]):
    question: Question
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


@dataclass(eq=False)
class Coalescer(Generic[Question, Answer]):
    """
    A queue of questions and the threads that answer them. Belongs to the process, whatever event loops ask.

    Args:
        answer: Returns the answers to some questions, in their order. Called on a thread of this object.
        threads: How many there are at most. The first one starts with the first question, and in a forked process anew.
        leave: Called on a thread before it goes: to close its connections.

    """

    answer: Callable[[Sequence[Question]], Sequence[Answer]]
    threads: int
    leave: Callable[[], None]
    _waiting: "deque[_Waiting[Question]]" = field(default_factory=deque, init=False)
    _turn: threading.Condition = field(default_factory=threading.Condition, init=False)
    _running: set[threading.Thread] = field(default_factory=set, init=False)
    _idle: int = field(default=0, init=False)
    _has_woken: bool = field(default=False, init=False)
    _is_closed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _all.add(self)

    async def ask(self, question: Question) -> Answer:
        """
        Return the answer to ``question``.

        Raises:
            StoreUnavailable: Too many questions wait, or this one has waited for 30 seconds.
            Exception: What ``answer`` raised.

        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._put(_Waiting(question, loop, future))
        bell = loop.call_later(PATIENCE, _give_up, future)
        try:
            return await future
        finally:
            bell.cancel()

    def close(self) -> None:
        """Answer what waits, let the threads go, and wait for them. The next question starts new ones."""
        with self._turn:
            self._is_closed = True
            self._turn.notify_all()
        for thread in list(self._running):
            thread.join(_SHUTDOWN)
        self._is_closed = False

    def forget_threads(self) -> None:
        """Begin anew in a forked process, where the threads of the old one are not."""
        self._waiting, self._turn, self._running = deque(), threading.Condition(), set()
        self._idle, self._has_woken, self._is_closed = 0, False, False

    def _put(self, waiting: "_Waiting[Question]") -> None:
        with self._turn:
            if len(self._waiting) >= MOST_WAITING:
                raise StoreUnavailable(
                    f"{MOST_WAITING} look-ups are waiting already. Does the database answer? Is it too slow for the"
                    " traffic? See LOOKUP_CONNECTIONS in the documentation of the settings."
                )
            self._waiting.append(waiting)
            try:
                self._wake()
            except RuntimeError as error:  # no thread can be started: at the end of the process, for instance
                if not self._running:
                    self._waiting.pop()
                    raise StoreUnavailable("No thread could be started to look a session up.") from error

    def _wake(self) -> None:
        """Have one thread look. Not a second one for what the first, which has yet to wake up, will take anyway."""
        if self._has_woken:
            return
        if self._idle:
            self._has_woken = True
            self._turn.notify()
        elif len(self._running) < self.threads:
            thread = threading.Thread(target=self._serve, name="codlet-sessions-look-up", daemon=True)
            thread.start()  # and waits for the turn that this one has
            self._running.add(thread)
            self._has_woken = True

    def _serve(self) -> None:
        try:
            while batch := self._next_batch():
                _deliver(self._outcomes(batch))
        finally:
            self.leave()

    def _next_batch(self) -> "list[_Waiting[Question]]":
        """Wait for questions and take them; nothing when there is none for long, or this is closed."""
        with self._turn:
            while not self._waiting:
                self._has_woken = False
                self._idle += 1
                has_come = not self._is_closed and self._turn.wait(IDLE)
                self._idle -= 1
                if not has_come and not self._waiting:
                    self._running.discard(threading.current_thread())
                    return []
            self._has_woken = False
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
            if self._waiting:
                self._wake()
        return batch

    def _outcomes(self, batch: "list[_Waiting[Question]]") -> "list[_Outcome]":
        asked = [waiting for waiting in batch if not waiting.future.cancelled()]
        if not asked:
            return []
        try:
            answers = self.answer([waiting.question for waiting in asked])
            return [_Outcome(waiting, answer) for waiting, answer in zip(asked, answers, strict=True)]
        except BaseException as error:
            return [_Outcome(waiting, failure=error) for waiting in asked]


@dataclass(slots=True)
class _Outcome:
    waiting: "_Waiting[Any]"
    answer: Any = None
    failure: BaseException | None = None

    def settle(self) -> None:
        future = self.waiting.future
        if future.done():  # cancelled, or out of patience
            return
        if self.failure is None:
            future.set_result(self.answer)
        else:
            future.set_exception(_alike(self.failure))


def _deliver(outcomes: "list[_Outcome]") -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.waiting.loop, []).append(outcome)
    for loop, theirs in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any longer
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(outcomes: "list[_Outcome]") -> None:
    for outcome in outcomes:
        outcome.settle()


def _alike(failure: BaseException) -> BaseException:
    """Return an exception of one waiting task's own: each that raises it adds to its traceback."""
    try:
        own = copy(failure)
    except Exception:  # one that cannot be made from its arguments
        return failure
    own.__cause__, own.__suppress_context__ = failure.__cause__, True
    return own


def _give_up(future: "asyncio.Future[Any]") -> None:
    if not future.done():
        future.set_exception(StoreUnavailable(f"The session table has not answered for {PATIENCE:.0f} seconds."))


_all: "WeakSet[Coalescer[Any, Any]]" = WeakSet()


def close_all() -> None:
    """Close every coalescer of this process: at its end, or before a database that they read is dropped."""
    for coalescer in list(_all):
        coalescer.close()


def _forget_all_threads() -> None:
    for coalescer in list(_all):
        coalescer.forget_threads()


atexit.register(close_all)
os.register_at_fork(after_in_child=_forget_all_threads)
