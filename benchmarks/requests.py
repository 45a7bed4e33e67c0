"""What a request costs under WSGI, through the whole of Django: its handler, its middleware, a view."""

from collections.abc import Callable

from django.test import RequestFactory

from benchmarks.people import ADDRESS, AGENT, World
from benchmarks.rounds import Contestant, Race
from benchmarks.sites import (
    CACHED_DB,
    DB,
    NOTHING,
    OURS,
    OURS_CACHED,
    QSESSIONS,
    SIGNED,
    USER_SESSIONS,
    Site,
    has_cached_engine,
)

FLOOR = "no session middleware at all"


def request(world: World) -> Race:
    """
    Answer a request that reads ``request.user``: what sessions add to it, against what Django's add.

    The time of a request on a site without any session middleware is taken off everybody's.
    """
    contestants = [
        Contestant(FLOOR, wsgi(NOTHING, "/nothing/"), world.ours, NOTHING),
        Contestant("ours, nobody asks", wsgi(OURS, "/nothing/"), world.ours, OURS),
        Contestant("ours, `request.codlet_session`", wsgi(OURS, "/subject/"), world.ours, OURS),
        Contestant("ours, `request.user`", wsgi(OURS, "/user/"), world.ours, OURS),
        Contestant("Django `db`, nobody asks", wsgi(DB, "/nothing/"), world.cookies(DB), DB),
        Contestant("Django `db`, `request.session`", wsgi(DB, "/data/"), world.cookies(DB), DB),
        *(_reading_the_user(world, site) for site in (DB, CACHED_DB, SIGNED, USER_SESSIONS, QSESSIONS)),
    ]
    if has_cached_engine():
        contestants.append(
            Contestant("ours, cached, `request.user`", wsgi(OURS_CACHED, "/user/"), world.ours, OURS_CACHED)
        )
    return Race(contestants, "Django `db`, `request.user`", floor=FLOOR)


def wsgi(site: Site, path: str) -> Callable[..., object]:
    """Return what asks ``site`` for ``path`` with a cookie, and with what stands in the path, if anything does."""
    handler = site.wsgi()
    browser = RequestFactory(headers={"user-agent": AGENT})

    def ask(cookie: str, *parts: object) -> object:
        response = handler.get_response(
            browser.get(path.format(*parts), headers={"cookie": f"sessionid={cookie}"}, REMOTE_ADDR=ADDRESS)
        )
        if response.status_code != 200:
            raise RuntimeError(f"{site.name}: {path} answered {response.status_code}.")
        response.close()
        return response

    return ask


def _reading_the_user(world: World, site: Site) -> Contestant:
    return Contestant(f"{site.name}, `request.user`", wsgi(site, "/user/"), world.cookies(site), site)
