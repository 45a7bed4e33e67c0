"""What came of a question: kept as JSON, so that tables and pictures can be made again without measuring again."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.rounds import Line

VENDORS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB"}
_COUNTED = {"statements": "statements", "cache_trips": "to the cache", "hops": "hops"}


@dataclass(frozen=True)
class Outcome:
    """
    The answer to one question on one database.

    Attributes:
        question: Its name.
        asked: What its docstring says.
        vendor: Of the database, as Django calls it.
        lines: One for each contestant.
        scale: What the ratios are of.
        unit: What the amounts are in.
        noise: By how much the base varied from round to round; None where nothing was repeated.
        rounds: How often everybody was measured; 0 where nothing was repeated.
        each: How long a round was.
        about: The versions of all that took part, and the machine.

    """

    question: str
    asked: str
    vendor: str
    lines: Sequence[Line]
    scale: str
    unit: str
    noise: float | None
    rounds: int
    each: str
    about: str

    @property
    def name(self) -> str:
        """Its name, and the first part of the names of its files."""
        return f"{self.question}-{self.vendor}"

    def named(self, name: str) -> Line | None:
        """Return the line of a contestant, if it took part."""
        return next((line for line in self.lines if line.name == name), None)

    def save(self, folder: Path) -> None:
        """Write it down."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.json").write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Outcome":
        """Read what `save` wrote."""
        facts = json.loads(path.read_text())
        return cls(**{**facts, "lines": [Line(**line) for line in facts["lines"]]})

    def markdown(self) -> str:
        """Return the table, with what was asked above and the noise below it."""
        table = _groups(self) if any(line.group for line in self.lines) else _table(self)
        return f"{self.asked}\n\n{table}\n\n{self.conditions}"

    @property
    def conditions(self) -> str:
        """How it was measured, in a sentence or two."""
        noise = "" if self.noise is None else f" The base itself varied by {self.noise:.0%} from round to round."
        often = f"{self.rounds} rounds of {self.each}." if self.rounds else "Measured once."
        return f"{VENDORS[self.vendor]}. {often}{noise} {self.about}"


def load_all(folder: Path) -> dict[str, Outcome]:
    """Return every outcome in ``folder`` by its name."""
    outcomes = map(Outcome.load, sorted(folder.glob("*.json")))
    return {outcome.name: outcome for outcome in outcomes}


def as_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Return ``value`` with as many digits as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(outcome: Outcome) -> str:
    counted = [name for name in _COUNTED if any(getattr(line, name) for line in outcome.lines)]
    has_whole = any(line.whole is not None for line in outcome.lines)
    header = ["", outcome.scale, "quartiles", *(["whole request"] if has_whole else []), outcome.unit]
    rows = []
    for line in outcome.lines:
        whole = [] if not has_whole else ["–" if line.whole is None else f"{line.whole:.2f} ×"]
        quartiles = f"{number(line.low)} to {number(line.high)}"
        counts = ["–" if getattr(line, name) is None else str(getattr(line, name)) for name in counted]
        rows.append([line.name, f"**{number(line.ratio)}**", quartiles, *whole, number(line.amount), *counts])
    return as_table([*header, *(_COUNTED[name] for name in counted)], rows)


def _groups(outcome: Outcome) -> str:
    names = list(dict.fromkeys(line.name for line in outcome.lines))
    groups = list(dict.fromkeys(line.group for line in outcome.lines))
    cells = {
        (line.group, line.name): f"{number(line.ratio)} ({number(line.amount)} {outcome.unit})"
        for line in outcome.lines
    }
    return as_table(["", *names], [[group, *(cells.get((group, name), "–") for name in names)] for group in groups])
