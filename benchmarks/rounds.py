"""Measuring side by side: every contestant in every round, and only ratios within a round count."""

import asyncio
import gc
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from statistics import median, quantiles
from typing import Any

from benchmarks.counting import Cost, counted
from benchmarks.sites import DB, Site

Task = Callable[[Any], Any]


@dataclass
class Contestant:
    """
    Something to be measured.

    Attributes:
        name: As it stands in the table. Ours begin with "ours".
        run: Called with one input after the other.
        inputs: What a round goes through. An iterator is used up: each call gets what no other call had.
        site: What it runs under.
        calls: How many inputs of an iterator make a round.
        most_rounds: In how many rounds it takes part, if not in all: a slow one.
        is_counted: Whether its statements go through Django and can be counted.
        seconds: What one call took on average, in each round.
        cost: What one call costs, counted.

    """

    name: str
    run: Task
    inputs: Sequence[Any] | Iterator[Any]
    site: Site = DB
    calls: int = 0
    most_rounds: int | None = None
    is_counted: bool = True
    seconds: list[float] = field(default_factory=list)
    cost: Cost | None = None

    def measure(self) -> None:
        """Go through the inputs once, and note how long that took."""
        self.site.enter()
        first, *inputs = self._next_inputs()
        gc.collect()
        self.seconds.append(self._run(first, inputs) / len(inputs))

    def count(self) -> None:
        """Note what one call costs, once everything is warm."""
        if not self.is_counted:
            return
        self.site.enter()
        first, second = self._next_inputs(1)
        self._run_once(first)
        with counted() as cost:
            self._run_once(second)
        self.cost = cost

    def _run_once(self, value: Any) -> None:
        self.run(value)

    def _next_inputs(self, calls: int | None = None) -> Sequence[Any]:
        """Return what a round goes through, behind one more for the warm-up."""
        if isinstance(self.inputs, Sequence):
            return [self.inputs[0], *self.inputs[:calls]]
        return list(islice(self.inputs, (calls or self.calls) + 1))

    def _run(self, first: Any, inputs: Sequence[Any]) -> float:
        """Return how many seconds ``run`` took for all of ``inputs``, after one by which what is missing is made."""
        self.run(first)
        started = time.perf_counter()
        for value in inputs:
            self.run(value)
        return time.perf_counter() - started


@dataclass
class AsyncContestant(Contestant):
    """
    Something whose ``run`` is a coroutine function.

    Attributes:
        at_once: How many calls are under way at any moment.
        warm_ups: How often it goes through its inputs before that counts.

    """

    at_once: int = 1
    warm_ups: int = 1

    def _run(self, first: Any, inputs: Sequence[Any]) -> float:
        return asyncio.run(self._gathered(inputs))

    def _run_once(self, value: Any) -> None:
        asyncio.run(self.run(value))

    async def _gathered(self, inputs: Sequence[Any]) -> float:
        for _ in range(self.warm_ups):  # what looks up by connections of its own may have new ones
            await self._passed(inputs)
        return await self._passed(inputs)

    async def _passed(self, inputs: Sequence[Any]) -> float:
        waiting = iter(inputs)
        at_once = min(self.at_once, len(inputs))
        start = asyncio.Barrier(at_once + 1)
        async with asyncio.TaskGroup() as workers:
            for number in range(at_once):
                workers.create_task(self._work(inputs[number], waiting, start))
            await start.wait()
            started = time.perf_counter()
        return time.perf_counter() - started

    async def _work(self, first: Any, waiting: Iterator[Any], start: asyncio.Barrier) -> None:
        await self.run(first)  # a warm-up of its own: connections belong to threads, loops or tasks
        await start.wait()
        for value in waiting:
            await self.run(value)


@dataclass(frozen=True)
class Line:
    """
    One contestant's line of the table.

    Attributes:
        name: Its name.
        ratio: Its ratio to another: the median of the rounds.
        low, high: The quartiles of the rounds.
        amount: What one call took in microseconds, or what else was measured.
        whole: The ratio of all that was measured, where ``ratio`` is that of what came on top of a floor.
        statements, cache_trips, hops: What was counted; None where nothing was.
        group: What it is a part of, in a table with several.

    """

    name: str
    ratio: float
    low: float
    high: float
    amount: float
    whole: float | None = None
    statements: int | None = None
    cache_trips: int | None = None
    hops: int | None = None
    group: str = ""


