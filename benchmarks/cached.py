"""What a cache in front of the table is worth."""

from django.conf import settings

from benchmarks.people import NotHere, World
from benchmarks.requests import FLOOR, wsgi
from benchmarks.rounds import Contestant, Race
from benchmarks.sites import CACHED_DB, NOTHING, OURS, OURS_CACHED, has_cached_engine


def cached(world: World) -> Race:
    """
    Answer a request whose session is in Redis: what sessions add to it, against what Django's ``cached_db`` adds.

    The time of a request on a site without any session middleware is taken off everybody's.
    """
    if not has_cached_engine():
        raise NotHere(f"there is no {OURS_CACHED.engine}.")
    if "redis" not in settings.CACHES["default"]["BACKEND"]:
        raise NotHere("CACHE_URL names no Redis.")
    djangos = world.cookies(CACHED_DB)
    contestants = [
        Contestant(FLOOR, wsgi(NOTHING, "/nothing/"), world.ours, NOTHING),
        Contestant("ours, cached, `request.codlet_session`", wsgi(OURS_CACHED, "/subject/"), world.ours, OURS_CACHED),
        Contestant("ours, cached, `request.user`", wsgi(OURS_CACHED, "/user/"), world.ours, OURS_CACHED),
        Contestant("ours, not cached, `request.codlet_session`", wsgi(OURS, "/subject/"), world.ours, OURS),
        Contestant("ours, not cached, `request.user`", wsgi(OURS, "/user/"), world.ours, OURS),
        Contestant("Django `cached_db`, `request.session`", wsgi(CACHED_DB, "/data/"), djangos, CACHED_DB),
        Contestant("Django `cached_db`, `request.user`", wsgi(CACHED_DB, "/user/"), djangos, CACHED_DB),
    ]
    return Race(contestants, "Django `cached_db`, `request.user`", floor=FLOOR)
