"""ASVS 7.2: what a session token is, and when there is a new one."""

import re
import secrets

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import RequestFactory

from codlet_sessions.api import sessions
from codlet_sessions.auth import confirm
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.middleware import AuthenticationMiddleware, SessionMiddleware
from codlet_sessions.models import Session


def test_7_2_1_only_the_server_says_whether_a_token_is_good(browser, ada):
    browser.get("enter/ada")
    token = browser.cookie
    row = Session.objects.get()
    forged = [
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        token.upper(),
        f"{token} ",
        str(row.pk),
        row.pk.hex * 2,
        str(row.lookup_key),
        secrets.token_hex(32),
        "",
    ]
    for value in forged:
        browser.cookie = value
        assert browser.get("user").content == b"", value
    browser.cookie = token
    assert browser.get("user").content == b"ada"


def test_7_2_1_nothing_in_the_cookie_says_who_somebody_is(browser, ada, grace):
    browser.get("enter/ada")
    assert str(ada.pk) != browser.cookie
    assert re.fullmatch("[0-9a-f]{64}", browser.cookie)


def test_7_2_2_each_session_has_a_token_made_for_it(browser, ada):
    tokens = set()
    for _ in range(3):
        browser.get("enter/ada")
        tokens.add(browser.cookie)
        browser.get("leave")
    assert len(tokens) == 3


def test_7_2_3_tokens_are_256_bits_from_the_systems_random_source(monkeypatch, ada):
    import os

    drawn = []
    urandom = os.urandom

    def drawing(size):
        drawn.append(urandom(size))
        return drawn[-1]

    monkeypatch.setattr(os, "urandom", drawing)
    issued = sessions.issue(ada)
    assert issued.secret.expose() in [draw.hex() for draw in drawn if len(draw) == 32]


def test_7_2_3_a_token_that_is_taken_is_never_given_out_again(ada):
    from codlet_sessions.errors import StoreInvariantViolated
    from codlet_sessions.secrets import SessionSecret

    taken = sessions.issue(ada).secret
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SessionSecret, "generate", classmethod(lambda cls: taken))
        with pytest.raises(StoreInvariantViolated):
            sessions.issue(User.objects.create_user("thief"))
    assert sessions.validate(taken).subject == str(ada.pk)


def test_7_2_4_signing_in_makes_a_new_token_and_ends_the_old_one(browser, ada):
    browser.get("remember/blue")
    planted = browser.cookie
    browser.get("enter/ada")
    assert browser.cookie != planted
    assert sessions.validate(planted) is None
    assert SessionStore(planted).load() == {}


def test_7_2_4_and_so_does_signing_in_again(browser, ada):
    browser.get("enter/ada")
    before = browser.cookie
    browser.get("enter/ada")
    assert browser.cookie != before
    assert sessions.validate(before) is None


def test_7_2_4_and_confirming_a_sign_in_in_the_same_row(browser, ada, pass_time, heard):
    browser.get("enter/ada")
    before, row = browser.cookie, Session.objects.get()
    pass_time(hours=3)
    browser.get("confirm")
    after = Session.objects.get()
    assert browser.cookie != before
    assert sessions.validate(before) is None
    assert browser.get("user").content == b"ada"
    assert after.pk == row.pk
    assert after.authenticated_at > row.authenticated_at
    assert after.expires_at > row.expires_at
    told = {"session_id": row.pk, "subject": str(ada.pk)}
    assert [facts for name, facts in heard if name == "sign_in_confirmed"] == [told]


def test_whoever_signs_in_on_a_session_that_was_there_is_told_of_once_by_name(browser, ada, heard):
    browser.get("remember/blue")
    heard.clear()
    browser.get("enter/ada")
    told = {"session_id": Session.objects.get().pk, "subject": str(ada.pk)}
    assert [facts for name, facts in heard if name == "session_renewed"] == [told]


def test_7_2_4_a_new_secret_alone_is_no_new_sign_in(browser, ada, pass_time):
    browser.get("enter/ada")
    pass_time(hours=3)
    before = Session.objects.get()
    browser.get("renew")
    after = Session.objects.get()
    assert (after.authenticated_at, after.expires_at) == (before.authenticated_at, before.expires_at)


def test_7_2_4_confirming_works_beside_another_engine(browser, ada, settings, pass_time):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    browser.cookie_name = "codlet_session"
    browser.get("sign-in-user/ada")
    before, row = browser.cookie, Session.objects.get()
    pass_time(hours=3)
    browser.get("confirm")
    after = Session.objects.get()
    assert browser.cookie != before
    assert sessions.validate(before) is None
    assert sessions.validate(browser.cookie).id == row.pk == after.pk
    assert after.authenticated_at > row.authenticated_at


@pytest.mark.parametrize("page", ["sign-in-and-confirm/ada"])
def test_whoever_has_signed_in_in_this_request_has_nothing_to_confirm(browser, ada, settings, page):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    browser.cookie_name = "codlet_session"
    assert browser.get(page).json()["subject"] == str(ada.pk)
    assert Session.objects.count() == 1
    assert sessions.validate(browser.cookie).subject == str(ada.pk)


def test_a_store_whose_sessions_get_no_new_secret_says_that_it_cannot_confirm(ada, settings, rf):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "STORE": "tests.store.plain.OnlyTheContract"}
    secret = sessions.issue(ada).secret.expose()
    request = RequestFactory(headers={"cookie": f"codlet_session={secret}"}).get("/")
    SessionMiddleware(lambda request: HttpResponse()).process_request(request)
    with pytest.raises(ImproperlyConfigured, match="SessionDataStore"):
        confirm(request)


def test_nobody_has_no_sign_in_to_confirm(browser):
    assert browser.get("confirm").status_code == 403
    assert not Session.objects.exists()


def test_a_stolen_token_that_confirms_leaves_the_owner_out_and_not_in(ada):
    """Whoever confirms has the new secret: two who hold one cookie cannot both go on."""
    store = SessionStore()
    store.update({"_auth_user_id": str(ada.pk), "_auth_user_backend": "django.contrib.auth.backends.ModelBackend"})
    store["_auth_user_hash"] = ada.get_session_auth_hash()
    store.save()

    def view(request):
        confirm(request)
        return HttpResponse()

    request = RequestFactory(headers={"cookie": f"sessionid={store.session_key}"}).get("/")
    response = SessionMiddleware(AuthenticationMiddleware(view))(request)
    assert sessions.validate(store.session_key) is None
    assert sessions.validate(response.cookies["sessionid"].value).subject == str(ada.pk)
