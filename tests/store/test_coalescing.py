"""Questions that wait at one moment are answered together, each at most once, and nobody is forgotten."""

import asyncio
import os
import threading
import time
from contextlib import contextmanager

import pytest

from codlet_sessions.errors import StoreUnavailable
from codlet_sessions.stores import coalescing
from codlet_sessions.stores.coalescing import Coalescer


class Desk:
    """Answers a question by the question, when it is let."""

    def __init__(self):
        self.batches = []
        self.open = threading.Event()
        self.open.set()
        self.left = []

    def answer(self, questions):
        self.batches.append(list(questions))
        assert self.open.wait(20)
        return [f"answer to {question}" for question in questions]

    def leave(self):
        self.left.append(threading.current_thread())

    async def asked(self, question):
        return await self.coalescer.ask(question)


@contextmanager
def desk_of(threads=1, answer=None):
    desk = Desk()
    desk.coalescer = Coalescer(answer or desk.answer, threads, desk.leave)
    try:
        yield desk
    finally:
        desk.open.set()
        desk.coalescer.close()


async def until(true):
    while not true():
        await asyncio.sleep(0.001)


def test_what_waits_while_a_statement_is_under_way_shares_the_next_one():
    async def main():
        desk.open.clear()
        first = asyncio.ensure_future(desk.coalescer.ask(0))
        await until(lambda: desk.batches)
        others = [asyncio.ensure_future(desk.coalescer.ask(number)) for number in range(1, 6)]
        await asyncio.sleep(0.05)
        desk.open.set()
        return await asyncio.gather(first, *others)

    with desk_of() as desk:
        assert asyncio.run(main()) == [f"answer to {number}" for number in range(6)]
        assert desk.batches == [[0], [1, 2, 3, 4, 5]]


def test_no_question_is_answered_by_a_statement_that_began_before_it_was_put():
    """Or a revocation that was committed in between would be missed. Not even where many ask the same."""
    late = []

    def answer(questions):
        began = time.perf_counter()
        time.sleep(0.001)
        return [began] * len(questions)

    async def ask(number):
        await asyncio.sleep(number % 17 / 1000)
        put = time.perf_counter()
        if await desk.coalescer.ask("the same") < put:
            late.append(number)

    async def main():
        await asyncio.gather(*map(ask, range(300)))

    with desk_of(2, answer) as desk:
        asyncio.run(main())
    assert late == []


def test_batches_are_bounded_and_in_order():
    async def main():
        desk.open.clear()
        first = asyncio.ensure_future(desk.coalescer.ask(-1))
        await until(lambda: desk.batches)
        others = [asyncio.ensure_future(desk.coalescer.ask(number)) for number in range(120)]
        await asyncio.sleep(0.05)
        desk.open.set()
        await asyncio.gather(first, *others)

    with desk_of() as desk:
        asyncio.run(main())
        assert [len(batch) for batch in desk.batches] == [1, 50, 50, 20]
        assert [number for batch in desk.batches for number in batch] == [-1, *range(120)]


def test_there_are_no_more_threads_than_allowed():
    async def main():
        desk.open.clear()
        asking = []
        for number in range(20):
            asking.append(asyncio.ensure_future(desk.coalescer.ask(number)))
            await asyncio.sleep(0.005)
        assert len(desk.coalescer._running) == len(desk.batches) == 2
        desk.open.set()
        await asyncio.gather(*asking)

    with desk_of(threads=2) as desk:
        asyncio.run(main())


def test_who_is_cancelled_leaves_the_queue_and_nobody_else_notices():
    async def main():
        desk.open.clear()
        under_way = asyncio.ensure_future(desk.coalescer.ask("under way"))
        await until(lambda: desk.batches)
        waiting = [asyncio.ensure_future(desk.coalescer.ask(name)) for name in ("goes", "stays")]
        await asyncio.sleep(0.02)
        under_way.cancel(), waiting[0].cancel()
        desk.open.set()
        assert await waiting[1] == "answer to stays"
        for gone in (under_way, waiting[0]):
            with pytest.raises(asyncio.CancelledError):
                await gone

    with desk_of() as desk:
        asyncio.run(main())
        assert desk.batches == [["under way"], ["stays"]]


def test_an_error_reaches_everybody_who_waited_each_with_one_of_their_own():
    def answer(questions):
        raise LookupError("no")

    async def main():
        asking = [desk.coalescer.ask(number) for number in range(3)]
        return await asyncio.gather(*asking, return_exceptions=True)

    with desk_of(1, answer) as desk:
        errors = asyncio.run(main())
    assert [repr(error) for error in errors] == ["LookupError('no')"] * 3
    assert len(set(map(id, errors))) == 3


