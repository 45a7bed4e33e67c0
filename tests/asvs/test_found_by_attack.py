"""What went wrong once, between a changed password, a limit and whatever else the request does."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client, RequestFactory

from codlet_sessions import receivers
from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import Session
from codlet_sessions.subjects import may_sign_in
from tests.asvs.people import signed_in

DAY = timedelta(days=1)


def configure(settings, **wanted):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, **wanted}


@pytest.fixture(params=["ours", "beside another"])
def engine_of(request, browser, settings):
    """A browser whose site uses our engine, or another with ours beside it; how one signs in there."""
    if request.param == "ours":
        return "enter/ada"
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    browser.cookie_name = "codlet_session"
    return "sign-in-user/ada"


# after a change of the password


@pytest.mark.parametrize("page", ["change-and-leave", "change-and-flush", "change-factor-and-leave"])
def test_whoever_signs_out_in_the_request_that_changed_the_password_is_out(browser, ada, page):
    browser.get("enter/ada")
    browser.get(page)
    assert browser.who() is None
    assert not Session.objects.filter(subject=ada.pk, revoked_at=None).exists()


def test_whoever_signs_in_as_somebody_else_in_that_request_is_somebody_else(browser, ada, grace):
    browser.get("enter/ada")
    browser.get("change-and-enter/grace")
    for _ in range(2):
        assert browser.get("user").content == b"grace"


def test_request_user_read_after_the_change_is_still_signed_in(browser, ada):
    browser.get("enter/ada")
    assert browser.get("change-of-and-look/ada").content == b"ada"
    assert browser.get("user").content == b"ada"


def test_a_change_that_is_rolled_back_signs_nobody_out(browser, ada, engine_of):
    browser.get(engine_of)
    browser.get("change-and-roll-back/ada")
    assert browser.who() == str(ada.pk)
    assert len(sessions.list_active(User.objects.get(pk=ada.pk))) == 1


@pytest.mark.parametrize("page", ["change-and-revoke-all/ada", "change-and-deactivate/ada"])
def test_a_change_after_which_the_session_ends_is_answered_as_the_view_says(browser, ada, engine_of, page):
    browser.get(engine_of)
    response = browser.get(page)
    assert (response.status_code, response.content) == (200, b"changed")
    assert browser.who() is None
    assert not Session.objects.filter(subject=ada.pk, revoked_at=None).exists()


def test_whoever_confirms_or_signs_in_and_then_changes_the_password_has_one_good_session(browser, ada, engine_of):
    browser.get(engine_of)
    browser.get("confirm-and-change/ada")
    fresh = User.objects.get(pk=ada.pk)
    assert browser.who() == str(ada.pk)
    fresh.save()
    assert browser.who() == str(ada.pk)
    assert len(sessions.list_active(fresh)) == 1


# users as code has them


def test_saving_some_fields_of_a_stale_user_ends_nothing(ada):
    stale = User.objects.get(pk=ada.pk)
    ada.set_password("another")
    ada.save()
    signed_in(ada)
    stale.first_name = "Ada"
    stale.save(update_fields=["first_name"])
    User(pk=ada.pk, first_name="A").save(update_fields=["first_name"])
    assert len(sessions.list_active(ada)) == 1


def test_saving_some_fields_of_a_user_who_is_gone_is_no_error(ada, monkeypatch):
    User.objects.filter(pk=ada.pk)._raw_delete("default")
    receivers.end_outdated_sessions(User, ada, False, False, "default", update_fields=["first_name"])


@pytest.mark.parametrize("delete", [lambda users: users.get().delete(), lambda users: users.delete()])
def test_a_user_who_was_loaded_in_part_can_be_deleted(ada, delete):
    signed_in(ada)
    delete(User.objects.only("username").filter(pk=ada.pk))
    assert Session.objects.get().revoked_reason == "user_deleted"


def test_a_copy_of_a_user_in_another_database_is_nobodys_business(ada):
    signed_in(ada)
    copy = User(pk=ada.pk, username="ada", password="none")
    receivers.end_outdated_sessions(User, copy, False, False, "archive")
    receivers.end_sessions_of_deleted(User, copy, "archive")
    assert len(sessions.list_active(ada)) == 1


def test_without_any_authentication_backend_a_user_can_be_deactivated(ada, settings):
    signed_in(ada)
    settings.AUTHENTICATION_BACKENDS = []
    ada.is_active = False
    ada.save()
    assert Session.objects.get().revoked_reason == "user_deactivated"


# sessions on terms of their own


@pytest.mark.parametrize("sliding", [False, True])
def test_a_session_that_was_issued_keeps_its_terms_under_our_engine(browser, settings, pass_time, sliding):
    settings.SESSION_SAVE_EVERY_REQUEST = sliding
    browser.cookie = sessions.issue("device:42", lifetime=100 * DAY, idle_time=40 * DAY).secret.expose()
    for _ in range(3):
        pass_time(days=30)
        assert browser.who() == "device:42"
    row = Session.objects.get()
    assert row.idle_expires_at - row.last_seen_at == 40 * DAY
    pass_time(days=11)
    assert browser.who() is None


def test_confirming_lengthens_no_session(browser, ada, engine_of, settings):
    browser.cookie = sessions.issue(ada, lifetime=DAY, idle_time=DAY / 2).secret.expose()
    assert browser.get("confirm").json()["subject"] == str(ada.pk)
    row = Session.objects.get(revoked_at=None)
    assert row.expires_at - row.authenticated_at == DAY
    assert row.idle_expires_at - row.last_seen_at == DAY / 2


def test_a_session_that_ends_with_the_browser_may_have_a_lifetime_besides(browser, engine_of):
    response = browser.get("sign-in-for-a-minute/device:42")
    assert response.cookies[browser.cookie_name]["max-age"] == ""


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        ({"IDLE_TIMEOUT": 900}, DAY),
        ({"ANONYMOUS_TIMEOUT": 7 * DAY, "PRESET": "aal3"}, 7 * DAY),
        ({"ANONYMOUS_TIMEOUT": None, "PRESET": "aal3"}, None),
    ],
)
def test_visitors_have_the_time_that_is_set_for_visitors(browser, settings, given, idle):
    configure(settings, **given)
    browser.get("remember/blue")
    row = Session.objects.get()
    assert (row.idle_expires_at and row.idle_expires_at - row.last_seen_at) == idle


def test_a_visitors_time_that_was_set_holds_where_sessions_slide(browser, settings):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    configure(settings, ANONYMOUS_TIMEOUT=3600)
    browser.get("remember/blue")
    row = Session.objects.get()
    assert row.idle_expires_at - row.last_seen_at == timedelta(hours=1)


def test_beside_another_engine_nothing_slides_and_the_idle_clock_runs(browser, ada, settings):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    browser.get("sign-in-user/ada")
    row = Session.objects.get()
    assert row.idle_expires_at - row.last_seen_at == 7 * DAY


# limits


def refuse(settings, **more):
    configure(settings, MAX_SESSIONS=1, AT_LIMIT="refuse", **more)


def test_a_refused_sign_in_leaves_the_visitor_with_what_they_had(browser, ada, settings):
    signed_in(ada)
    refuse(settings)
    browser.get("remember/blue")
    assert browser.get("enter/ada").status_code == 403
    assert browser.get("recall").content == b"blue"
    assert browser.get("user").content == b""
    assert len(sessions.list_active(ada)) == 1


def test_a_view_that_takes_the_refusal_upon_itself_sees_nobody(browser, ada, settings):
    signed_in(ada)
    refuse(settings)
    assert browser.get("enter-or-say/ada").json() == {"user": "", "refused": True}
    assert browser.get("user").content == b""


def test_a_refused_sign_in_is_no_new_device(browser, ada, settings):
    from codlet_sessions import signals

    told = []

    def note(**facts):
        told.append(facts)

    signals.new_device.connect(note)
    try:
        browser.get("enter/ada", headers={"user-agent": "Firefox"})
        refuse(settings)
        browser.client.cookies.clear()
        assert browser.get("enter/ada", headers={"user-agent": "Safari"}).status_code == 403
    finally:
        signals.new_device.disconnect(note)
    assert told == []


def test_signing_in_again_after_the_limit_was_lowered_is_not_refused(browser, ada, settings):
    signed_in(ada)
    browser.get("enter/ada")
    refuse(settings)
    assert browser.get("enter/ada").status_code == 200
    assert browser.get("user").content == b"ada"


def test_without_template_engines_a_refusal_is_a_sentence(ada, settings):
    signed_in(ada)
    refuse(settings)
    settings.TEMPLATES = []
    response = Client().get("/s/enter/ada/")
    assert (response.status_code, response.content) == (403, b"Too many sessions.")


def test_a_limit_is_asked_for_once_for_each_sign_in(browser, ada, settings):
    asked = []
    configure(settings, MAX_SESSIONS=lambda user: asked.append(user) or 3)
    browser.get("enter/ada")
    assert asked == [ada]


@pytest.mark.parametrize("has_row_locks", [True, False])
def test_a_name_that_was_changed_meanwhile_stays_changed(ada, settings, monkeypatch, has_row_locks):
    if not has_row_locks:
        monkeypatch.setattr(connection.features, "has_select_for_update", False)
    configure(settings, MAX_SESSIONS=3)
    User.objects.update(username="renamed")
    from codlet_sessions.limits import within_limit

    with within_limit(ada):
        pass
    assert User.objects.get().username == "renamed"


def test_users_who_cannot_be_locked_are_an_outage_and_not_a_crash(ada, settings, database_down):
    from codlet_sessions.errors import StoreUnavailable
    from codlet_sessions.limits import _locked

    with pytest.raises(StoreUnavailable, match="could not be locked"), _locked(ada):
        pass


# what is known of clients


def test_an_address_that_cannot_be_told_keeps_nobody_from_signing_in(browser, ada, settings, caplog):
    configure(settings, CLIENT_ADDRESS=lambda request: request.headers["x-no-such-header"])
    browser.get("enter/ada")
    assert browser.get("user").content == b"ada"
    assert "CLIENT_ADDRESS'] failed" in caplog.text


def test_djangos_own_clearing_keeps_clients_as_long_as_the_host_says(browser, ada, settings):
    from codlet_sessions.backends.db import SessionStore

    configure(settings, CLIENT_RETENTION=10 * DAY)
    browser.get("enter/ada", headers={"user-agent": "Firefox"})
    browser.get("leave")
    SessionStore.clear_expired()
    assert Session.objects.get().user_agent == "Firefox"


def test_a_session_that_was_renewed_meanwhile_is_not_swept(ada, monkeypatch, heard):
    from codlet_sessions import sweep as sweeping
    from codlet_sessions.querysets import SessionQuerySet

    session = signed_in(ada)
    session["value"] = 1
    User.objects.update(password="another")
    revoke = SessionQuerySet.revoke

    def renew_first(rows, now, cause):
        fresh = User.objects.get(pk=ada.pk)
        session["_auth_user_hash"] = fresh.get_session_auth_hash()
        session.save()
        return revoke(rows, now, cause)

    monkeypatch.setattr(SessionQuerySet, "revoke", renew_first)
    report = sweeping.sweep(SessionQuerySet(Session), lambda reason: sessions._cause(reason, None), sessions.clock())
    assert report.sessions == 0
    assert Session.objects.get().revoked_at is None
    sweeping.tell(report, lambda reason: sessions._cause(reason, None), type(sessions))
    assert "sessions_revoked" not in dict(heard)


def test_a_store_that_keeps_no_data_has_another_session_after_a_change(ada, settings):
    from django.http import HttpResponse

    from codlet_sessions.middleware import SessionMiddleware

    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    configure(settings, STORE="tests.store.plain.OnlyTheContract")
    issued = sessions.issue(ada)
    secret = issued.secret.expose()

    def view(request):
        assert request.codlet_session is not None
        with transaction.atomic():
            User.objects.get(pk=ada.pk)
        from codlet_sessions.auth import credentials_changed

        credentials_changed(ada, request=request)
        return HttpResponse()

    response = SessionMiddleware(view)(RequestFactory(headers={"cookie": f"codlet_session={secret}"}).get("/"))
    assert sessions.validate(secret) is None
    assert sessions.validate(response.cookies["codlet_session"].value).subject == str(ada.pk)


@pytest.mark.parametrize("reason", ["user_deactivated", "user_deleted"])
def test_a_store_that_knows_no_users_leaves_it_to_the_authentication_to_notice(browser, ada, settings, reason):
    configure(settings, STORE="codlet_sessions.stores.memory.MemorySessionStore")
    browser.get("enter/ada")
    assert browser.get("user").content == b"ada"
    (session,) = sessions.list_active(ada)
    users = User.objects.filter(pk=ada.pk)
    users.update(is_active=False) if reason == "user_deactivated" else users._raw_delete("default")
    assert browser.get("user").content == b""
    assert sessions.store.read_session(session.id).revoked_reason == reason


def test_a_backend_that_does_not_say_whom_it_lets_in_lets_no_inactive_user_in(ada, settings):
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.BaseBackend"]
    ada.is_active = False
    assert may_sign_in(ada) is False


def test_credentials_of_a_model_that_knows_no_session_auth_hash_change_no_data():
    class Person:
        pk = 1

    session = SessionStore()
    session["_auth_user_id"] = "1"
    session.note_credentials(Person())
    assert dict(session.items()) == {"_auth_user_id": "1"}


def test_async_code_can_ask_whether_the_browser_keeps_the_cookie(ada, settings):
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = True
    session = signed_in(ada)
    assert async_to_sync(session.aget_expire_at_browser_close)() is True
    session.set_persistent(True)
    assert async_to_sync(session.aget_expire_at_browser_close)() is False


def test_a_sign_in_that_was_rolled_back_with_a_change_of_the_password_leaves_nobody(browser, ada, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    browser.cookie_name = "codlet_session"
    response = browser.get("sign-in-and-change-and-roll-back/ada")
    assert response.status_code == 200
    assert browser.who() is None
    assert not Session.objects.exists()
