"""What becomes of all that when the table grows."""

from dataclasses import replace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection

from benchmarks.people import World, new_session, signed_in
from benchmarks.requests import wsgi
from benchmarks.rounds import Answer, Contestant, Line, Race
from benchmarks.rows import BigTables, subjects
from benchmarks.sites import DB, OURS
from benchmarks.stores import validate_ours
from codlet_sessions.api import sessions

_SIZES = (10_000, 100_000, 1_000_000, 5_000_000, 10_000_000)
_STEADY = "a `SELECT` of a table that does not grow"
_LIST = "/admin/codlet_sessions/session/"
_PAGES = 20  # calls in a round of what takes milliseconds
_ADMIN = replace(OURS, middleware=(*OURS.middleware, "django.contrib.messages.middleware.MessageMiddleware"))


def growth(world: World) -> Answer:
    """
    Do the same with ever more rows, as many in our table as in Django's: the time, against that with the fewest rows.

    Each measurement is first taken against a query of a table that stays as it is, in the same round, because minutes
    pass between one size and the next. Ten sessions of each subject; all that is read lies in memory after a while.
    """
    tables = BigTables(world)
    sizes = [size for size in _SIZES if size <= world.rows] or [world.rows]
    ended = subjects(0, 1)
    found: list[tuple[int, Line]] = []
    noise = 0.0
    for size in sizes:
        race = Race(_contestants(world, tables.grow(size), ended), _STEADY)
        found += [(size, line) for line in race.run(world.rounds).lines if line.name != _STEADY]
        noise = max(noise, race.noise)
    return Answer(_compared(found), f"× that at {sizes[0]:,} rows", noise=noise, rounds=world.rounds, is_course=True)


def _contestants(world: World, cookies: dict[Any, list[str]], ended: Any) -> list[Contestant]:
    staff = world.users[0]
    type(staff).objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
    OURS.enter()
    sessions.revoke_all(staff)  # or the list would be longer each time
    staff_cookie = signed_in(new_session(OURS.engine), staff)
    pages = min(_PAGES, world.size)
    others = world.users[1:] or world.users  # the staff's own list would grow by what they begin
    staff_cookies = [staff_cookie] * pages
    return [
        Contestant(_STEADY, _count_types, range(world.size), OURS),
        Contestant("look-up, ours", validate_ours, cookies[OURS], OURS),
        Contestant("look-up, Django `db`", lambda cookie: new_session(DB.engine, cookie).load(), cookies[DB], DB),
        Contestant("issue, ours", sessions.issue, others, OURS),
        Contestant("issue, Django `db`", lambda user: signed_in(new_session(DB.engine), user), others, DB),
        Contestant("revoke all of a subject, ours", sessions.revoke_all, ended, OURS, calls=pages),
        Contestant("a user's list of sessions, ours", wsgi(_ADMIN, "/account/sessions/"), staff_cookies, _ADMIN),
        Contestant("the admin's list, ours", wsgi(_ADMIN, _LIST), staff_cookies, _ADMIN),
    ]


def _count_types(_input: object) -> object:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT model FROM {ContentType._meta.db_table} WHERE id = 1")  # noqa: S608  # Django's own
        return cursor.fetchone()


def _compared(found: list[tuple[int, Line]]) -> list[Line]:
    """Return the ratio of each line to that of the same name with the fewest rows."""
    first: dict[str, float] = {}
    lines = []
    for size, line in found:
        unit = first.setdefault(line.name, line.ratio)
        scaled = {name: getattr(line, name) / unit for name in ("ratio", "low", "high")}
        lines.append(replace(line, **scaled, group=line.name, name=f"{size:,} rows"))
    return lines
