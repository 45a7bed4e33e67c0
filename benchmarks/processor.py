"""How much of a processor a call takes: in the process that asks, and in the database."""

import time
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks.people import NotHere, World, new_session, signed_in
from benchmarks.rounds import Answer, Contestant, Line
from benchmarks.sites import DB, OURS, Site
from benchmarks.stores import validate_ours
from codlet_sessions.api import sessions

_BASE = "look-up, Django `db`"
HERE, THERE = "the asking process", "PostgreSQL"


def processor(world: World) -> Answer:
    """
    Count the processor time of a call, in the asking process and in PostgreSQL's for its connection.

    What a machine can do in a second is that second, divided by this. Waiting for the network or the disk does not
    count.
    """
    if connection.vendor != "postgresql":
        raise NotHere("only PostgreSQL has a process for each connection, whose time can be read.")
    djangos = world.cookies(DB)
    measured = {
        contestant.name: _processor_time(contestant)
        for contestant in (
            Contestant(_BASE, _load(DB), djangos, DB),
            Contestant("look-up, ours", validate_ours, world.ours, OURS),
            Contestant("issue, Django `db`", lambda user: signed_in(new_session(DB.engine), user), world.users, DB),
            Contestant("issue, ours", sessions.issue, world.users, OURS),
        )
    }
    base = measured[_BASE]
    lines = [
        Line(place, time / base[place], time / base[place], time / base[place], time, group=name)
        for name, times in measured.items()
        for place, time in times.items()
    ]
    return Answer(lines, f"× {_BASE}")


def _load(site: Site) -> Any:
    return lambda cookie: new_session(site.engine, cookie).load()


def _processor_time(contestant: Contestant) -> dict[str, float]:
    """Return the microseconds of a call in each place, the median being of no use: the kernel counts them all."""
    contestant.measure()  # warm, and its site entered
    backend = connection.connection.info.backend_pid
    inputs: Any = contestant.inputs
    here, there = time.process_time_ns(), _nanoseconds(backend)
    for each in inputs:
        contestant.run(each)
    calls = len(inputs)
    return {
        HERE: (time.process_time_ns() - here) / calls / 1000,
        THERE: (_nanoseconds(backend) - there) / calls / 1000,
    }


def _nanoseconds(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0])
    except OSError as error:
        raise NotHere(f"the database has to be on this machine, and the kernel to count: {error}.") from None