@dataclass(frozen=True)
class Answer:
    """
    What came of a question.

    Attributes:
        lines: The table's.
        scale: What the ratios are of, in words.
        unit: What the amounts are in.
        noise: By how much the base varied from round to round: the distance of its quartiles, by its median.
        rounds: How often everybody was measured; 0 where nothing was repeated.
        each: How long a round was; "" for as many calls as there are sessions.
        is_course: Whether the names of the lines are steps that the groups go through, to be drawn as curves.

    """

    lines: Sequence[Line]
    scale: str
    unit: str = "µs"
    noise: float | None = None
    rounds: int = 0
    each: str = ""
    is_course: bool = False


@dataclass
class Race:
    """
    Contestants, and how they are compared.

    Attributes:
        contestants: Who is measured.
        base: The name of whom they are compared with.
        floor: The name of one whose time is taken off everybody's first, if only what comes on top of it counts.
        is_share: Whether the ratio is how much of the base's throughput each reaches, and not how much of its time.
        unit: What the amounts are in.
        each: How long a round is; "" for as many calls as there are sessions.

    """

    contestants: list[Contestant]
    base: str
    floor: str | None = None
    is_share: bool = False
    unit: str = "µs"
    each: str = ""

    @property
    def scale(self) -> str:
        """What the ratios are of, in words."""
        if self.floor is not None:
            return f"added, × {self.base}"
        return f"share of {self.base}" if self.is_share else f"× {self.base}"

    def run(self, rounds: int) -> Answer:
        """Measure all ``rounds`` times, each round in another order, after one that does not count; then count."""
        with _nothing_old_collected():
            for contestant in self.contestants:
                contestant.measure()
                contestant.seconds.clear()
            for number in range(rounds):
                for contestant in random.sample(self.contestants, len(self.contestants)):
                    if contestant.most_rounds is None or number < contestant.most_rounds:
                        contestant.measure()
        for contestant in self.contestants:
            contestant.count()
        return Answer(self.lines(), self.scale, self.unit, self.noise, rounds, self.each)

    def lines(self) -> list[Line]:
        """Return how all compare: medians and quartiles of the ratios within each round."""
        base = self._named(self.base)
        floor = self._named(self.floor) if self.floor else None
        return [self._line(contestant, base, floor) for contestant in self.contestants]

    @property
    def noise(self) -> float:
        """By how much the base itself varied from round to round: the distance of its quartiles, by its median."""
        low, middle, high = _quartiles(self._named(self.base).seconds)
        return (high - low) / middle

    def _named(self, name: str) -> Contestant:
        return next(contestant for contestant in self.contestants if contestant.name == name)

    def _line(self, mine: Contestant, base: Contestant, floor: Contestant | None) -> Line:
        low, middle, high = _quartiles(self._ratios(mine, base, floor))
        cost = mine.cost
        return Line(
            mine.name,
            middle,
            low,
            high,
            median(mine.seconds) * 1e6,
            None if floor is None else median(_over(mine.seconds, floor.seconds)),
            *((None, None, None) if cost is None else (cost.statements, cost.cache_trips, cost.hops)),
        )

    def _ratios(self, mine: Contestant, base: Contestant, floor: Contestant | None) -> list[float]:
        if floor is not None:
            rounds = zip(mine.seconds, base.seconds, floor.seconds, strict=False)
            return [(one - nothing) / (other - nothing) for one, other, nothing in rounds]
        return list(_over(base.seconds, mine.seconds) if self.is_share else _over(mine.seconds, base.seconds))


@contextmanager
def _nothing_old_collected() -> Iterator[None]:
    """Keep what is there already out of garbage collections: whoever happens to cause one would pay for everybody."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _over(these: Iterable[float], those: Iterable[float]) -> Iterator[float]:
    return (this / that for this, that in zip(these, those, strict=False))  # a slow one has fewer rounds


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high
