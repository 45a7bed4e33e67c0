"""What it costs to begin a session, and to end one or all of a user."""

import os
from collections.abc import Callable, Iterator
from itertools import cycle, repeat
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session as DjangoSession
from django.db import connection
from django.db.models.sql import InsertQuery
from django.utils import timezone

from benchmarks.people import World, new_session, signed_in
from benchmarks.requests import wsgi
from benchmarks.rounds import Contestant, Race
from benchmarks.rows import A_MILLION, BigTables, subjects
from benchmarks.sites import CACHED_DB, DB, OURS, QSESSIONS, USER_SESSIONS, Site
from benchmarks.stores import raw_cursor
from codlet_sessions.api import sessions
from codlet_sessions.ids import uuid7
from codlet_sessions.models import Session

RAW_INSERT = "a raw `INSERT`, prepared"
RAW = "a raw `UPDATE` by the primary key, prepared"
RAW_UPDATE = "the same by the driver, prepared"
UPDATE = "an `UPDATE` by the indexed subject, Django's cursor"
DECODING = "Django `db`, every row decoded"
_UPDATE = (
    "UPDATE codlet_sessions_session SET revoked_at = CURRENT_TIMESTAMP, revoked_reason = 'requested', data = ''"
    " WHERE {} = {} AND revoked_at IS NULL AND expires_at > CURRENT_TIMESTAMP"
)


def issue(world: World) -> Race:
    """
    Write a new session of a user, each in a transaction of its own.

    The floor is the driver alone: one ``INSERT`` of the same columns into the same table.
    """
    contestants = [
        Contestant(RAW_INSERT, _raw_insert(world), _new_rows(world), OURS, calls=world.size, is_counted=False),
        Contestant("ours, `sessions.issue()`", sessions.issue, world.users, OURS),
        *(
            Contestant(f"{site.name}, `SessionStore.save()`", _saving(site), world.users, site)
            for site in (OURS, DB, CACHED_DB, USER_SESSIONS, QSESSIONS)
        ),
        Contestant("knox `AuthToken.objects.create()`", _knox, world.users, DB),
    ]
    return Race(contestants, RAW_INSERT)


def login(world: World) -> Race:
    """
    Sign a user in by Django's ``login()``, in a request that has no session yet, through the whole of Django.

    All of them also write the user's ``last_login``.
    """
    sites = (OURS, DB, CACHED_DB, USER_SESSIONS, QSESSIONS)
    keys = [user.pk for user in world.users]
    contestants = [Contestant(f"{site.name}, `login()`", _signing_in(site), keys, site) for site in sites]
    return Race(contestants, "Django `db`, `login()`")


def revoke(world: World) -> Race:
    """
    End one session.

    The floor is the driver alone: one ``UPDATE`` of a row by its primary key. Ours leaves the row, with the reason, for
    the audit; the others delete it.
    """
    often = world.size * (world.rounds + 2)
    users = [user for user, _ in zip(cycle(world.users), range(often), strict=False)]
    calls = world.size
    contestants = [
        Contestant(RAW, _raw_update(world), _ids(users), OURS, calls=calls, is_counted=False),
        Contestant("ours, `sessions.revoke()`", sessions.revoke, _ids(users), OURS, calls=calls),
        *(
            Contestant(f"{site.name}, `SessionStore.delete()`", _deleting(site), _saved(site, users), site, calls=calls)
            for site in (DB, CACHED_DB, USER_SESSIONS, QSESSIONS)
        ),
    ]
    return Race(contestants, RAW)


