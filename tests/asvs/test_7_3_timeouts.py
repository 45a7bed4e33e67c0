"""ASVS 7.3: sessions end by themselves, and what that costs."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions import timeouts
from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.middleware import SessionMiddleware
from codlet_sessions.models import Session
from codlet_sessions.writes import SessionOver
from tests.asvs.conftest import COOKIE
from tests.asvs.people import signed_in

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def configure(settings, **wanted):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, **wanted}


# 7.3.1: inactivity


def test_7_3_1_a_session_that_nobody_uses_ends_in_half_the_time_that_it_would_last(browser, ada, pass_time, heard):
    browser.get("enter/ada")
    pass_time(days=6.9)
    assert browser.get("user").content == b"ada"
    pass_time(days=7)
    assert browser.get("user").content == b""
    assert [facts["reason"] for name, facts in heard if name == "session_rejected"] == ["idle"]


def test_7_3_1_use_sets_the_idle_clock_back_and_leaves_the_absolute_one(browser, ada, pass_time):
    browser.get("enter/ada")
    pass_time(days=6)
    before = Session.objects.get()
    browser.get("user")
    row = Session.objects.get()
    assert row.last_seen_at > timezone.now() - MINUTE
    assert row.idle_expires_at - row.last_seen_at == 7 * DAY
    assert (row.expires_at, row.authenticated_at, row.data_version, row.data) == (
        before.expires_at,
        before.authenticated_at,
        before.data_version,
        before.data,
    )


def test_7_3_1_the_hosts_idle_timeout_outlives_no_set_expiry(browser, ada, pass_time, settings):
    configure(settings, IDLE_TIMEOUT=3600)
    browser.get("enter/ada")
    browser.get("keep-for/1209600")
    pass_time(minutes=59)
    assert browser.get("user").content == b"ada"
    pass_time(minutes=61)
    assert browser.get("user").content == b""


def test_7_3_1_the_default_gives_way_to_an_expiry_of_the_sessions_own(browser, ada, pass_time):
    browser.get("enter/ada")
    browser.get("keep-for/2592000")
    pass_time(days=29)
    assert browser.get("user").content == b"ada"


def test_7_3_1_a_session_whose_end_moves_with_every_request_has_that_for_its_idle_end(
    browser, ada, pass_time, settings
):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    browser.get("enter/ada")
    pass_time(days=13)
    browser.get("user")
    pass_time(days=13)
    assert browser.get("user").content == b"ada"
    assert Session.objects.get().idle_expires_at is None


def test_7_3_1_an_idle_timeout_holds_beside_another_engine(ada, pass_time, settings, rf):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    configure(settings, IDLE_TIMEOUT=HOUR)
    secret = sessions.issue(ada, idle_time=HOUR).secret.expose()
    pass_time(minutes=50)
    assert seen_by_middleware(secret) == str(ada.pk)
    pass_time(minutes=50)
    assert seen_by_middleware(secret) == str(ada.pk)
    pass_time(minutes=61)
    assert seen_by_middleware(secret) is None


def seen_by_middleware(secret):
    subjects = []

    def view(request):
        from django.http import HttpResponse

        subjects.append(request.codlet_session and request.codlet_session.subject)
        return HttpResponse()

    SessionMiddleware(view)(RequestFactory(headers={"cookie": f"codlet_session={secret}"}).get("/"))
    return subjects[0]


def test_7_3_1_an_idle_session_is_neither_listed_nor_saved_nor_renewed(ada, pass_time):
    store = signed_in(ada)
    assert store.get("late") is None
    pass_time(days=8)
    assert sessions.list_active(ada) == []
    assert sessions.revoke_all(ada) == 0
    store["late"] = True
    with pytest.raises(SessionOver):
        store.save()
    assert SessionStore(store.session_key).load() == {}


# 7.3.2: the absolute end


def test_7_3_2_no_activity_moves_the_absolute_end(browser, ada, pass_time):
    browser.get("enter/ada")
    for _ in range(4):
        pass_time(days=3)
        browser.get("remember/blue")
        assert browser.get("user").content == b"ada"
    pass_time(days=2)
    assert browser.get("user").content == b""


def test_7_3_2_signing_in_again_sets_it_back(browser, ada, pass_time):
    browser.get("enter/ada")
    pass_time(days=6)
    browser.get("enter/ada")
    assert Session.objects.get().expires_at > timezone.now() + 13 * DAY


@pytest.mark.parametrize("wish", ["sliding", "own expiry"])
def test_7_3_2_nothing_outlives_the_hosts_absolute_timeout(browser, ada, pass_time, settings, wish):
    configure(settings, ABSOLUTE_TIMEOUT=DAY)
    settings.SESSION_SAVE_EVERY_REQUEST = wish == "sliding"
    browser.get("enter/ada")
    if wish == "own expiry":
        browser.get("keep-for/2592000")
    for _ in range(3):
        pass_time(hours=7)
        browser.get("remember/blue")
        assert browser.get("user").content == b"ada"
    pass_time(hours=3)
    assert browser.get("user").content == b""


@pytest.mark.parametrize(
    ("preset", "lifetime", "idle"),
    [("aal1", 14 * DAY, 7 * DAY), ("aal2", DAY, HOUR), ("aal3", 12 * HOUR, 15 * MINUTE)],
)
def test_7_3_2_a_preset_sets_the_limits_of_nist(browser, ada, settings, preset, lifetime, idle):
    configure(settings, PRESET=preset)
    response = browser.get("enter/ada")
    row = Session.objects.get()
    assert row.expires_at - row.authenticated_at == lifetime
    assert row.idle_expires_at - row.last_seen_at == idle
    assert response.cookies[COOKIE]["max-age"] == lifetime.total_seconds()


def test_7_3_2_a_preset_leaves_what_is_stricter(settings):
    settings.SESSION_COOKIE_AGE = 600
    configure(settings, PRESET="aal2", IDLE_TIMEOUT=60)
    assert sessions.timeouts == timeouts.Timeouts(
        timedelta(seconds=600), DAY, timedelta(seconds=60), idle_is_limit=True, anonymous=DAY
    )


# nobody signed in


def test_a_session_that_nobody_signed_in_on_ends_after_a_day_without_a_visit(browser, pass_time):
    browser.get("remember/blue")
    for _ in range(3):
        pass_time(hours=23)
        assert browser.get("recall").content == b"blue"
    pass_time(hours=25)
    assert browser.get("recall").content == b"nothing"


def test_signing_in_gives_a_visitors_session_the_idle_time_of_a_user_and_signing_out_takes_it(browser, ada):
    browser.get("remember/blue")
    browser.get("enter/ada")
    row = Session.objects.get()
    assert row.idle_expires_at - row.last_seen_at == 7 * DAY


# remember me


@pytest.mark.parametrize(
    ("closes", "asked", "kept"), [(True, None, False), (True, True, True), (False, None, True), (False, False, False)]
)
def test_remember_me_is_the_same_row_with_a_cookie_that_the_browser_keeps(browser, settings, ada, closes, asked, kept):
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = closes
    response = browser.get(f"sign-in/device:42/{asked}" if asked is not None else "sign-in/device:42")
    assert bool(response.cookies[COOKIE]["max-age"]) == kept
    row = Session.objects.get()
    assert (row.is_persistent, row.expires_at - row.authenticated_at) == (asked, 14 * DAY)
    response = browser.get("renew")
    assert bool(response.cookies[COOKIE]["max-age"]) == kept


def test_without_being_asked_the_browser_keeps_the_cookie_as_django_says(browser, settings, ada):
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = True
    assert not browser.get("enter/ada").cookies[COOKIE]["max-age"]


# what it costs


def test_within_the_interval_use_is_not_written_down(browser, ada, pass_time):
    browser.get("enter/ada")
    pass_time(minutes=40)
    with CaptureQueriesContext(connections["default"]) as queries:
        browser.get("user")
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


def test_after_the_interval_use_is_one_narrow_update(browser, ada, pass_time):
    browser.get("enter/ada")
    pass_time(hours=2)
    with CaptureQueriesContext(connections["default"]) as queries:
        browser.get("user")
    (update,) = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    written = update.split("SET")[1].split("WHERE")[0]
    assert written.count("=") == 2
    assert "last_seen_at" in written
    assert "idle_expires_at" in written


def test_use_is_never_written_with_the_data_nor_by_a_response_that_fails(browser, ada, pass_time):
    browser.get("enter/ada")
    pass_time(hours=2)
    before = Session.objects.get().last_seen_at
    browser.get("remember-and-answer/500")
    browser.get("remember-and-raise")
    assert Session.objects.get().last_seen_at == before


def test_a_touch_that_fails_fails_no_request(browser, ada, pass_time, monkeypatch, caplog):
    from codlet_sessions.errors import StoreUnavailable
    from codlet_sessions.stores.orm import OrmSessionStore

    browser.get("enter/ada")
    pass_time(hours=2)

    def refuse(*anything):
        raise StoreUnavailable("read-only")

    monkeypatch.setattr(OrmSessionStore, "touch_session", refuse)
    assert browser.get("user").content == b"ada"
    assert "is in use could not be written down: read-only" in caplog.text


def test_a_hundred_parallel_requests_write_once(ada, pass_time):
    store = signed_in(ada)
    pass_time(hours=2)
    records = [sessions.validate(store.session_key) for _ in range(100)]
    start = threading.Barrier(20)

    def touch(batch):
        start.wait(20)
        try:
            return [sessions.touch(record) for record in batch]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        written = [done for batch in pool.map(touch, [records[n::20] for n in range(20)]) for done in batch]
    assert (len(written), sum(written)) == (100, 1)


def test_a_row_from_before_use_was_written_down_is_touched_and_has_an_idle_end_from_then_on(browser, ada, pass_time):
    browser.get("enter/ada")
    pass_time(hours=2)
    Session.objects.update(last_seen_at=None, idle_expires_at=None)
    browser.get("user")
    row = Session.objects.get()
    assert row.idle_expires_at - row.last_seen_at == 7 * DAY


@pytest.mark.skipif(connection.vendor != "postgresql", reason="HOT is PostgreSQL's")
def test_a_touch_rewrites_no_index_on_postgresql(ada, pass_time):
    stores = [signed_in(ada) for _ in range(50)]
    pass_time(hours=2)
    before = updates()
    for store in stores:
        assert sessions.touch(sessions.validate(store.session_key))
    after = updates()
    assert after["n_tup_upd"] - before["n_tup_upd"] == 50
    assert after["n_tup_hot_upd"] - before["n_tup_hot_upd"] == 50


def updates():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'codlet_sessions_session'"
        )
        return dict(zip(("n_tup_upd", "n_tup_hot_upd"), cursor.fetchone(), strict=True))


def test_chance_spreads_the_touches_of_sessions_that_began_together(ada):
    record = sessions.issue(ada, idle_time=20 * MINUTE).record
    verdicts = {
        minutes: {timeouts.is_worth_noting(record, record.last_seen_at + minutes * MINUTE) for _ in range(200)}
        for minutes in (0.7, 1, 1.3)
    }
    assert verdicts == {0.7: {False}, 1: {False, True}, 1.3: {True}}


def test_what_is_validated_by_hand_is_touched_by_hand(face, ada, pass_time):
    issued = face.issue("device:42", idle_time=HOUR)
    pass_time(minutes=50)
    assert face.touch(face.validate(issued.secret)) is True
    assert face.touch(face.validate(issued.secret)) is False
    pass_time(minutes=50)
    assert face.validate(issued.secret).subject == "device:42"
    pass_time(minutes=11)
    assert face.validate(issued.secret) is None
