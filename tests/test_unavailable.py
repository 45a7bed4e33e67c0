"""When the store or the keys do not answer: a 503 that leaves the cookie alone, never "you are nobody"."""

import logging

import pytest
from django.http import HttpResponse
from django.test import override_settings

from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreUnavailable
from codlet_sessions.middleware import SessionMiddleware
from tests.browsers import COOKIE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def signed_in(browser):
    browser.cookie = sessions.issue("device:42").secret.expose()
    return browser


def test_a_database_that_is_down_is_a_503_and_the_cookie_stays(signed_in, database_down, caplog):
    response = signed_in.get("who")
    assert response.status_code == 503
    assert "You have not been signed out" in response.content.decode()
    assert (response.headers["Retry-After"], response.headers["Cache-Control"]) == ("30", "no-store")
    assert COOKIE not in response.cookies
    assert "manage.py migrate codlet_sessions" in caplog.text


def test_a_vault_that_is_down_is_a_503_and_the_cookie_stays(signed_in):
    def vault():
        raise TimeoutError("the vault is sealed")

    signed_in.get("who")
    with override_settings(CODLET_SESSIONS={"KEYS": vault}):
        response = signed_in.get("who")
    assert response.status_code == 503
    assert COOKIE not in response.cookies
    assert signed_in.who() == "device:42"


def test_signing_in_while_the_database_is_down_is_a_503(browser, database_down):
    response = browser.get("sign-in/device:42")
    assert response.status_code == 503
    assert COOKIE not in response.cookies


def test_a_page_that_does_not_ask_is_served_while_the_database_is_down(signed_in, database_down):
    assert signed_in.get("untouched").status_code == 200


def test_a_middleware_that_asks_while_the_database_is_down_makes_a_503_too(signed_in, settings, request, caplog):
    caplog.set_level(logging.CRITICAL, logger="django.request")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.site.middleware.AsksForTheSession"]
    signed_in.client.handler._middleware_chain = None
    request.getfixturevalue("database_down")
    response = signed_in.get("untouched")
    assert response.status_code == 503
    assert COOKIE not in response.cookies


def test_a_store_that_failed_is_not_asked_again_in_the_same_request(database_down, rf, monkeypatch):
    request = rf.get("/", headers={"cookie": f"{COOKIE}={'a' * 64}"})
    SessionMiddleware(lambda request: HttpResponse()).process_request(request)
    errors = []
    for _ in range(2):
        with pytest.raises(StoreUnavailable) as caught:
            request.codlet_session  # noqa: B018
        errors.append(caught.value)
    assert errors[0] is errors[1]


def test_the_host_can_bring_a_page_of_its_own(signed_in, database_down, settings, tmp_path):
    (tmp_path / "codlet_sessions").mkdir()
    (tmp_path / "codlet_sessions" / "unavailable.html").write_text("Back in a minute")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert signed_in.get("who").content == b"Back in a minute"


def test_a_host_without_templates_gets_a_sentence(signed_in, database_down, settings):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "APP_DIRS": False}]
    response = signed_in.get("who")
    assert response.status_code == 503
    assert "try again" in response.content.decode()


def test_an_error_of_the_view_itself_stays_a_500(signed_in):
    assert signed_in.get("sign-in-and-fail/device:42").status_code == 500
