"""The tables as pictures: one SVG each, legible on light and on dark pages."""

import re
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot  # which looks for a screen otherwise
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.outcomes import VENDORS, Outcome, number
from benchmarks.rounds import Line

OURS, OTHERS, INK = "#2f81d6", "#9a9a9a", "#7a7a7a"  # each with enough contrast on white and on near-black
_MARKS = "os^Dv*P"  # for who cannot tell lines of one colour by their dashes
_WIDTH = 7.6  # inches
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "codlet_sessions",  # the same picture from the same numbers
    "font.family": "sans-serif",
    "font.size": 9,
    **{f"{what}.color": INK for what in ("text", "xtick", "ytick")},
    **{f"axes.{what}": INK for what in ("edgecolor", "labelcolor")},
}


def draw(outcome: Outcome, path: Path) -> None:
    """Draw the ratios of ``outcome`` into the SVG file at ``path``."""
    with mpl.rc_context(_STYLE):
        figure = _curves(outcome) if outcome.answer.is_course else _bars(outcome)
        figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
        pyplot.close(figure)


def _bars(outcome: Outcome) -> Any:
    lines = outcome.answer.lines[::-1]
    figure, axes = _axes(len(lines))
    places = range(len(lines))
    ratios = [line.ratio for line in lines]
    whiskers = [[max(line.ratio - line.low, 0) for line in lines], [max(line.high - line.ratio, 0) for line in lines]]
    axes.barh(places, ratios, height=0.62, color=[_colour(line) for line in lines])
    axes.errorbar(ratios, places, xerr=whiskers, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
    axes.set_yticks(places, [_plain(": ".join(filter(None, (line.group, line.name)))) for line in lines])
    ends = [max(line.ratio, line.high) for line in lines]
    is_wide = max(ratios) > 20 * median(ratios)
    if is_wide:
        axes.set_xscale("log")
    for place, line, end in zip(places, lines, ends, strict=True):
        axes.annotate(number(line.ratio), (end, place), (5, 0), textcoords="offset points", va="center")
    axes.set_xlim(right=max(ends) * (3 if is_wide else 1.12))
    axes.axvline(1, color=INK, linewidth=0.8, linestyle=":")
    _finish(axes, outcome)
    return figure


def _curves(outcome: Outcome) -> Any:
    lines = outcome.answer.lines
    names = list(dict.fromkeys(line.name for line in lines))
    figure, axes = _axes(8)
    for place, group in enumerate(dict.fromkeys(line.group for line in lines)):
        ratios = [line.ratio for line in lines if line.group == group]
        style, mark = ["-", "--", "-.", ":"][place % 4], _MARKS[place % len(_MARKS)]
        colour = OURS if "ours" in group else OTHERS
        axes.plot(range(len(ratios)), ratios, style, color=colour, marker=mark, markersize=5, label=_plain(group))
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(_plain(outcome.answer.scale))
    axes.legend(frameon=False, labelcolor=INK, loc="upper left", bbox_to_anchor=(1, 1))
    axes.set_title(_title(outcome), color=INK, loc="left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _axes(lines: int) -> tuple[Any, Any]:
    return pyplot.subplots(figsize=(_WIDTH, 0.27 * lines + 0.7))


def _finish(axes: Any, outcome: Outcome) -> None:
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(_plain(outcome.answer.scale))
    axes.set_title(_title(outcome), color=INK, loc="left", fontsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)


def _title(outcome: Outcome) -> str:
    first = re.split(r"[:.,](?=\s|$)", outcome.asked, maxsplit=1)[0]
    return f"{_plain(first)} ({VENDORS[outcome.vendor]})"


def _colour(line: Line) -> str:
    is_ours = line.name.startswith("our") or line.group.startswith("our") or ", ours" in line.group
    return OURS if is_ours else OTHERS


def _plain(text: str) -> str:
    return text.replace("`", "").replace("$", r"\$").replace("\n", " ")
