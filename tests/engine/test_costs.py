"""What a request costs, counted: SQL statements and thread hops, exactly."""

import asyncio

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.test.utils import CaptureQueriesContext

from codlet_sessions.backends.db import SessionStore
from codlet_sessions.hashing import SecretHasher
from tests.engine.conftest import COOKIE
from tests.test_thread_hops import counted_hops

SELECT_SESSION = ("SELECT", "codlet_sessions_session")
SELECT_USER = ("SELECT", "auth_user")
INSERT_SESSION = ("INSERT", "codlet_sessions_session")
UPDATE_SESSION = ("UPDATE", "codlet_sessions_session")
RETIRE_KEY = ("INSERT", "codlet_sessions_retiredkey")
LOOK_FOR_RETIRED = ("SELECT", "codlet_sessions_retiredkey")
LAST_LOGIN = ("UPDATE", "auth_user")

COSTS = {
    ("nobody", "untouched"): [],
    ("nobody", "both"): [],
    ("nobody", "user"): [],
    ("nobody", "remember/red"): [INSERT_SESSION],
    ("nobody", "enter/ada"): [SELECT_USER, LAST_LOGIN, INSERT_SESSION],
    ("visitor", "untouched"): [],
    ("visitor", "both"): [SELECT_SESSION],
    ("visitor", "remember/red"): [SELECT_SESSION, UPDATE_SESSION],
    ("visitor", "enter/ada"): [SELECT_USER, SELECT_SESSION, UPDATE_SESSION, RETIRE_KEY, LAST_LOGIN, UPDATE_SESSION],
    ("ada", "untouched"): [],
    ("ada", "both"): [SELECT_SESSION],
    ("ada", "user"): [SELECT_SESSION],
    ("ada", "remember/red"): [SELECT_SESSION, UPDATE_SESSION],
    ("ada", "leave"): [SELECT_SESSION, UPDATE_SESSION],
    ("malformed", "both"): [],
    ("unknown", "both"): [SELECT_SESSION, LOOK_FOR_RETIRED],
}


@pytest.fixture
def cookies(ada):
    visitor, signed_in = SessionStore(), SessionStore()
    visitor["value"] = signed_in["value"] = "blue"
    signed_in["_auth_user_id"] = str(ada.pk)
    signed_in["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    signed_in["_auth_user_hash"] = ada.get_session_auth_hash()
    visitor.save(), signed_in.save()
    return {
        "nobody": None,
        "visitor": visitor.session_key,
        "ada": signed_in.session_key,
        "malformed": "malformed",
        "unknown": "0" * 64,
    }


def described(sql):
    words = sql.replace('"', " ").replace("`", " ").split()
    tables = {"SELECT": "FROM", "INSERT": "INTO", "UPDATE": "UPDATE"}
    return words[0], words[words.index(tables[words[0]]) + 1].partition(".")[0]


@pytest.mark.parametrize(("who", "page"), COSTS, ids=lambda value: value)
def test_every_request_costs_these_statements_and_no_other(browser, cookies, who, page):
    if cookies[who] is not None:
        browser.cookie = cookies[who]
    with CaptureQueriesContext(connections["default"]) as queries:
        browser.get(page)
    assert [described(query["sql"]) for query in queries] == COSTS[who, page]


SEALS = {
    "untouched": 0,
    "both": 1,  # of the row that was read
    "user": 1,
    "remember/red": 2,  # of the row that was read, and of what is written
    "leave": 1,
    "enter/ada": 3,  # a new secret, and what is written under it
}


@pytest.mark.parametrize("page", SEALS)
def test_a_row_is_checked_once_and_sealed_once_for_each_write(browser, cookies, monkeypatch, page):
    seals = []
    seal = SecretHasher.seal
    monkeypatch.setattr(SecretHasher, "seal", lambda self, *what: seals.append(what) or seal(self, *what))
    browser.cookie = cookies["ada" if page == "leave" else "visitor"]
    browser.get(page)
    assert len(seals) == SEALS[page]


@pytest.mark.parametrize(("who", "page"), COSTS, ids=lambda value: value)
def test_under_asgi_each_statement_but_the_look_up_costs_one_hop_and_nothing_else_does(
    cookies, monkeypatch, settings, who, page
):
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "messages" not in path]  # they need a session
    ours = ASGIHandler()
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if not path.startswith("codlet_sessions.")]
    nobodys = ASGIHandler()
    with counted_hops(monkeypatch) as floor:
        asyncio.run(ask(nobodys, "untouched", None))
    with counted_hops(monkeypatch) as hops:
        asyncio.run(ask(ours, page, cookies[who]))
    assert len(hops) - len(floor) == len([cost for cost in COSTS[who, page] if cost != SELECT_SESSION])


async def ask(application, page, cookie):
    headers = [] if cookie is None else [(b"cookie", f"{COOKIE}={cookie}".encode())]
    scope = {"type": "http", "method": "GET", "path": f"/a/{page}/", "query_string": b"", "headers": headers}
    communicator = ApplicationCommunicator(application, {**scope, "http_version": "1.1", "server": ("test", 80)})
    await communicator.send_input({"type": "http.request"})
    start = await communicator.receive_output(10)
    assert start["status"] == 200
    await communicator.receive_output(10)
    await communicator.wait(10)