def everywhere(world: World) -> Race:
    """
    Sign a user out everywhere: end the ten sessions of one subject in a big table.

    Compared with one ``UPDATE`` by the indexed subject, through Django's cursor. Django's own table does not know whose
    a session is: every row has to be read and decoded.
    """
    tables = BigTables(world)
    rows = min(world.rows, A_MILLION)
    tables.grow(rows)
    calls = max(min(world.size, tables.subjects // (3 * (world.rounds + 3)) - 1), 1)
    contestants = [
        Contestant(UPDATE, _update_by_django, subjects(0, 3), OURS, calls=calls),
        Contestant(RAW_UPDATE, _raw_updates(world), subjects(1, 3), OURS, calls, is_counted=False),
        Contestant("ours, `sessions.revoke_all()`", sessions.revoke_all, subjects(2, 3), OURS, calls),
        Contestant(DECODING, _decoding, repeat(world.users[0]), DB, calls=1, most_rounds=2, is_counted=False),
    ]
    return Race(contestants, UPDATE, each=f"{calls} calls, {rows:,} sessions in each table")


def _raw_insert(world: World) -> Callable[[list[Any]], object]:
    signed_in(new_session(OURS.engine), world.users[0])
    sql, cursor = _insertion(Session.objects.get())[0], raw_cursor(world)
    sql = sql.replace("%s", "?") if connection.vendor == "sqlite" else sql
    more = {"prepare": True} if connection.vendor == "postgresql" else {}
    return lambda values: cursor.execute(sql, values, **more)


def _new_rows(world: World) -> Iterator[list[Any]]:
    """Yield the values of rows that are ready for the driver; made in advance, because that is not its work."""
    row = Session.objects.get()
    made = []
    for _ in range((world.rounds + 1) * (world.size + 1)):
        row.pk, row.lookup_key = uuid7(), os.urandom(32).hex()
        made.append(list(_insertion(row)[1]))
    return iter(made)


def _insertion(row: Session) -> tuple[str, Any]:
    query: Any = InsertQuery(Session)
    query.insert_values(Session._meta.concrete_fields, [row])
    (statement,) = query.get_compiler(connection=connection).as_sql()
    return statement


def _saving(site: Site) -> Callable[[Any], object]:
    return lambda user: signed_in(new_session(site.engine), user)


def _knox(user: Any) -> object:
    from knox.models import AuthToken

    return AuthToken.objects.create(user)


def _signing_in(site: Site) -> Callable[[int], object]:
    ask = wsgi(site, "/login/{}/")
    return lambda pk: ask("", pk)


def _raw_update(world: World) -> Callable[[Any], object]:
    return _updating(world, "id", lambda session_id: Session._meta.pk.get_db_prep_value(session_id, connection))


def _raw_updates(world: World) -> Callable[[Any], object]:
    return _updating(world, "subject", lambda subject: subject)


def _updating(world: World, column: str, prepared: Callable[[Any], Any]) -> Callable[[Any], object]:
    mark = "?" if connection.vendor == "sqlite" else "%s"
    sql = _UPDATE.format(column, mark)
    more = {"prepare": True} if connection.vendor == "postgresql" else {}
    cursor = raw_cursor(world)
    return lambda value: cursor.execute(sql, (prepared(value),), **more)


def _update_by_django(subject: str) -> object:
    with connection.cursor() as cursor:
        return cursor.execute(_UPDATE.format("subject", "%s"), (subject,))


def _ids(users: list[Any]) -> Iterator[Any]:
    OURS.enter()
    return iter([sessions.issue(user).id for user in users])


def _saved(site: Site, users: list[Any]) -> Iterator[Any]:
    site.enter()
    return iter([signed_in(new_session(site.engine), user) for user in users])


def _deleting(site: Site) -> Callable[[str], object]:
    return lambda cookie: new_session(site.engine).delete(cookie)


def _decoding(user: Any) -> int:
    """Do what signs a user out everywhere with Django's engine: find their sessions by reading all of them."""
    rows = DjangoSession.objects.filter(expire_date__gt=timezone.now()).iterator()
    theirs = [row.pk for row in rows if row.get_decoded().get(SESSION_KEY) == str(user.pk)]
    return DjangoSession.objects.filter(pk__in=theirs[:500]).delete()[0]
