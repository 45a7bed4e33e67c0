"""
The geometry of a bar chart over days: numbers in, coordinates out. What is drawn with them is up to a template.

Pure functions that know neither Django nor sessions. Coordinates are those of the chart's ``viewBox``, whose origin is
at the top left.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

WIDTH: Final = 720
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 14, 34  # margins, for the labels
MOST_STEPS: Final = 4  # on the vertical axis
MOST_DAY_LABELS: Final = 5
_GAP: Final = 0.2  # of a day's room
_ROOM_FOR_A_GAP: Final = 4.0  # less room than this, and the bars touch


@dataclass(frozen=True, slots=True)
class Series:
    """What is counted: its name, the CSS class that colours it, and how many there were on each day."""

    name: str
    css: str
    counts: Mapping[date, int]


@dataclass(frozen=True, slots=True)
class Tick:
    """A label beside an axis."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Layer:
    """All bars of one series, as the ``d`` of one SVG path."""

    name: str
    css: str
    path: str


@dataclass(frozen=True, slots=True)
class Column:
    """The room of one day from top to bottom, to be pointed at."""

    x: float
    width: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a template needs to draw it."""

    width: int
    height: int
    layers: Sequence[Layer]
    columns: Sequence[Column]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP

    @property
    def bottom(self) -> int:
        """Where zero is."""
        return self.height - BOTTOM

    @property
    def depth(self) -> int:
        """How tall the part between the axes is."""
        return self.bottom - self.top


def stacked_bars(
    series: Sequence[Series],
    days: Sequence[date],
    height: int,
    *,
    say_count: Callable[[int], str],
    say_day: Callable[[date], str],
    describe: Callable[[date], str],
) -> Chart:
    """
    Lay out ``series`` as bars upon one another, the first one at the bottom.

    Args:
        series: What is drawn. A day that no series knows stays empty.
        days: Every day of the horizontal axis, one after the other.
        height: Of the whole chart, labels and all.
        say_count, say_day: What to write beside the axes.
        describe: What to say of a day when somebody points at it.

    """
    known = {day for one in series for day in one.counts}
    top, step = scale(max((sum(one.counts.get(day, 0) for one in series) for day in known), default=0))
    depth, slot = height - BOTTOM - TOP, (WIDTH - LEFT - RIGHT) / len(days)
    ceilings = dict.fromkeys(days, 0)
    layers = []
    for one in series:
        path = "".join(_bars(one.counts, days, ceilings, (depth, slot, top)))
        layers.append(Layer(one.name, one.css, path))
    columns = [Column(_r(LEFT + slot * at), _r(slot), describe(day)) for at, day in enumerate(days) if day in known]
    y_ticks = [Tick(_r(TOP + depth * (1 - value / top)), say_count(value), "end") for value in range(0, top + 1, step)]
    return Chart(WIDTH, height, layers, columns, list(_day_ticks(days, slot, say_day)), y_ticks)


def scale(maximum: int) -> tuple[int, int]:
    """
    Return where an axis for numbers up to ``maximum`` ends, and the step from label to label: 1, 2 or 5 times ten to
    some power, so that there are `MOST_STEPS` at most.
    """
    power = 1
    while True:
        for factor in (1, 2, 5):
            step = factor * power
            steps = max(1, -(-maximum // step))
            if steps <= MOST_STEPS:
                return steps * step, step
        power *= 10


def days_until(last: date, count: int) -> list[date]:
    """Return ``last`` and the days before it, ``count`` in all, the earliest first."""
    return [last - timedelta(days=back) for back in reversed(range(count))]


def _bars(
    counts: Mapping[date, int], days: Sequence[date], ceilings: dict[date, int], room: tuple[int, float, int]
) -> Iterator[str]:
    # Raises the ceilings that the next series will stand on.
    depth, slot, top = room
    gap = slot * _GAP if slot >= _ROOM_FOR_A_GAP else 0.0
    for at, day in enumerate(days):
        if not (count := counts.get(day, 0)):
            continue
        ceilings[day] += count
        x, y = LEFT + slot * at + gap / 2, TOP + depth * (1 - ceilings[day] / top)
        width, tall = slot - gap, depth * count / top
        yield f"M{_r(x)} {_r(y)}h{_r(width)}v{_r(tall)}h{_r(-width)}z"


def _day_ticks(days: Sequence[date], slot: float, say_day: Callable[[date], str]) -> Iterator[Tick]:
    every = -(-len(days) // MOST_DAY_LABELS)
    last = len(days) - 1
    for at in range(last % every, len(days), every):
        is_last = at == last
        x = WIDTH - RIGHT if is_last else LEFT + slot * (at + 0.5)
        yield Tick(_r(x), say_day(days[at]), "end" if is_last else "middle")


def _r(number: float) -> float:
    return round(number, 2)
