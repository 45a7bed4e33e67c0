"""What the censuses of some days say, as series of numbers: by state, and by the key that active sessions are under."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from django.utils.translation import gettext

from codlet_sessions.admin.charts import Series
from codlet_sessions.hashing import KeyRing
from codlet_sessions.models import Census
from codlet_sessions.querysets import State

Counts: TypeAlias = dict[date, int]

_OLD_SHADES = 3  # colours for the keys that are not the active one; the fourth looks like the first again


@dataclass(frozen=True, slots=True)
class Row:
    """One day of the table of figures: how many of each series, in their order."""

    day: date
    counts: Sequence[int]


def by_state(rows: Sequence[Census]) -> list[Series]:
    """Return how many sessions of each state there were on each day: the active ones first, though there be none."""
    sums = {state.value: _nothing(rows) for state in State}
    for row in rows:
        sums[row.state][row.day] += row.count
    return [Series(str(state.label), f"codlet-of-{state.value}", sums[state.value]) for state in State]


def by_key(rows: Sequence[Census], ring: KeyRing) -> list[Series]:
    """
    Return how many active sessions were under each key on each day, what is to run out first, the active key last.

    Keys that the ring does not hold are one series. Nothing opens their sessions.
    """
    sums = {version: _nothing(rows) for version in ring.versions}
    lost = _nothing(rows)
    for row in rows:
        if row.state == State.ACTIVE:
            sums.get(row.key_version, lost)[row.day] += row.count
    used = [version for version in reversed(ring.versions) if any(sums[version].values())]
    old = [version for version in used if version != ring.active_version]
    series = [Series(gettext("not in the key ring"), "codlet-of-lost", lost)] if any(lost.values()) else []
    for at, version in enumerate(old):
        series.append(Series(version, f"codlet-of-old-{at % _OLD_SHADES + 1}", sums[version]))
    return [*series, Series(ring.active_version, "codlet-of-active", sums[ring.active_version])]


def figures(series: Sequence[Series]) -> list[Row]:
    """Return the same numbers as a table, the latest day first."""
    days = sorted({day for one in series for day in one.counts}, reverse=True)
    return [Row(day, [one.counts.get(day, 0) for one in series]) for day in days]


def _nothing(rows: Iterable[Census]) -> Counts:
    # Zero is not the same as a day that nobody counted on.
    return dict.fromkeys((row.day for row in rows), 0)
