"""What the stores cost by themselves: a cookie goes in, a session comes out."""

from collections.abc import Callable
from typing import Any, cast

from django.db import connection

from benchmarks import pinning
from benchmarks.copies import among_copies
from benchmarks.people import World, new_session
from benchmarks.rounds import Contestant, Race
from benchmarks.sites import (
    CACHE,
    CACHED_DB,
    DB,
    OURS,
    OURS_CACHED,
    PREPARED,
    QSESSIONS,
    SIGNED,
    USER_SESSIONS,
    Site,
    has_cached_engine,
)
from codlet_sessions.api import sessions

RAW = "a raw `SELECT`, prepared"
SELECT = "SELECT id, subject, expires_at FROM codlet_sessions_session WHERE lookup_key = {}"


def validate(world: World) -> Race:
    """
    Open a session by its cookie, and nothing else.

    The floor is the driver alone: one prepared ``SELECT`` of three columns by the lookup key.
    """
    keys = [sessions.hasher.lookup_key(cookie)[0] for cookie in world.ours]
    contestants = [
        Contestant(RAW, raw_select(world), keys, OURS, is_counted=False),
        Contestant("the same `SELECT`, Django's cursor", _select_by_django, keys, OURS),
        Contestant("ours, `store.find_active_session()`", _find_ours, world.ours, OURS),
        Contestant("ours, `sessions.validate()`", validate_ours, world.ours, OURS),
        Contestant("ours, `SessionStore.load()`", _load(OURS), world.ours, OURS),
        *(_loading(world, site) for site in (DB, CACHED_DB, CACHE, SIGNED, USER_SESSIONS, QSESSIONS)),
        Contestant("knox `authenticate_credentials()`", _knox(), _tokens(world), DB),
    ]
    if connection.vendor == "postgresql":
        prepared = OURS.using(**PREPARED)
        contestants += [
            Contestant("ours, `store.find_active_session()`, where psycopg prepares", _find_ours, world.ours, prepared),
            Contestant("ours, `sessions.validate()`, where psycopg prepares", validate_ours, world.ours, prepared),
            Contestant("Django `db`, where psycopg prepares", _load(DB), world.cookies(DB), DB.using(**PREPARED)),
        ]
    if has_cached_engine():
        contestants.append(
            Contestant("ours, cached, `SessionStore.load()`", _load(OURS_CACHED), world.ours, OURS_CACHED)
        )
    return Race(contestants, RAW)


def _find_ours(cookie: str) -> object:
    """Ask the store alone, and with what its contract asks for: nobody looks at the user or at the seal."""
    return sessions.store.find_active_session(sessions.hasher.candidates(cookie), sessions.clock())


def validate_ours(cookie: str) -> object:
    """Validate by the manager of the site that is entered at this moment."""
    return sessions.validate(cookie)


def raw_select(world: World) -> Callable[[str], object]:
    """Return what looks a lookup key up by nothing but the driver, prepared where it can be."""
    OURS.enter()
    mark, more = ("?", {}) if connection.vendor == "sqlite" else ("%s", {})
    if connection.vendor == "postgresql":
        more = {"prepare": True}
    sql = SELECT.format(mark)
    cursor: Any = raw_cursor(world)

    def select(lookup_key: str) -> object:
        cursor.execute(sql, (bytes.fromhex(lookup_key),), **more)
        return cursor.fetchone()

    return select


def _select_by_django(lookup_key: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(SELECT.format("%s"), (cast(Any, connection).Database.Binary(bytes.fromhex(lookup_key)),))
        return cursor.fetchone()


def raw_cursor(world: World) -> Any:
    """Return a cursor of nothing but the driver, on a connection that commits by itself."""
    if connection.vendor == "postgresql":  # Django's own has preparing turned off
        import psycopg

        driver = world.stack.enter_context(psycopg.connect(**raw_parameters(), autocommit=True))
        pinning.pin_backend(driver)
        return driver.cursor()
    connection.ensure_connection()
    return connection.connection.cursor()


def raw_parameters() -> dict[str, Any]:
    """Return what tells PostgreSQL's driver where the database is, and nothing else."""
    parameters = connection.get_connection_params()
    return {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if name in parameters}


def _loading(world: World, site: Site) -> Contestant:
    return Contestant(site.name, _load(site), world.cookies(site), site)


def _load(site: Site) -> Callable[[str], object]:
    return lambda cookie: new_session(site.engine, cookie).load()


def _tokens(world: World) -> list[bytes]:
    from knox.models import AuthToken

    def issue(user: Any) -> bytes:
        return AuthToken.objects.create(user)[1].encode()

    return among_copies(AuthToken, world.others, issue, world.users, world.others)


def _knox() -> Callable[[bytes], object]:
    from knox.auth import TokenAuthentication

    return TokenAuthentication().authenticate_credentials