def test_an_error_that_cannot_be_copied_is_raised_as_it_is():
    class Stubborn(Exception):
        def __init__(self, one, two):
            super().__init__(one)

    def answer(questions):
        raise Stubborn(1, 2)

    with desk_of(1, answer) as desk, pytest.raises(Stubborn):
        asyncio.run(desk.asked(1))


def test_nobody_waits_for_ever(monkeypatch):
    monkeypatch.setattr(coalescing, "PATIENCE", 0.05)

    async def main():
        desk.open.clear()
        with pytest.raises(StoreUnavailable, match="has not answered"):
            await desk.coalescer.ask(1)
        monkeypatch.undo()
        desk.open.set()
        return await desk.coalescer.ask(2)

    with desk_of() as desk:
        assert asyncio.run(main()) == "answer to 2"


def test_who_has_given_up_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(coalescing, "PATIENCE", 0.02)

    async def main():
        desk.open.clear()
        under_way = asyncio.ensure_future(desk.coalescer.ask("under way"))
        await until(lambda: desk.batches)
        late = await asyncio.gather(under_way, desk.coalescer.ask("late"), return_exceptions=True)
        assert [type(error) for error in late] == [StoreUnavailable] * 2
        monkeypatch.undo()
        desk.open.set()
        return await desk.coalescer.ask("next")

    with desk_of() as desk:
        assert asyncio.run(main()) == "answer to next"
        assert desk.batches == [["under way"], ["next"]]


def test_a_queue_that_is_too_long_is_not_joined(monkeypatch):
    monkeypatch.setattr(coalescing, "MOST_WAITING", 3)

    async def main():
        desk.open.clear()
        first = asyncio.ensure_future(desk.coalescer.ask(0))
        await until(lambda: desk.batches)
        others = [asyncio.ensure_future(desk.coalescer.ask(number)) for number in range(1, 4)]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="3 look-ups are waiting"):
            await desk.coalescer.ask(4)
        desk.open.set()
        await asyncio.gather(first, *others)

    with desk_of() as desk:
        asyncio.run(main())


def test_a_thread_that_nobody_needs_goes_and_comes_back(monkeypatch):
    monkeypatch.setattr(coalescing, "IDLE", 0.02)

    async def main():
        await desk.coalescer.ask(1)
        await until(lambda: desk.left)
        assert not desk.coalescer._running
        return await desk.coalescer.ask(2)

    with desk_of() as desk:
        assert asyncio.run(main()) == "answer to 2"


def test_closing_answers_what_waits_and_lets_the_threads_go():
    async def main():
        desk.open.clear()
        asking = [asyncio.ensure_future(desk.coalescer.ask(number)) for number in range(3)]
        await until(lambda: desk.batches)
        threading.Timer(0.05, desk.open.set).start()
        await asyncio.to_thread(coalescing.close_all)
        return await asyncio.gather(*asking)

    with desk_of() as desk:
        assert len(asyncio.run(main())) == 3
        assert desk.left
        assert not any(thread.is_alive() for thread in desk.left)


