"""Channels: a WebSocket knows the session of the cookie that it was opened with."""

import json
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from example_project.visitor import Visitor
from tests.neighbours.visits import revoke_newest, signed_in
from tests.servers import run_code

AS_SOMEBODY = ["ws/notes/", "ws/async-notes/"]
SOCKETS = [*AS_SOMEBODY, "ws/session-alone/"]
NOBODY = {"user": "", "note": None}


@contextmanager
def socket(server, path, cookie):
    """A socket that a browser with this cookie has opened: it takes a message and returns the answer."""
    address = server.address.replace("http:", "ws:") + path
    with connect(address, additional_headers={"Cookie": f"sessionid={cookie}"}, proxy=None) as connection:

        def ask(**message):
            connection.send(json.dumps(message))
            return json.loads(connection.recv(timeout=20))

        yield ask


@pytest.fixture
def grace(asgi_server):
    return signed_in(asgi_server)


@pytest.fixture
def cookie(grace):
    return grace.cookies["sessionid"]


@pytest.mark.parametrize("path", AS_SOMEBODY)
def test_a_socket_knows_who_signed_in_over_http(asgi_server, path, cookie):
    with socket(asgi_server, path, cookie) as ask:
        assert ask() == {"user": "grace", "note": None}


@pytest.mark.parametrize("path", AS_SOMEBODY)
def test_a_socket_with_a_cookie_that_opens_nothing_is_nobody_s(asgi_server, path):
    with socket(asgi_server, path, "0" * 64) as ask:
        assert ask() == NOBODY


@pytest.mark.parametrize("path", SOCKETS)
def test_what_a_socket_saves_is_in_the_next_request(asgi_server, path, cookie, grace):
    with socket(asgi_server, path, cookie) as ask:
        ask(note="buy milk")
    assert "grace has noted: buy milk." in grace.get("/notes/").text


@pytest.mark.parametrize("path", SOCKETS)
def test_what_a_request_saved_is_in_the_next_socket(asgi_server, path, cookie, grace):
    grace.submit(grace.get("/notes/"), "note", note="buy milk")
    with socket(asgi_server, path, cookie) as ask:
        assert ask()["note"] == "buy milk"


def test_a_revoked_session_opens_no_socket_and_an_open_one_cannot_bring_it_back(asgi_server, cookie, site):
    opened = [socket(asgi_server, path, cookie) for path in AS_SOMEBODY]
    with opened[0] as ask, opened[1] as ask_async:
        assert ask()["user"] == ask_async()["user"] == "grace"
        revoke_newest(site)
        with pytest.raises(ConnectionClosed):
            ask(note="buy milk")
        with pytest.raises(ConnectionClosed):
            ask_async(note="buy milk")
    for path in AS_SOMEBODY:
        with socket(asgi_server, path, cookie) as ask:
            assert ask() == NOBODY


SIGN_IN_AS_BEFORE = """
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
request = HttpRequest()
request.session = SessionStore()
request.session["note"] = "from before"
login(request, User.objects.get(username="grace"), "django.contrib.auth.backends.ModelBackend")
request.session.save()
print(request.session.session_key)
"""
KEYS_BEFORE = """
from django.contrib.sessions.models import Session
print(*Session.objects.values_list("session_key", flat=True))
"""


def test_a_session_of_django_s_engine_is_known_to_a_socket_and_taken_over_by_the_next_request(asgi_server, site):
    cookie = run_code(site, SIGN_IN_AS_BEFORE).strip()
    for path in AS_SOMEBODY:
        with socket(asgi_server, path, cookie) as ask:
            assert ask() == {"user": "grace", "note": "from before"}
    assert cookie in run_code(site, KEYS_BEFORE)
    grace = Visitor(asgi_server.address)
    page = grace.get("/notes/", cookie=f"sessionid={cookie}")
    assert "grace has noted: from before." in page.text
    assert cookie not in run_code(site, KEYS_BEFORE)
    assert grace.cookies["sessionid"] != cookie
    assert "grace has noted: from before." in grace.get("/notes/").text
