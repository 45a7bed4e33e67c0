"""Numbers in, coordinates out."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codlet_sessions.admin.charts import (
    BOTTOM,
    LEFT,
    MOST_DAY_LABELS,
    MOST_STEPS,
    RIGHT,
    TOP,
    WIDTH,
    Series,
    days_until,
    scale,
    stacked_bars,
)

TODAY = date(2026, 11, 24)
HEIGHT = TOP + 100 + BOTTOM
BAR = re.compile(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z")


def draw(*counts, days=10, height=HEIGHT):
    """Draw one series for each mapping of "days ago" to a count."""
    series = [
        Series(f"series {at}", f"css-{at}", {TODAY - timedelta(days=ago): count for ago, count in some.items()})
        for at, some in enumerate(counts)
    ]
    return stacked_bars(series, days_until(TODAY, days), height, say_count=str, say_day=str, describe=str)


def bars(layer):
    return [tuple(map(float, bar)) for bar in BAR.findall(layer.path)]


def test_the_days_end_with_the_last_one():
    assert days_until(TODAY, 3) == [date(2026, 11, 22), date(2026, 11, 23), TODAY]


@pytest.mark.parametrize(
    ("maximum", "expected"),
    [
        (0, (1, 1)),
        (1, (1, 1)),
        (4, (4, 1)),
        (5, (6, 2)),
        (40, (40, 10)),
        (41, (60, 20)),
        (10_000_000, (10_000_000, 5_000_000)),
    ],
)
def test_an_axis_ends_at_a_round_number(maximum, expected):
    assert scale(maximum) == expected


@given(st.integers(min_value=0, max_value=10**15))
def test_an_axis_holds_its_maximum_and_has_few_steps(maximum):
    top, step = scale(maximum)
    assert top >= max(maximum, 1)
    assert top % step == 0
    assert 1 <= top // step <= MOST_STEPS
    assert top - step < max(maximum, 1)


def test_a_bar_as_high_as_the_axis_fills_it():
    ((x, y, width, height),) = bars(draw({0: 4}).layers[0])
    assert (y, height) == (TOP, 100)
    assert x + width < WIDTH - RIGHT


def test_series_stand_upon_one_another():
    below, above = draw({0: 1}, {0: 3}).layers
    assert bars(below)[0][1::2] == (TOP + 75, 25)
    assert bars(above)[0][1::2] == (TOP, 75)


def test_a_day_that_nobody_counted_is_a_gap_and_cannot_be_pointed_at():
    chart = draw({0: 4, 2: 4})
    assert len(bars(chart.layers[0])) == len(chart.columns) == 2
    assert [column.label for column in chart.columns] == ["2026-11-22", "2026-11-24"]


def test_where_days_have_little_room_the_bars_touch():
    first, second = bars(draw({0: 4, 1: 4}, days=400).layers[0])
    assert first[0] + first[2] == pytest.approx(second[0], abs=0.02)
    first, second = bars(draw({0: 4, 1: 4}, days=30).layers[0])
    assert second[0] - first[0] - first[2] > 2


@pytest.mark.parametrize("days", [1, 2, 30, 90, 400])
def test_the_axes_have_few_labels_and_the_last_day_is_one_of_them(days):
    chart = draw({0: 4}, days=days)
    assert 1 <= len(chart.x_ticks) <= MOST_DAY_LABELS
    assert (chart.x_ticks[-1].label, chart.x_ticks[-1].anchor) == ("2026-11-24", "end")
    assert [tick.label for tick in chart.y_ticks] == ["0", "1", "2", "3", "4"]
    assert (chart.y_ticks[0].at, chart.y_ticks[-1].at) == (chart.bottom, TOP)


def test_nothing_at_all_is_a_chart_too():
    chart = draw({}, {})
    assert [layer.path for layer in chart.layers] == ["", ""]
    assert [tick.label for tick in chart.y_ticks] == ["0", "1"]


@given(st.lists(st.dictionaries(st.integers(0, 29), st.integers(0, 10**9)), min_size=1, max_size=5))
def test_nothing_is_drawn_outside(counts):
    chart = draw(*counts, days=30)
    for layer in chart.layers:
        for x, y, width, height in bars(layer):
            assert x >= LEFT
            assert x + width <= WIDTH - RIGHT + 0.1
            assert y >= TOP - 0.1
            assert y + height <= chart.bottom + 0.1
