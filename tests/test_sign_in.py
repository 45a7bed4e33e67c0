"""Signing in and out, for sites that issue sessions themselves."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from tests.browsers import COOKIE

pytestmark = pytest.mark.django_db(transaction=True)


def test_signing_in_begins_a_session_that_the_same_request_already_sees(browser):
    described = browser.get("sign-in/device:42").json()
    assert described["subject"] == "device:42"
    assert browser.who() == "device:42"
    assert str(Session.objects.get().pk) == described["id"]


def test_signing_in_again_ends_the_session_before_and_its_secret(browser):
    browser.get("sign-in/device:42")
    before = browser.cookie
    browser.get("sign-in/device:43")
    assert browser.cookie != before
    assert sessions.validate(before) is None
    assert Session.objects.get(subject="device:42").revoked_reason == "rotated"


def test_a_cookie_planted_before_signing_in_opens_nothing_afterwards(browser):
    planted = sessions.issue("device:thief").secret.expose()
    browser.cookie = planted
    browser.get("sign-in/device:42")
    assert browser.cookie != planted
    assert sessions.validate(planted) is None


def test_a_slow_request_from_before_signing_in_again_does_not_clear_the_new_cookie(browser):
    browser.get("sign-in/device:42")
    before = browser.cookie
    browser.get("sign-in/device:42")
    browser.cookie = before
    response = browser.get("who")
    assert response.json()["subject"] is None
    assert COOKIE not in response.cookies
    Session.objects.filter(revoked_reason="rotated").update(revoked_at=timezone.now() - timedelta(minutes=2))
    assert browser.get("who").cookies[COOKIE]["max-age"] == 0


def test_signing_in_over_a_dead_cookie_begins_a_fresh_session(browser):
    browser.cookie = "not a secret"
    browser.get("sign-in/device:42")
    assert browser.who() == "device:42"


def test_signing_in_changes_the_csrf_token(rf):
    from django.http import HttpResponse
    from django.middleware.csrf import get_token

    from codlet_sessions.auth import login
    from codlet_sessions.middleware import SessionMiddleware

    request = rf.get("/")
    SessionMiddleware(lambda request: HttpResponse()).process_request(request)
    get_token(request)
    before = request.META["CSRF_COOKIE"]
    login(request, "device:42")
    assert request.META["CSRF_COOKIE"] != before


def test_signing_out_revokes_the_session_and_clears_the_cookie(browser):
    browser.get("sign-in/device:42")
    secret = browser.cookie
    response = browser.get("sign-out")
    assert response.json() == {"ended": True, "session": None}
    assert response.cookies[COOKIE]["max-age"] == 0
    assert sessions.validate(secret) is None
    row = Session.objects.get()
    assert (row.revoked_reason, row.revoked_by) == ("logout", "device:42")


def test_signing_out_without_a_session_ends_nothing_and_sets_no_cookie(browser):
    response = browser.get("sign-out")
    assert response.json()["ended"] is False
    assert not response.cookies


def test_a_server_error_changes_no_cookie(browser):
    response = browser.get("sign-in-and-fail/device:42")
    assert response.status_code == 500
    assert COOKIE not in response.cookies


def test_the_secret_is_gone_from_memory_once_the_response_has_it(issued):
    from django.http import HttpResponse

    from codlet_sessions.errors import SecretSpent

    issued.set_cookie(HttpResponse())
    with pytest.raises(SecretSpent, match=str(issued.id)):
        issued.secret  # noqa: B018


def test_a_user_signs_in_as_the_subject_that_its_primary_key_names(browser):
    user = User.objects.create_user("ada")
    browser.cookie = sessions.issue(user).secret.expose()
    assert browser.who() == str(user.pk)
    assert Session.objects.get().user == user


@pytest.mark.parametrize(
    "engine",
    [
        "django.contrib.sessions.backends.db",
        "django.contrib.sessions.backends.cached_db",
        "django.contrib.sessions.backends.cache",
        "django.contrib.sessions.backends.signed_cookies",
    ],
)
def test_the_hosts_own_session_engine_keeps_working(engine, settings, browser):
    settings.SESSION_ENGINE = engine
    browser.client.handler.__init__(browser.client.handler.enforce_csrf_checks)
    browser.get("sign-in/device:42")
    browser.get("remember/blue")
    assert browser.get("recall").content == b"blue"
    assert browser.who() == "device:42"


def test_the_hosts_session_is_saved_on_every_request_if_it_says_so(browser, settings):
    browser.get("remember/blue")
    settings.SESSION_SAVE_EVERY_REQUEST = True
    assert "sessionid" in browser.get("untouched").cookies
