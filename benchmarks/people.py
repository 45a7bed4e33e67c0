"""Users with a session in each engine, and the cookies that open them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from random import sample
from typing import Any

from django.apps import apps
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model

from benchmarks.copies import among_copies
from benchmarks.sites import OURS, Site

A_SITE = 100_000
"""Users, and sessions in each table: as many as a busy site has, and no cache of a connection's holds."""
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ADDRESS = "127.0.0.1"
_NOBODY_KNOWS = "!"


class NotHere(Exception):
    """A question has no answer here. The message says why."""


@dataclass
class World:
    """
    What a question is asked in: an empty database, and what is to be put into it.

    Attributes:
        size: How many users take part, each with a session in an engine as soon as somebody asks for its cookies; and
            how many calls a round has. They are among as many as `A_SITE`, if ``rows`` are no fewer.
        rounds: How many rounds there will be.
        rows: How many rows the tables of big questions have.
        seconds: How long a round of requests over HTTP lasts.
        stack: What has to be undone when the question has been answered.

    """

    size: int
    rounds: int
    rows: int
    seconds: float
    stack: ExitStack = field(default_factory=ExitStack)
    _cookies: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def users(self) -> list[Any]:
        """The users who take part."""
        model = get_user_model()
        names = range(max(self.size, self.others))
        everybody = [model(username=f"user-{i}", password=f"{_NOBODY_KNOWS}{i}") for i in names]
        model.objects.bulk_create(everybody, batch_size=5_000)
        taking_part = sample(list(model.objects.values_list("pk", flat=True)), self.size)
        return list(model.objects.filter(pk__in=taking_part).order_by("?"))

    def cookies(self, site: Site) -> list[str]:
        """Return the cookies of a session of each user in the engine of ``site``."""
        if site.engine not in self._cookies:
            self._cookies[site.engine] = self.sign_in(site, self.others, self.others)
        return self._cookies[site.engine]

    def sign_in(self, site: Site, rows: int, subjects: int) -> list[str]:
        """Return the cookie of a new session of each user: in a table, one among ``rows`` of that many ``subjects``."""

        def sign_in(user: Any) -> str:
            return signed_in(new_session(site.engine), user)

        site.enter()
        if not site.table:
            return [sign_in(user) for user in self.users]
        return among_copies(apps.get_model(site.table), rows, sign_in, self.users, subjects)

    @property
    def others(self) -> int:
        """How many users there are, and rows in each table, if those who take part are not more."""
        return min(self.rows, A_SITE)

    @property
    def ours(self) -> list[str]:
        """The cookies of our sessions, which our cached engine opens, too."""
        return self.cookies(OURS)


def new_session(engine: str, cookie: str | None = None) -> Any:
    """Return a session of ``engine``: a new one, or that of a cookie."""
    store = import_module(engine).SessionStore
    if engine.startswith(("user_sessions", "qsessions")):
        return store(cookie, user_agent=AGENT, ip=ADDRESS)
    return store(cookie)


def signed_in(session: Any, user: Any) -> str:
    """Save a new session of ``user`` with what Django's ``login()`` writes into it, and return its cookie."""
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = MODEL_BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def spread(values: Sequence[Any], parts: int) -> list[Sequence[Any]]:
    """Deal ``values`` out to so many, so that nobody gets what another one has used up."""
    return [values[part::parts] for part in range(parts)]
