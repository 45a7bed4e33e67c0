"""What a request knows of its session, and what its response tells the browser and the caches."""

import uuid

import django
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.auth import login
from codlet_sessions.middleware import SessionMiddleware
from codlet_sessions.secrets import SessionSecret
from tests.browsers import COOKIE

pytestmark = pytest.mark.django_db(transaction=True)

DEAD_COOKIES = {
    "unknown": lambda: SessionSecret.generate().expose(),
    "malformed": lambda: "not a secret",
    "upper case": lambda: "A" * 64,
    "too long": lambda: "a" * 65,
    "an id": lambda: str(sessions.issue("device:42").id),
    "revoked": lambda: _revoked(sessions.issue("device:42")),
}


def _revoked(issued):
    sessions.revoke(issued.id)
    return issued.secret.expose()


def _signed_in(browser, subject="device:42"):
    browser.cookie = sessions.issue(subject).secret.expose()
    return browser


def test_a_valid_cookie_names_the_subject(browser):
    assert _signed_in(browser).who() == "device:42"


def test_without_a_cookie_the_session_is_none(browser):
    response = browser.get("who")
    assert response.json() == {"id": None, "subject": None}
    assert not response.cookies


def test_a_session_is_asked_for_once_however_often_it_is_read(browser):
    _signed_in(browser)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("who-twice").json()["subject"] == "device:42"
    assert len(queries) == 1


def test_a_request_that_does_not_ask_costs_no_query_and_varies_on_nothing(browser):
    _signed_in(browser)
    with CaptureQueriesContext(connection) as queries:
        response = browser.get("untouched")
    assert len(queries) == 0
    assert "Vary" not in response.headers


def test_a_response_that_used_the_session_varies_on_the_cookie(browser):
    assert _signed_in(browser).get("who").headers["Vary"] == "Cookie"
    assert browser.get("who").headers.get("Cache-Control") is None


@pytest.mark.parametrize("kind", DEAD_COOKIES)
def test_a_dead_cookie_is_nobody_and_is_cleared(browser, kind):
    browser.cookie = DEAD_COOKIES[kind]()
    response = browser.get("who")
    assert response.json()["subject"] is None
    cleared = response.cookies[COOKIE]
    assert (cleared.value, cleared["max-age"]) == ("", 0)
    assert (cleared["path"], cleared["samesite"]) == ("/", "Lax")
    assert response.headers["Vary"] == "Cookie"


def test_a_dead_cookie_nobody_asks_about_is_left_alone(browser):
    browser.cookie = "not a secret"
    assert not browser.get("untouched").cookies


@pytest.mark.parametrize("value", ["not a secret", "A" * 64, "a" * 63, "é" * 64, "0" * 63 + "\u0660"])
def test_a_malformed_cookie_costs_neither_query_nor_hmac(face, value, monkeypatch):
    monkeypatch.setattr("codlet_sessions.hashing._derive", None)
    with CaptureQueriesContext(connection) as queries:
        assert face.validate(value) is None
    assert len(queries) == 0


@override_settings(
    SESSION_COOKIE_PATH="/s/",
    SESSION_COOKIE_DOMAIN="example.org",
    SESSION_COOKIE_SAMESITE="Strict",
    SESSION_COOKIE_AGE=60,
)
def test_the_cookie_is_set_and_cleared_as_the_host_decided(browser):
    given = browser.get("sign-in/device:42").cookies[COOKIE]
    assert (given["path"], given["domain"], given["samesite"], given["max-age"]) == ("/s/", "example.org", "Strict", 60)
    cleared = browser.get("sign-out").cookies[COOKIE]
    assert (cleared["path"], cleared["domain"], cleared["samesite"]) == ("/s/", "example.org", "Strict")


def test_the_cookie_is_secure_and_http_only_and_its_response_is_not_stored(browser):
    response = browser.get("sign-in/device:42")
    cookie = response.cookies[COOKIE]
    assert cookie["secure"] is True
    assert cookie["httponly"] is True
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Vary"] == "Cookie"


@override_settings(SESSION_COOKIE_SECURE=False, SESSION_COOKIE_HTTPONLY=False)
def test_the_hosts_settings_cannot_take_secure_and_http_only_away(browser):
    cookie = browser.get("sign-in/device:42").cookies[COOKIE]
    assert (cookie["secure"], cookie["httponly"]) == (True, True)


def test_the_cookie_goes_when_the_browser_closes_if_the_host_says_so(browser):
    with override_settings(SESSION_EXPIRE_AT_BROWSER_CLOSE=True):
        assert browser.get("sign-in/device:42").cookies[COOKIE]["max-age"] == ""


def test_a_directive_of_the_view_stays_beside_no_store():
    response = HttpResponse(headers={"Cache-Control": "private"})
    sessions.issue("device:42").set_cookie(response)
    assert response.headers["Cache-Control"] == "private, no-store"


def test_the_cookie_leaves_the_requests_cookies_so_that_no_report_shows_it():
    secret = sessions.issue("device:42").secret.expose()
    request = RequestFactory().get("/", headers={"cookie": f"{COOKIE}={secret}; other=1"})
    SessionMiddleware(lambda request: HttpResponse()).process_request(request)
    assert request.COOKIES == {"other": "1"}
    assert request.codlet_session.subject == "device:42"


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_report_does_not_show_the_secret(client, settings, debug, mailoutbox):
    settings.DEBUG = debug
    settings.ADMINS = ["ada@example.org"] if django.VERSION >= (6, 0) else [("Ada", "ada@example.org")]
    client.raise_request_exception = False
    issued = sessions.issue("device:42")
    client.cookies[COOKIE] = secret = issued.secret.expose()
    page = client.get("/report/").content.decode()
    assert secret not in page
    assert debug is ("RuntimeError" in page)
    assert len(mailoutbox) == (not debug)
    assert all(secret not in str(message.message()) for message in mailoutbox)


def test_a_request_has_a_session_once_however_often_it_passes(issued):
    request = RequestFactory().get("/", headers={"cookie": f"{COOKIE}={issued.secret.expose()}"})
    middleware = SessionMiddleware(lambda request: HttpResponse())
    middleware.process_request(request)
    middleware.process_request(request)
    assert len(type(request).__mro__) == len(WSGIRequest.__mro__) + 2


def test_signing_in_without_our_middleware_says_what_is_missing(rf):
    with pytest.raises(ImproperlyConfigured, match="SessionMiddleware"):
        login(rf.get("/"), "device:42")


def test_a_session_id_in_the_cookie_opens_nothing(browser, issued):
    browser.cookie = issued.id.hex + uuid.uuid4().hex
    assert browser.who() is None
