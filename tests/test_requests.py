"""What a request knows of its session, and what its response tells the browser and the caches."""

import asyncio
import uuid

import django
import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http import HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.auth import login
from codlet_sessions.middleware import SessionMiddleware
from codlet_sessions.requests import SessionRequest
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


def test_a_key_that_was_renamed_and_got_its_name_back_has_cost_nobody_their_session(browser):
    _signed_in(browser)
    keys = {"renamed" if version == "2026-11" else version: key for version, key in sessions.hasher.key_ring.items()}
    with override_settings(CODLET_SESSIONS={"KEYS": keys}):
        response = browser.get("who")
    assert response.json()["subject"] is None
    assert COOKIE not in response.cookies
    assert browser.who() == "device:42"


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
    assert response.headers["Cache-Control"] == "no-store, private"
    assert response.headers["Vary"] == "Cookie"


@override_settings(SESSION_COOKIE_SECURE=False, SESSION_COOKIE_HTTPONLY=False)
def test_the_hosts_settings_cannot_take_secure_and_http_only_away(browser):
    cookie = browser.get("sign-in/device:42").cookies[COOKIE]
    assert (cookie["secure"], cookie["httponly"]) == (True, True)


def test_the_cookie_goes_when_the_browser_closes_if_the_host_says_so(browser):
    with override_settings(SESSION_EXPIRE_AT_BROWSER_CLOSE=True):
        assert browser.get("sign-in/device:42").cookies[COOKIE]["max-age"] == ""


def test_a_directive_of_the_view_stays_beside_no_store():
    response = HttpResponse(headers={"Cache-Control": "max-age=60"})
    sessions.issue("device:42").set_cookie(response)
    assert response.headers["Cache-Control"] == "max-age=60, no-store, private"


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


def test_an_error_report_of_a_request_that_never_reached_us_does_not_show_the_secret(client, settings, mailoutbox):
    settings.ADMINS = ["ada@example.org"] if django.VERSION >= (6, 0) else [("Ada", "ada@example.org")]
    settings.MIDDLEWARE = ["tests.site.middleware.Fails", *settings.MIDDLEWARE]
    client.raise_request_exception = False
    client.cookies[COOKIE] = client.cookies["sessionid"] = secret = sessions.issue("device:42").secret.expose()
    client.get("/s/who/")
    settings.DEBUG = True
    page = client.get("/s/who/").content.decode()
    report = str(mailoutbox[0].message())
    assert "a bug of the host" in page
    assert "codlet_session" in page
    assert secret not in page
    assert secret not in report


def test_a_request_is_what_it_was_and_a_session_request_besides(issued):
    request = RequestFactory().get("/")
    SessionMiddleware(lambda request: HttpResponse()).process_request(request)
    assert isinstance(request, SessionRequest)
    assert isinstance(request, WSGIRequest)
    assert repr(request) == "<WSGIRequest: GET '/'>"


def test_a_middleware_that_is_there_twice_answers_once(settings, browser):
    settings.MIDDLEWARE = ["codlet_sessions.middleware.SessionMiddleware", *settings.MIDDLEWARE]
    assert browser.get("sign-in/device:42").status_code == 200
    assert browser.who() == "device:42"


def test_two_tasks_of_one_request_share_one_query(issued):
    browser = AsyncRequestFactory()
    browser.cookies[COOKIE] = issued.secret.expose()
    request = browser.get("/")
    SessionMiddleware(lambda request: HttpResponse()).process_request(request)

    async def both():
        return await asyncio.gather(request.acodlet_session(), request.acodlet_session())

    with CaptureQueriesContext(connection) as queries:
        one, other = async_to_sync(both)()
    assert one is other is not None
    assert len(queries) == 1


@pytest.mark.parametrize("page", ["sign-in-and-raise/device:43", "sign-out-and-raise"])
def test_a_view_that_raised_changes_no_cookie(browser, page):
    _signed_in(browser)
    response = browser.get(page)
    assert response.status_code == 404
    assert COOKIE not in response.cookies


def test_a_sign_in_that_is_rolled_back_leaves_the_session_before(client, settings):
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        client.cookies[COOKIE] = secret = sessions.issue("device:42").secret.expose()
        assert client.get("/s/sign-in-and-raise/device:43/").status_code == 404
        assert client.cookies[COOKIE].value == secret
        assert client.get("/s/who/").json()["subject"] == "device:42"
    finally:
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = connection.settings_dict["ATOMIC_REQUESTS"] = False


def test_a_view_that_deletes_djangos_session_harms_nobody(browser):
    assert browser.get("forsake").content == b"gone"


def test_pages_that_used_the_session_are_cached_for_one_visitor_only(client, settings):
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "pages"}}
    given = set()
    for number in range(2):
        visitor = Client()
        visitor.cookies["lang"] = "en"
        given.add(visitor.get("/s/sign-in/device:42/").cookies[COOKIE].value)
        assert visitor.get("/s/who/").json()["subject"] == "device:42", number
    assert len(given) == 2
    assert Client().get("/s/who/").json()["subject"] is None


def test_signing_in_without_our_middleware_says_what_is_missing(rf):
    with pytest.raises(ImproperlyConfigured, match="SessionMiddleware"):
        login(rf.get("/"), "device:42")


def test_a_session_id_in_the_cookie_opens_nothing(browser, issued):
    browser.cookie = issued.id.hex + uuid.uuid4().hex
    assert browser.who() is None