def test_event_loops_of_several_threads_share_one_queue():
    async def main(number):
        return [await desk.coalescer.ask(f"{number}.{again}") for again in range(20)]

    answers = {}

    def run(number):
        answers[number] = asyncio.run(main(number))

    with desk_of(2) as desk:
        threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
        [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert answers == {number: [f"answer to {number}.{again}" for again in range(20)] for number in range(4)}


def test_a_loop_that_has_closed_meanwhile_disturbs_nobody():
    async def leave_a_question():
        left.append(asyncio.ensure_future(desk.coalescer.ask("left behind")))
        await until(lambda: desk.batches)

    left = []
    with desk_of() as desk:
        desk.open.clear()
        asyncio.run(leave_a_question())
        desk.open.set()
        assert asyncio.run(desk.asked("next")) == "answer to next"


def test_without_a_thread_there_is_an_answer_all_the_same(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with desk_of() as desk, pytest.raises(StoreUnavailable, match="No thread"):
        asyncio.run(desk.asked(1))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the very thing that is tested
def test_a_forked_process_has_threads_of_its_own():
    with desk_of() as desk:
        asyncio.run(desk.asked("before"))
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:  # pragma: no cover
            os.write(writing, asyncio.run(desk.asked("in the child")).encode())
            os._exit(0)
        assert os.read(reading, 100) == b"answer to in the child"
        os.waitpid(child, 0)
        os.close(reading), os.close(writing)


def test_who_is_cancelled_before_anybody_looks_is_not_asked_for():
    async def main():
        desk.open.clear()
        first = asyncio.ensure_future(desk.coalescer.ask(0))
        await until(lambda: desk.batches)
        second = asyncio.ensure_future(desk.coalescer.ask(1))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        desk.open.set()
        await first
        return await desk.coalescer.ask(2)

    with desk_of() as desk:
        assert asyncio.run(main()) == "answer to 2"
    assert [0] in desk.batches
    assert not any(1 in batch for batch in desk.batches)


def test_where_no_second_thread_can_be_started_the_first_one_answers(monkeypatch):
    async def main():
        desk.open.clear()
        first = asyncio.ensure_future(desk.coalescer.ask(0))
        await until(lambda: desk.batches)
        monkeypatch.setattr(threading.Thread, "start", fail_to_start)
        second = asyncio.ensure_future(desk.coalescer.ask(1))
        await asyncio.sleep(0.01)
        desk.open.set()
        return await asyncio.gather(first, second)

    def fail_to_start(thread):
        raise RuntimeError("can't start new thread")

    with desk_of(threads=2) as desk:
        assert asyncio.run(main()) == ["answer to 0", "answer to 1"]


def test_whoever_forgets_its_threads_starts_new_ones():
    """What a forked process does, in which nothing can be measured."""
    coalescing.close_all()
    with desk_of() as desk:
        assert asyncio.run(desk.asked(0)) == "answer to 0"
        desk.coalescer.close()
        coalescing._forget_all_threads()
        assert asyncio.run(desk.asked(1)) == "answer to 1"


def test_what_is_left_in_one_turn_of_the_loop_is_asked_for_together():
    async def main():
        return await asyncio.gather(*map(desk.coalescer.ask, range(3)))

    with desk_of(threads=2) as desk:
        assert asyncio.run(main()) == [f"answer to {number}" for number in range(3)]
        assert desk.batches == [[0, 1, 2]]


def test_a_question_after_several_waits_for_another_turn_which_may_bring_more():
    async def main():
        await asyncio.gather(*map(desk.coalescer.ask, "ab"))
        answer = desk.coalescer.ask("c")
        await asyncio.sleep(0)
        answers = asyncio.gather(answer, desk.coalescer.ask("d"))
        assert len(desk.coalescer._desk_of(asyncio.get_running_loop()).left) == 2
        await answers

    with desk_of() as desk:
        asyncio.run(main())
        assert desk.batches == [["a", "b"], ["c", "d"]]


def test_nobody_waits_for_others_for_more_than_a_few_turns():
    async def main():
        desk.open.clear()
        asking = [desk.coalescer.ask("under way")]
        await until(lambda: desk.batches)
        while not desk.coalescer._waiting:
            asking.append(desk.coalescer.ask(len(asking)))
            await asyncio.sleep(0)
        desk.open.set()
        await asyncio.gather(*asking)

    with desk_of() as desk:
        asyncio.run(main())
        assert desk.batches[1] == list(range(1, coalescing.MOST_TURNS + 2))


def test_a_question_that_is_alone_waits_for_nobody():
    async def main():
        for number in range(3):
            answer = desk.coalescer.ask(number)
            await asyncio.sleep(0)
            assert desk.coalescer._desk_of(asyncio.get_running_loop()).left == []
            await answer

    with desk_of() as desk:
        asyncio.run(main())


def test_beside_one_that_is_under_way_no_question_is_alone():
    async def main():
        desk.open.clear()
        first = desk.coalescer.ask("under way")
        await until(lambda: desk.batches)
        others = asyncio.gather(desk.coalescer.ask("another"), desk.asked("a third"))
        await until(lambda: len(desk.batches) == 2)
        desk.open.set()
        await asyncio.gather(first, others)

    with desk_of(threads=2) as desk:
        asyncio.run(main())
        assert desk.batches == [["under way"], ["another", "a third"]]


def test_who_comes_later_may_wait_later(monkeypatch):
    monkeypatch.setattr(coalescing, "PATIENCE", 0.5)

    async def main():
        await desk.coalescer.ask("answered long before")
        await asyncio.sleep(0.2)
        desk.open.clear()
        began = time.perf_counter()
        with pytest.raises(StoreUnavailable, match="has not answered"):
            await desk.coalescer.ask("not answered")
        return time.perf_counter() - began

    with desk_of() as desk:
        assert asyncio.run(main()) > 0.45


def test_an_answer_that_was_handed_over_is_not_kept():
    async def main():
        await asyncio.gather(*map(desk.coalescer.ask, range(3)))
        await asyncio.sleep(0)
        return desk.coalescer._desk_of(asyncio.get_running_loop())

    with desk_of() as desk:
        counter = asyncio.run(main())
        assert [*counter.left, *counter._unanswered] == []


def test_an_answer_that_came_in_the_last_moment_stands(monkeypatch):
    monkeypatch.setattr(coalescing, "PATIENCE", 0.5)

    async def main():
        answer = asyncio.ensure_future(desk.coalescer.ask(1))
        await until(lambda: desk.batches)
        desk.open.set()
        time.sleep(0.7)  # the answer and the bell come in one turn of the loop
        return await answer

    with desk_of() as desk:
        desk.open.clear()
        assert asyncio.run(main()) == "answer to 1"
