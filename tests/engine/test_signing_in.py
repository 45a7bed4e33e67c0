"""Django's login() and logout(): the secret is renewed in place, and logout ends the row."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import Session


def test_signing_in_keeps_row_id_and_data_and_kills_the_old_secret(browser, ada):
    browser.get("remember/blue")
    before, row = browser.cookie, Session.objects.get()
    browser.get("enter/ada")
    after = Session.objects.get()
    assert (after.pk, after.user) == (row.pk, ada)
    assert after.lookup_key != row.lookup_key
    assert browser.cookie != before
    assert browser.get("recall").content == b"blue"
    assert SessionStore(before).load() == {}


def test_the_old_secret_dies_in_the_statement_that_brings_the_new_one():
    store = SessionStore()
    store["value"] = "blue"
    store.save()
    before = store.session_key
    with CaptureQueriesContext(connection) as queries:
        store.cycle_key()
    update, _retired = queries
    assert update["sql"].startswith("UPDATE")
    assert "lookup_key" in update["sql"].split("WHERE")[0]
    assert SessionStore(before).load() == {}
    assert SessionStore(store.session_key)["value"] == "blue"


def test_a_cookie_planted_before_a_sign_in_opens_nothing_afterwards(browser, ada):
    thief = SessionStore()
    thief["value"] = "planted"
    thief.save()
    browser.cookie = thief.session_key
    browser.get("enter/ada")
    assert browser.cookie != thief.session_key
    assert SessionStore(thief.session_key).load() == {}
    assert sessions.validate(thief.session_key) is None


def test_signing_in_again_renews_the_secret_and_the_end(browser, ada):
    browser.get("enter/ada")
    before, first = browser.cookie, Session.objects.get()
    Session.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    browser.get("enter/ada")
    again = Session.objects.get()
    assert again.pk == first.pk
    assert browser.cookie != before
    assert sessions.validate(before) is None
    assert again.authenticated_at > first.authenticated_at
    assert again.expires_at > timezone.now() + timedelta(days=13)


def test_a_sign_in_by_other_means_leaves_the_session_alone(ada, grace, rf):
    from django.contrib.auth.signals import user_logged_in
    from django.http import HttpResponse

    from codlet_sessions.middleware import SessionMiddleware

    store = SessionStore()
    store["_auth_user_id"] = str(ada.pk)
    store.save()
    before = Session.objects.values().get()

    def view(request):
        user_logged_in.send(sender=type(grace), request=request, user=grace)
        return HttpResponse()

    response = SessionMiddleware(view)(rf.get("/", headers={"cookie": f"sessionid={store.session_key}"}))
    assert not response.cookies
    after = Session.objects.values().get()
    assert {name: after[name] for name in before} == before


def test_signing_in_as_somebody_else_begins_another_session_without_the_data(browser, ada, grace):
    browser.get("enter/ada")
    browser.get("remember/blue")
    browser.get("enter/grace")
    assert browser.get("both").json()["value"] is None
    assert browser.get("user").content == b"grace"
    assert list(Session.objects.order_by("id").values_list("user", "revoked_reason")) == [
        (ada.pk, "logout"),
        (grace.pk, ""),
    ]


def test_signing_out_revokes_the_row_and_empties_its_data(browser, ada):
    browser.get("enter/ada")
    browser.get("remember/blue")
    secret = browser.cookie
    response = browser.get("leave")
    row = Session.objects.get()
    assert (row.revoked_reason, row.revoked_by, row.data) == ("logout", str(ada.pk), "")
    assert response.cookies["sessionid"]["max-age"] == 0
    assert sessions.validate(secret) is None
    assert browser.get("user").content == b""


def test_the_request_that_signs_in_or_out_knows_it_at_once(browser, ada):
    assert browser.get("enter/ada").json()["subject"] == str(ada.pk)
    assert browser.get("leave").json() == {"id": None, "subject": None}


def test_a_changed_password_renews_the_secret_of_the_session_it_was_changed_in(browser, ada):
    browser.get("enter/ada")
    before = browser.cookie
    browser.get("change-password")
    assert browser.cookie != before
    assert browser.get("user").content == b"ada"
    assert sessions.validate(before) is None


def test_a_changed_password_ends_the_other_sessions_when_they_are_used(browser, ada):
    other = SessionStore()
    other.update({"_auth_user_id": str(ada.pk), "_auth_user_backend": "django.contrib.auth.backends.ModelBackend"})
    other["_auth_user_hash"] = ada.get_session_auth_hash()
    other.save()
    ada.set_password("another")
    ada.save()
    browser.cookie = other.session_key
    assert browser.get("user").content == b""
    assert Session.objects.get().revoked_at is not None


def test_rotating_secret_key_ends_no_session_as_long_as_it_is_a_fallback(browser, ada, settings):
    browser.get("enter/ada")
    browser.get("remember/blue")
    before = browser.cookie
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another " * 10, [settings.SECRET_KEY]
    assert browser.get("user").content == b"ada"
    assert browser.cookie != before
    assert browser.get("recall").content == b"blue"


def test_another_secret_key_leaves_the_data_readable(browser):
    browser.get("remember/blue")
    with override_settings(SECRET_KEY="another " * 10, SECRET_KEY_FALLBACKS=[]):
        assert browser.get("recall").content == b"blue"


def test_a_rotated_key_of_the_ring_ends_no_session_and_new_secrets_go_under_the_new_one(browser, ada, settings):
    browser.get("remember/blue")
    keys = settings.CODLET_SESSIONS["KEYS"]
    settings.CODLET_SESSIONS = {"KEYS": {"2026-12": "the key of december, 32 bytes and more", **keys}}
    assert browser.get("recall").content == b"blue"
    browser.get("remember/red")
    assert Session.objects.get().key_version == "2026-11"
    browser.get("enter/ada")
    assert Session.objects.get().key_version == "2026-12"
    assert browser.get("recall").content == b"red"


@pytest.mark.parametrize("page", ["enter/ada", "leave"])
def test_async_and_sync_users_agree_after_signing_in_and_out(browser, ada, page):
    browser.get("enter/ada")
    browser.get(page)
    prefix = browser.prefix
    seen = set()
    for browser.prefix in ("s", "a"):
        seen.add(browser.get("user").content)
    browser.prefix = prefix
    assert seen == {b"ada" if page == "enter/ada" else b""}


def test_a_sign_in_that_was_rolled_back_signs_nobody_in(browser, ada, atomic_requests):
    if browser.prefix == "a":
        pytest.skip("Django has no ATOMIC_REQUESTS for async views")
    browser.get("sign-in/device:42")
    before = browser.cookie
    assert browser.get("sign-in-and-raise/device:43").status_code == 404
    assert browser.cookie == before
    assert browser.who() == "device:42"


def test_a_sign_out_that_was_rolled_back_signs_nobody_out(browser, ada, atomic_requests):
    if browser.prefix == "a":
        pytest.skip("Django has no ATOMIC_REQUESTS for async views")
    browser.get("sign-in/device:42")
    browser.get("sign-out-and-raise")
    assert browser.who() == "device:42"


def test_whoever_asks_first_for_the_user_asks_for_both(ada):
    from asgiref.sync import async_to_sync
    from django.test import RequestFactory

    from codlet_sessions.middleware import AuthenticationMiddleware, SessionMiddleware

    store = SessionStore()
    store.update({"_auth_user_id": str(ada.pk), "_auth_user_backend": "django.contrib.auth.backends.ModelBackend"})
    store["_auth_user_hash"] = ada.get_session_auth_hash()
    store.save()
    request = RequestFactory(headers={"cookie": f"sessionid={store.session_key}"}).get("/")
    SessionMiddleware(lambda request: None).process_request(request)
    AuthenticationMiddleware(lambda request: None).process_request(request)
    with CaptureQueriesContext(connection) as queries:
        assert async_to_sync(request.auser)() == async_to_sync(request.auser)() == request.user == User.objects.get()
    assert len(queries) == 2  # the session with its user, and the test's own
