"""
Questions of async code, answered on threads of their own, all that wait at one moment together.

``sync_to_async`` takes a question to a thread and back, one by one. Here a task leaves its question and waits. What was
left in one turn of the event loop joins the queue together, and with what the next turns bring, as long as each brings
more; a question goes at once where it is alone, and so was the one before. A thread that is free takes all that is
there, up to a bound, and asks it in one statement. Nothing is asked before it was left, so an answer is never older
than its question.
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
from typing import Any, Final, Generic, TypeAlias, TypeVar
from weakref import WeakSet

from codlet_sessions.errors import StoreUnavailable

Question = TypeVar("Question")
Answer = TypeVar("Answer")

AT_ONCE: Final = 50  # questions in one statement: with more parameters, psycopg reads it anew at every turn
MOST_TURNS: Final = 4  # of the event loop, that a question waits for others to come along
MOST_WAITING: Final = 10_000
PATIENCE: Final = 30.0  # seconds that a question waits for its answer
IDLE: Final = 60.0  # seconds after which a thread that nobody needs goes
_SHUTDOWN: Final = 5.0  # seconds that a statement under way has to end in when the process does
_TOO_MANY: Final = (
    "{} look-ups are waiting already. Does the database answer? Is it too slow for the traffic? See LOOKUP_CONNECTIONS"
    " in the documentation of the settings."
)
_TOO_LATE: Final = "The session table has not answered for {:.0f} seconds."
_NO_THREAD: Final = "No thread could be started to look a session up."


class Coalescer(Generic[Question, Answer]):
    """
    A queue of questions and the threads that answer them. Belongs to the process, whatever event loops ask.

    Args:
        answer: Returns the answers to some questions, in their order. Called on a thread of this object.
        threads: How many there are at most. The first one starts with the first question, and in a forked process anew.
        leave: Called on a thread before it goes: to close its connections.

    """

    def __init__(
        self, answer: Callable[[Sequence[Question]], Sequence[Answer]], threads: int, leave: Callable[[], None]
    ) -> None:
        self._answer, self._threads, self._leave = answer, threads, leave
        self.forget_threads()
        _all.add(self)

    def ask(self, question: Question) -> "asyncio.Future[Answer]":
        """
        Return the answer to ``question``, for the running task to wait for.

        Raises:
            StoreUnavailable: When it is waited for: too many questions wait, or this one has for 30 seconds.
            Exception: When it is waited for: what ``answer`` raised.

        """
        desk = self._desk_of(asyncio.get_running_loop())
        future: asyncio.Future[Answer] = desk.loop.create_future()
        if not desk.left:
            desk.loop.call_soon(self._collect, desk)
        desk.left.append(_Waiting(question, future, desk))
        return future

    def close(self) -> None:
        """Answer what waits, let the threads go, and wait for them. The next question starts new ones."""
        with self._turn:
            self._is_closed = True
            self._turn.notify_all()
        for thread in list(self._running):
            thread.join(_SHUTDOWN)
        self._is_closed = False

    def forget_threads(self) -> None:
        """Begin anew, as in a forked process, where the threads of the old one are not."""
        self._waiting: deque[_Waiting[Question]] = deque()
        self._turn = threading.Condition()
        self._running: set[threading.Thread] = set()
        self._desks = threading.local()
        self._idle, self._has_woken, self._is_closed = 0, False, False

    def _desk_of(self, loop: asyncio.AbstractEventLoop) -> "_Desk[Question]":
        desk: _Desk[Question] | None = getattr(self._desks, "desk", None)
        if desk is None or desk.loop is not loop:  # a thread runs one at a time
            desk = self._desks.desk = _Desk(loop)
        return desk

    def _collect(self, desk: "_Desk[Question]") -> None:
        """Take what the tasks of one event loop have left, as soon as it is complete."""
        if desk.expects_more():
            desk.loop.call_soon(self._collect, desk)
            return
        left = desk.take()
        with self._turn:
            room = max(MOST_WAITING - len(self._waiting), 0)
            self._waiting.extend(left[:room])
            try:
                self._wake()
            except RuntimeError as error:  # no thread can be started: at the end of the process, for instance
                if not self._running:
                    for _ in left[:room]:
                        self._waiting.pop()
                    desk.fail(left[:room], _caused_by(error, StoreUnavailable(_NO_THREAD)))
        if left[room:]:
            desk.fail(left[room:], StoreUnavailable(_TOO_MANY.format(MOST_WAITING)))

    def _wake(self) -> None:
        """Have one thread look. Not a second one for what the first, which has yet to wake up, will take anyway."""
        if self._has_woken:
            return
        if self._idle:
            self._has_woken = True
            self._turn.notify()
        elif len(self._running) < self._threads:
            thread = threading.Thread(target=self._serve, name="codlet-sessions-look-up", daemon=True)
            thread.start()  # and waits for the turn that this one has
            self._running.add(thread)
            self._has_woken = True

    def _serve(self) -> None:
        try:
            while batch := self._next_batch():
                _deliver(self._outcomes(batch))
        finally:
            self._leave()

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
        asked = [waiting for waiting in batch if not waiting.future.done()]  # by cancelling, or giving up
        if not asked:
            return []
        try:
            answers = self._answer([waiting.question for waiting in asked])
            return [(waiting, answer, None) for waiting, answer in zip(asked, answers, strict=True)]
        except BaseException as error:
            return [(waiting, None, error) for waiting in asked]


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Question]):
    question: Question
    future: "asyncio.Future[Any]"
    desk: "_Desk[Question]"


_Outcome: TypeAlias = tuple[_Waiting[Any], Any, BaseException | None]  # the second is an answer if the third is None


@dataclass(slots=True, eq=False)
class _Desk(Generic[Question]):
    """
    Where the tasks of one event loop leave their questions and wait for the answers.

    Attributes:
        loop: That event loop.
        left: What was left since it was taken the last time.

    """

    loop: asyncio.AbstractEventLoop
    left: list[_Waiting[Question]] = field(default_factory=list)
    _turns: int = 0  # that these have waited for
    _seen: int = 0  # of these, in the last turn
    _taken: int = 0  # how many were, the last time
    _unanswered: deque[tuple[float, list[_Waiting[Question]]]] = field(default_factory=deque)  # by when they give up
    _has_bell: bool = False

    def expects_more(self) -> bool:
        """
        Return whether what was left had better wait for one more turn of the loop, which is likely to bring more.

        Where many ask, they come turn by turn: whoever went with the first of them would leave the others to statements
        of their own.
        """
        left, seen = len(self.left), self._seen
        self._seen, self._turns = left, self._turns + 1
        is_alone = left == 1 and self._taken < 2 and not self._unanswered
        return not is_alone and seen < left < AT_ONCE and self._turns <= MOST_TURNS

    def take(self) -> list[_Waiting[Question]]:
        """Return what was left, which this waits for from now on."""
        left, self.left = self.left, []
        self._turns, self._seen, self._taken = 0, 0, len(left)
        self._unanswered.append((self.loop.time() + PATIENCE, left))
        self._set_bell()
        return left

    def settle(self, outcomes: list[_Outcome]) -> None:
        """Hand the answers over to whoever still waits."""
        for waiting, answer, failure in outcomes:
            if waiting.future.done():  # cancelled, or out of patience
                continue
            if failure is None:
                waiting.future.set_result(answer)
            else:
                waiting.future.set_exception(_alike(failure))
        while self._unanswered and all(waiting.future.done() for waiting in self._unanswered[0][1]):
            self._unanswered.popleft()

    def fail(self, these: list[_Waiting[Question]], failure: Exception) -> None:
        """Let nobody wait for the answers to ``these``."""
        self.settle([(waiting, None, failure) for waiting in these])

    def _set_bell(self) -> None:
        """Have a look when the first of them has waited for too long. One bell for all: few ever ring for anybody."""
        if self._unanswered and not self._has_bell:
            self._has_bell = True
            self.loop.call_at(self._unanswered[0][0], self._ring)

    def _ring(self) -> None:
        self._has_bell = False
        while self._unanswered and self._unanswered[0][0] <= self.loop.time():
            _end, late = self._unanswered[0]
            self.fail(late, StoreUnavailable(_TOO_LATE.format(PATIENCE)))
        self._set_bell()


def _deliver(outcomes: list[_Outcome]) -> None:
    by_desk: dict[_Desk[Any], list[_Outcome]] = {}
    for outcome in outcomes:
        by_desk.setdefault(outcome[0].desk, []).append(outcome)
    for desk, theirs in by_desk.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any longer
            desk.loop.call_soon_threadsafe(desk.settle, theirs)


def _caused_by(cause: BaseException, failure: StoreUnavailable) -> StoreUnavailable:
    failure.__cause__ = cause
    return failure


def _alike(failure: BaseException) -> BaseException:
    """Return an exception of one waiting task's own: each that raises it adds to its traceback."""
    try:
        own = copy(failure)
    except Exception:  # one that cannot be made from its arguments
        return failure
    own.__cause__, own.__suppress_context__ = failure.__cause__, True
    return own


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
