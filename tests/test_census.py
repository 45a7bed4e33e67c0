"""How many sessions there are, counted once a day: right, in one pass, replaced, and forgotten in time."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from threading import Barrier, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions.census import KEPT_FOR, count_sessions, day_of, take_census
from codlet_sessions.management.commands import clearsessions
from codlet_sessions.models import Census, Session
from codlet_sessions.querysets import SessionQuerySet, State
from tests.factories import SessionFactory

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


def counted():
    return {(row.day, row.state, row.key_version): row.count for row in Census.objects.all()}


def run(*options):
    out = StringIO()
    call_command("purge_sessions", *options, stdout=out)
    return out.getvalue()


def test_every_session_is_counted_once_by_its_state_and_key_version():
    SessionFactory.create_batch(3), SessionFactory(key_version="2026-05")
    SessionFactory.create_batch(2, expired=True), SessionFactory(revoked=True)
    SessionFactory(revoked=True, expires_at=timezone.now() - DAY, key_version="lost")
    today = day_of(timezone.now())
    assert take_census() == 8
    assert counted() == {
        (today, "active", "2026-11"): 3,
        (today, "active", "2026-05"): 1,
        (today, "expired", "2026-11"): 2,
        (today, "revoked", "2026-11"): 1,
        (today, "revoked", "lost"): 1,
    }


def test_the_states_are_those_of_the_moment_it_is_taken_at():
    now = timezone.now()
    SessionFactory(expires_at=now), SessionFactory(expires_at=now + timedelta(microseconds=1))
    SessionFactory(idle_expires_at=now), SessionFactory(idle_expires_at=now + timedelta(microseconds=1))
    states = {row.state: row.count for row in count_sessions(now=now)}
    assert states == {"active": Session.objects.active(now).count(), "expired": Session.objects.expired(now).count()}
    assert states == {"active": 2, "expired": 2}
    assert [State.of(row, now) for row in Session.objects.order_by("id")] == ["expired", "active"] * 2


def test_it_reads_the_table_in_one_pass_and_locks_nothing():
    SessionFactory.create_batch(3)
    with CaptureQueriesContext(connection) as queries:
        take_census()
    (query,) = [query["sql"] for query in queries if "codlet_sessions_session" in query["sql"]]
    assert query.startswith("SELECT")
    assert "GROUP BY" in query
    assert "FOR UPDATE" not in query


def test_a_second_one_on_the_same_day_replaces_the_first():
    morning = datetime(2026, 11, 24, 10, 17, tzinfo=UTC)
    session = SessionFactory(expires_at=morning + DAY)
    gone = SessionFactory(expires_at=morning + DAY, key_version="2026-05")
    take_census(now=morning)
    sessions_then = counted()
    gone.delete()
    take_census(now=morning + timedelta(hours=8))
    assert len(sessions_then) == 2
    assert counted() == {(date(2026, 11, 24), "active", session.key_version): 1}


def test_other_days_stay_until_they_are_too_old():
    now = timezone.now()
    SessionFactory()
    for ago in (0, 1, KEPT_FOR.days, KEPT_FOR.days + 1):
        Census.objects.create(day=day_of(now) - ago * DAY, state="revoked", key_version="2026-05", count=7)
    take_census(now=now)
    days = sorted((day_of(now) - day).days for day, state, _version in counted() if state == "revoked")
    assert days == [1, KEPT_FOR.days]


def test_its_day_is_that_of_the_site_and_not_of_whoever_looks(settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    moment = datetime(2026, 11, 24, 18, 17, tzinfo=UTC)
    with timezone.override("America/Los_Angeles"):
        assert day_of(moment) == date(2026, 11, 25)


def test_two_at_once_do_no_harm():
    SessionFactory.create_batch(5)
    start, failures = Barrier(3, timeout=30), []

    def run():
        try:
            start.wait()
            take_census()
        except Exception as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(counted().values()) == [5]


def test_the_purge_counts_what_it_has_left():
    SessionFactory.create_batch(2), SessionFactory(expired=True)
    assert "Deleted 1 expired" in (line := run("--retain-expired=0"))
    assert line.endswith("seconds. Sessions left: 2.\n")
    assert list(counted().values()) == [2]
    assert json.loads(run("--json"))["counted"] == 2


@pytest.mark.parametrize("option", ["--no-census", "--dry-run"])
def test_without_a_census_nothing_is_counted_and_nothing_said(option):
    SessionFactory()
    assert "Sessions left" not in run(option)
    assert json.loads(run(option, "--json"))["counted"] is None
    assert counted() == {}


def test_clearing_counts_too(settings):
    settings.SESSION_ENGINE = "codlet_sessions.backends.db"
    SessionFactory()
    call_command(clearsessions.Command(), stdout=StringIO())
    assert list(counted().values()) == [1]


def test_a_census_that_fails_is_told_and_undoes_no_purge(monkeypatch, capsys):
    def too_slow(sessions, now):
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(SessionQuerySet, "counted", too_slow)
    SessionFactory(expired=True)
    Census.objects.create(day=day_of(timezone.now()), state="active", key_version="2026-11", count=7)
    with pytest.raises(CommandError, match="statement timeout"):
        call_command("purge_sessions", "--retain-expired=0", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["expired"], report["complete"], report["counted"]) == (1, False, None)
    assert list(counted().values()) == [7]


def test_a_row_says_what_it_counts():
    SessionFactory()
    take_census(now=datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert str(Census.objects.get()) == "2026-11-24: 1 active (2026-11)"
