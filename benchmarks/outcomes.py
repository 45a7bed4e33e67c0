"""What came of a question: kept as JSON, so that tables and pictures can be made again without measuring again."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.rounds import Answer, Line

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
        answer: What came of it.
        about: The versions of all that took part, and the machine.

    """

    question: str
    asked: str
    vendor: str
    answer: Answer
    about: str

    @property
    def name(self) -> str:
        """Its name, and the first part of the names of its files."""
        return f"{self.question}-{self.vendor}"

    def named(self, name: str) -> Line | None:
        """Return the line of a contestant, if it took part."""
        return next((line for line in self.answer.lines if line.name == name), None)

    def save(self, folder: Path) -> None:
        """Write it down."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.json").write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Outcome":
        """Read what `save` wrote."""
        facts = json.loads(path.read_text())
        answer = facts["answer"]
        lines = [Line(**line) for line in answer["lines"]]
        return cls(**{**facts, "answer": Answer(**{**answer, "lines": lines})})

    def markdown(self) -> str:
        """Return the table, with what was asked above and the noise below it."""
        table = _groups(self.answer) if any(line.group for line in self.answer.lines) else _table(self.answer)
        return f"{self.asked}\n\n{table}\n\n{self.conditions}"

    @property
    def conditions(self) -> str:
        """How it was measured, in a sentence or two."""
        answer = self.answer
        noise = "" if answer.noise is None else f" The base itself varied by {answer.noise:.0%} from round to round."
        often = (
            f"{answer.rounds} rounds of {answer.each}."
            if answer.rounds
            else f"Measured once{answer.each and ', '}{answer.each}."
        )
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


def _table(answer: Answer) -> str:
    counted = [name for name in _COUNTED if any(getattr(line, name) for line in answer.lines)]
    has_whole = any(line.whole is not None for line in answer.lines)
    has_quartiles = any(line.low != line.high for line in answer.lines)
    header = ["", answer.scale, *["quartiles"] * has_quartiles, *["whole request"] * has_whole, answer.unit]
    rows = []
    for line in answer.lines:
        quartiles = [f"{number(line.low)} to {number(line.high)}"] * has_quartiles
        whole = ["–" if line.whole is None else f"{line.whole:.2f} ×"] * has_whole
        counts = ["–" if getattr(line, name) is None else str(getattr(line, name)) for name in counted]
        rows.append([line.name, f"**{number(line.ratio)}**", *quartiles, *whole, number(line.amount), *counts])
    return as_table([*header, *(_COUNTED[name] for name in counted)], rows)


def _groups(answer: Answer) -> str:
    names = list(dict.fromkeys(line.name for line in answer.lines))
    groups = list(dict.fromkeys(line.group for line in answer.lines))
    cells = {
        (line.group, line.name): f"**{number(line.ratio)}** ({number(line.amount)} {answer.unit})"
        for line in answer.lines
    }
    return as_table(["", *names], [[group, *(cells.get((group, name), "–") for name in names)] for group in groups])
