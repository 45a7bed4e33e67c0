"""What a machine can do in a second, from what a call was measured to cost."""

from collections.abc import Iterator, Mapping

from benchmarks.outcomes import Outcome, as_table
from benchmarks.processor import THERE

_HEADER = ["", "measured", "so a second, or a million, comes to"]


def table(outcomes: Mapping[str, Outcome]) -> str:
    """Return what each core, worker and million of sessions comes to."""
    return as_table(_HEADER, [*_workers(outcomes), *_cores(outcomes), *_bytes(outcomes)])


def _workers(outcomes: Mapping[str, Outcome]) -> Iterator[list[str]]:
    for server, name in (("gunicorn", "wsgi-postgresql"), ("uvicorn", "asgi-postgresql")):
        for line in outcomes[name].answer.lines if name in outcomes else ():
            yield [
                f"requests, a worker of {server}: {line.name}",
                f"{line.amount:,.0f} µs",
                f"{1e6 / line.amount:,.0f}",
            ]


def _cores(outcomes: Mapping[str, Outcome]) -> Iterator[list[str]]:
    name = "processor-postgresql"
    for line in outcomes[name].answer.lines if name in outcomes else ():
        if line.name == THERE:
            yield [f"a core of PostgreSQL: {line.group}", f"{line.amount:,.0f} µs", f"{1e6 / line.amount:,.0f}"]


def _bytes(outcomes: Mapping[str, Outcome]) -> Iterator[list[str]]:
    name = "size-postgresql"
    for line in outcomes[name].answer.lines if name in outcomes else ():
        yield [f"a million sessions, {line.name}", f"{line.amount:,.0f} bytes each", f"{line.amount:,.0f} MB"]
