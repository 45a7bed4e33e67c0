"""Measuring side by side: every contestant in every round, and only ratios within a round count."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

Task = Callable[[Any], object]


@dataclass
class Contestant:
    """
    Something to be measured.

    Attributes:
        name: As it stands in the table.
        run: Called with one of ``inputs``, again and again.
        inputs: What each round goes through, once.
        seconds: What one call took on average, in each round.

    """

    name: str
    run: Task
    inputs: Sequence[Any]
    seconds: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Go through the inputs once."""
        started = time.perf_counter()
        for value in self.inputs:
            self.run(value)
        self.seconds.append((time.perf_counter() - started) / len(self.inputs))


@dataclass(frozen=True)
class Line:
    """One contestant's line of the table: its ratio to another, with the quartiles of the rounds."""

    name: str
    ratio: float
    low: float
    high: float
    microseconds: float


def compete(contestants: Sequence[Contestant], rounds: int) -> None:
    """Measure all of them ``rounds`` times, each round in another order, after one that does not count."""
    for contestant in contestants:
        contestant.measure()
        contestant.seconds.clear()
    for _ in range(rounds):
        for contestant in random.sample(contestants, len(contestants)):
            contestant.measure()


def against(base: Contestant, contestants: Iterable[Contestant]) -> list[Line]:
    """Return how the contestants compare to ``base``: medians of the ratios within each round."""
    return [_line(contestant, base) for contestant in contestants]


def _line(contestant: Contestant, base: Contestant) -> Line:
    ratios = [mine / theirs for mine, theirs in zip(contestant.seconds, base.seconds, strict=True)]
    low, _middle, high = quantiles(ratios, n=4)
    return Line(contestant.name, median(ratios), low, high, median(contestant.seconds) * 1e6)


def noise_of(base: Contestant) -> float:
    """Return by how much ``base`` itself varied from round to round: the distance of its quartiles, by its median."""
    low, _middle, high = quantiles(base.seconds, n=4)
    return (high - low) / median(base.seconds)


def table(lines: Sequence[Line], base: str) -> str:
    """Return the lines as a table in Markdown."""
    head = f"| | ratio to {base} | quartiles | µs |\n|---|---|---|---|\n"
    rows = (f"| {x.name} | **{x.ratio:.2f}** | {x.low:.2f} to {x.high:.2f} | {x.microseconds:.0f} |" for x in lines)
    return head + "\n".join(rows)
