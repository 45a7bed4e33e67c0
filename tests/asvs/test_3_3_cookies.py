"""ASVS 3.3: what the cookie tells the browser to do with it."""

import pytest

from codlet_sessions.api import sessions
from tests.test_settings import found

ENGINE = "codlet_sessions.backends.db"


def cookie_of(browser, name="sessionid"):
    return browser.get("enter/ada").cookies[name]


def test_3_3_1_it_is_secure_whatever_the_settings_say(browser, ada, settings):
    settings.SESSION_COOKIE_SECURE = False
    assert cookie_of(browser)["secure"] is True


def test_3_3_1_without_secure_the_deployment_is_refused(settings):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "COOKIE_PROFILE": "local-development"}
    assert "E020" in found(deploy=True)


@pytest.mark.parametrize("name", ["__Host-sessionid", "__Secure-sessionid"])
def test_3_3_1_it_can_have_a_prefix_that_browsers_enforce(browser, ada, settings, name):
    settings.SESSION_COOKIE_NAME = name
    morsel = cookie_of(browser, name)
    assert (morsel["secure"], morsel["path"], morsel["domain"]) == (True, "/", "")


def test_3_3_2_it_stays_on_the_site_unless_somebody_follows_a_link(browser, ada):
    assert cookie_of(browser)["samesite"] == "Lax"


@pytest.mark.parametrize("wrong", [{"SESSION_COOKIE_DOMAIN": "example.org"}, {"SESSION_COOKIE_PATH": "/app"}])
def test_3_3_3_a_host_cookie_that_browsers_would_refuse_is_refused_at_deployment(wrong):
    assert "E021" in found(deploy=True, SESSION_ENGINE=ENGINE, SESSION_COOKIE_NAME="__Host-sessionid", **wrong)
    assert "E021" not in found(deploy=True, SESSION_ENGINE=ENGINE, SESSION_COOKIE_NAME="__Host-sessionid")


def test_3_3_4_no_script_can_read_it_and_no_page_or_header_shows_it_elsewhere(browser, ada, settings):
    settings.SESSION_COOKIE_HTTPONLY = False
    response = browser.get("enter/ada")
    assert response.cookies["sessionid"]["httponly"] is True
    secret = browser.cookie
    assert secret not in response.content.decode()
    assert secret not in str(response.headers)
    assert "no-store" in response.headers["Cache-Control"]
    assert sessions.validate(secret) is not None


def test_3_3_5_it_is_far_below_4096_bytes(browser, ada):
    morsel = cookie_of(browser)
    assert len(morsel.key) + len(morsel.value) < 100
    browser.get("remember/" + "x" * 5000)
    assert len(browser.cookie) == 64
