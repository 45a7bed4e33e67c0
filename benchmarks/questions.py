"""What is asked, and who competes."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import RequestFactory, override_settings

from benchmarks.people import cookies_of, make_users
from benchmarks.rounds import Contestant
from codlet_sessions.api import sessions

OURS = "codlet_sessions.backends.db"
DJANGOS = "django.contrib.sessions.backends"
STOCK = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
MIDDLEWARE = ["codlet_sessions.middleware.SessionMiddleware", "codlet_sessions.middleware.AuthenticationMiddleware"]

Question = Callable[[int], tuple[list[Contestant], str]]


def validate(size: int) -> tuple[list[Contestant], str]:
    """Open a session by its cookie, and nothing else: what the store costs."""
    users = make_users(size)
    ours, djangos = cookies_of(users, OURS), cookies_of(users, f"{DJANGOS}.db")
    return [
        Contestant("raw `SELECT` by the driver", _raw_select(), [_lookup_key(cookie) for cookie in ours]),
        Contestant("ours, `sessions.validate()`", sessions.validate, ours),
        Contestant("ours, `SessionStore.load()`", _load(OURS), ours),
        Contestant("Django `db`", _load(f"{DJANGOS}.db"), djangos),
        *(
            Contestant(f"Django `{name}`", _load(f"{DJANGOS}.{name}"), cookies_of(users, f"{DJANGOS}.{name}"))
            for name in ("cached_db", "signed_cookies")
        ),
    ], "Django `db`"


def request(size: int) -> tuple[list[Contestant], str]:
    """Answer a request that reads ``request.user``, through the whole of Django under WSGI."""
    users = make_users(size)
    ours, djangos = cookies_of(users, OURS), cookies_of(users, f"{DJANGOS}.db")
    return [
        Contestant("no session middleware at all", _handler(None, [], "/nothing/"), djangos),
        Contestant("ours, nobody asks", _handler(OURS, MIDDLEWARE, "/nothing/"), ours),
        Contestant("ours, `request.user`", _handler(OURS, MIDDLEWARE, "/user/"), ours),
        Contestant("Django `db`, `request.user`", _handler(f"{DJANGOS}.db", STOCK, "/user/"), djangos),
        Contestant(
            "Django `cached_db`, `request.user`",
            _handler(f"{DJANGOS}.cached_db", STOCK, "/user/"),
            cookies_of(users, f"{DJANGOS}.cached_db"),
        ),
    ], "Django `db`, `request.user`"


QUESTIONS: dict[str, Question] = {"validate": validate, "request": request}


def _lookup_key(cookie: str) -> str:
    return sessions.hasher.lookup_key(cookie)[0]


def _load(engine: str) -> Callable[[str], object]:
    store = import_module(engine).SessionStore
    return lambda cookie: store(cookie).load()


def _raw_select() -> Callable[[str], object]:
    connection.ensure_connection()
    mark = "?" if connection.vendor == "sqlite" else "%s"
    table = connection.ops.quote_name("codlet_sessions_session")
    sql = f"SELECT id, subject, expires_at FROM {table} WHERE lookup_key = {mark}"  # noqa: S608  # no part is anybody's

    def select(lookup_key: str) -> object:
        cursor: Any = connection.connection.cursor()
        cursor.execute(sql, (bytes.fromhex(lookup_key),))
        row = cursor.fetchone()
        cursor.close()
        return row

    return select


def _handler(engine: str | None, middleware: list[str], path: str) -> Callable[[str], object]:
    # Middleware looks its engine up when it is made.
    with override_settings(MIDDLEWARE=middleware, **({} if engine is None else {"SESSION_ENGINE": engine})):
        handler = WSGIHandler()
    browser = RequestFactory()

    def ask(cookie: str) -> object:
        response = handler.get_response(browser.get(path, headers={"cookie": f"sessionid={cookie}"}))
        response.close()
        return response

    return ask
