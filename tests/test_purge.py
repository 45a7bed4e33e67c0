"""Deleting what is over: the right rows, in bounded batches, interruptible, side by side."""

import importlib
import json
import sys
from datetime import timedelta
from io import StringIO
from threading import Barrier, Event, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections, transaction
from django.db.models.signals import post_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TransactionTestCase

from codlet_sessions.management.commands import purge_sessions
from codlet_sessions.models import Session
from codlet_sessions.purge import PurgeReport, purge
from codlet_sessions.querysets import SessionQuerySet
from tests.factories import SessionFactory

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NO_PAUSE = {"pause": timedelta()}


@pytest.fixture
def now():
    return timezone.now()


def expired_ago(ago, **kwargs):
    return SessionFactory(expires_at=timezone.now() - ago, **kwargs)


def revoked_ago(ago, **kwargs):
    return SessionFactory(revoked=True, revoked_at=timezone.now() - ago, **kwargs)


def left():
    return set(Session.objects.all())


def test_active_sessions_stay():
    active = SessionFactory()
    assert purge(retain_expired=timedelta(), retain_revoked=timedelta()).sessions == 0
    assert left() == {active}


def test_sessions_go_when_they_have_been_over_for_longer_than_the_retention():
    expired_ago(8 * DAY)
    revoked_ago(31 * DAY)
    kept = {expired_ago(6 * DAY), revoked_ago(29 * DAY)}
    report = purge()
    assert (report.expired, report.revoked) == (1, 1)
    assert left() == kept


def test_a_revoked_session_is_retained_by_its_revocation_even_after_it_expired():
    revoked_and_expired = revoked_ago(2 * DAY, expires_at=timezone.now() - 20 * DAY)
    purge(retain_expired=DAY, retain_revoked=3 * DAY)
    assert left() == {revoked_and_expired}
    assert purge(retain_expired=30 * DAY, retain_revoked=DAY).revoked == 1


def test_a_session_that_expires_or_was_revoked_at_this_very_moment_counts_as_over_only_afterwards(now):
    SessionFactory(expires_at=now)
    SessionFactory(revoked=True, revoked_at=now)
    assert purge(retain_expired=timedelta(), retain_revoked=timedelta(), now=now).sessions == 1
    later = now + timedelta(microseconds=1)
    assert purge(retain_expired=timedelta(), retain_revoked=timedelta(), now=later).sessions == 1


def test_no_batch_is_larger_than_its_bound():
    SessionFactory.create_batch(7, expired=True)
    sizes = []
    purge(retain_expired=timedelta(), batch_size=3, on_batch=lambda report: sizes.append(report.sessions), **NO_PAUSE)
    assert sizes == [3, 6, 7]


def test_sessions_that_end_in_the_same_instant_are_split_too(now):
    SessionFactory.create_batch(7, expires_at=now - HOUR)
    SessionFactory.create_batch(2, expires_at=now - HOUR / 2)
    report = purge(retain_expired=timedelta(), batch_size=3, **NO_PAUSE)
    assert (report.expired, report.batches) == (9, 4)
    assert not left()


def test_a_batch_is_one_delete_by_a_range_and_nothing_is_read_by_row():
    SessionFactory.create_batch(5, expired=True)
    with CaptureQueriesContext(connection) as queries:
        purge(retain_expired=timedelta(), batch_size=2, **NO_PAUSE)
    deletes = [query["sql"] for query in queries if is_delete_of_sessions(query)]
    assert len(deletes) == 3
    assert not any(" IN (" in sql or "lookup_key" in sql for sql in [query["sql"] for query in queries])


def is_delete_of_sessions(query):
    return query["sql"].startswith("DELETE") and Session._meta.db_table in query["sql"]


def test_a_revoked_batch_is_one_delete_of_the_ids_that_were_found():
    active = SessionFactory.create_batch(3)
    SessionFactory.create_batch(5, revoked=True)
    with CaptureQueriesContext(connection) as queries:
        purge(retain_revoked=timedelta(), batch_size=2, **NO_PAUSE)
    assert len([query for query in queries if is_delete_of_sessions(query)]) == 3
    assert left() == set(active)


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite locks the whole file")
def test_a_row_that_somebody_is_changing_does_not_hold_up_the_purge_of_others():
    SessionFactory(revoked=True)
    busy, changed, done = SessionFactory(), Event(), Event()

    def change():
        try:
            with transaction.atomic():
                Session.objects.filter(pk=busy.pk).update(user_agent="busy")
                changed.set()
                done.wait(30)
        finally:
            connections.close_all()

    thread = Thread(target=change)
    thread.start()
    changed.wait(30)
    try:
        assert purge(retain_revoked=timedelta(), **NO_PAUSE).revoked == 1
        assert not done.is_set()
    finally:
        done.set()
        thread.join()


def test_a_listener_to_deletions_does_not_turn_it_into_row_by_row_work():
    def listener(**payload):
        """Listen, as an audit log does to every model."""

    post_delete.connect(listener)
    SessionFactory.create_batch(5, expired=True)
    try:
        with CaptureQueriesContext(connection) as queries:
            purge(retain_expired=timedelta(), **NO_PAUSE)
    finally:
        post_delete.disconnect(listener)
    assert len([query for query in queries if is_delete_of_sessions(query)]) == 1


def test_a_dry_run_counts_and_deletes_nothing():
    SessionFactory.create_batch(5, expired=True)
    revoked_ago(DAY, expires_at=timezone.now() - HOUR)
    report = purge(retain_expired=timedelta(), retain_revoked=timedelta(), batch_size=2, dry_run=True)
    assert (report.expired, report.revoked, len(left())) == (5, 1, 6)


def test_between_batches_it_pauses_as_long_as_it_is_told_or_as_the_batch_took(monkeypatch):
    naps = []
    monkeypatch.setattr("codlet_sessions.purge.time.sleep", naps.append)
    SessionFactory.create_batch(2, expired=True)
    purge(retain_expired=timedelta(), batch_size=1, pause=timedelta(seconds=7))
    assert naps == [7, 7]
    SessionFactory(expired=True)
    purge(retain_expired=timedelta())
    assert 0 < naps[-1] < 7


def test_interrupted_anywhere_it_has_lost_nothing_and_goes_on_where_it_stopped():
    active = SessionFactory()
    SessionFactory.create_batch(6, expired=True)

    def interrupt(report):
        if report.batches == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purge(retain_expired=timedelta(), batch_size=2, on_batch=interrupt, **NO_PAUSE)
    assert len(left()) == 3
    assert purge(retain_expired=timedelta(), batch_size=2, **NO_PAUSE).expired == 2
    assert left() == {active}


def test_two_at_once_do_no_harm_and_share_the_work():
    active = SessionFactory.create_batch(5)
    SessionFactory.create_batch(60, expired=True)
    SessionFactory.create_batch(60, revoked=True)
    start, reports = Barrier(3, timeout=30), []

    def run():
        try:
            start.wait()
            reports.append(
                purge(
                    retain_expired=timedelta(),
                    retain_revoked=timedelta(),
                    now=timezone.now() + HOUR / 2,
                    batch_size=7,
                    **NO_PAUSE,
                )
            )
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left() == set(active)
    assert sum(report.sessions for report in reports) == 120


def test_a_batch_that_met_a_deadlock_is_tried_again(monkeypatch):
    SessionFactory(expired=True)
    delete, faults = SessionQuerySet.delete_rows, [OperationalError("deadlock")] * 4

    def deadlocking(batch):
        if faults:
            raise faults.pop()
        return delete(batch)

    monkeypatch.setattr(SessionQuerySet, "delete_rows", deadlocking)
    assert purge(retain_expired=timedelta()).expired == 1


def test_a_database_that_stays_broken_is_reported(monkeypatch):
    SessionFactory(expired=True)

    def broken(batch):
        raise OperationalError("disk full")

    monkeypatch.setattr(SessionQuerySet, "delete_rows", broken)
    with pytest.raises(OperationalError, match="disk full"):
        purge(retain_expired=timedelta())


@pytest.mark.parametrize(
    "wrong",
    [{"retain_expired": -DAY}, {"retain_revoked": -DAY}, {"pause": -DAY}, {"pause": 2 * DAY}, {"batch_size": 0}],
)
def test_less_than_nothing_is_refused_and_deletes_nothing(wrong):
    session = expired_ago(100 * DAY)
    with pytest.raises(ValueError, match=r"must not be negative|longer than a day"):
        purge(**wrong)
    assert left() == {session}


class WhateverTheRows(TransactionTestCase):
    @given(
        st.lists(st.tuples(st.integers(-3, 3), st.none() | st.integers(-3, 3)), max_size=12),
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(1, 5),
    )
    @settings(max_examples=40)
    def test_exactly_the_sessions_over_for_longer_than_the_retention_go(self, rows, expired, revoked, batch_size):
        now = timezone.now()
        for expires, ended in rows:
            SessionFactory(expires_at=now + expires * DAY, revoked_at=None if ended is None else now + ended * DAY)
        over = {
            session
            for session in left()
            if (session.revoked_at and session.revoked_at < now - revoked * DAY)
            or (not session.revoked_at and session.expires_at <= now - expired * DAY)
        }
        kept = left() - over
        report = purge(
            retain_expired=expired * DAY, retain_revoked=revoked * DAY, batch_size=batch_size, now=now, **NO_PAUSE
        )
        assert left() == kept
        assert report.sessions == len(over)
        Session.objects.all().delete()


def run(*options, **keywords):
    out = StringIO()
    call_command("purge_sessions", *options, stdout=out, **keywords)
    return out.getvalue()


def test_the_command_says_in_one_line_what_it_did():
    SessionFactory.create_batch(2, expired=True)
    revoked_ago(HOUR)
    line = run("--retain-expired=0", "--retain-revoked=0", "--pause=0", "--batch-size=1")
    assert line.startswith("Deleted 2 expired and 1 revoked sessions, and what was known of the clients of 0 more,")
    assert " from 'default' in 3 batches and " in line
    assert line.count("\n") == 1


def test_the_command_says_what_a_dry_run_would_do():
    SessionFactory(expired=True)
    line = run("--retain-expired", "0", "--dry-run")
    assert line == (
        "Would delete 1 expired and 0 revoked sessions, and what is known of the clients of 0 more, from 'default'"
        " in 1 batches.\n"
    )
    assert left()


def test_the_command_speaks_json():
    SessionFactory(expired=True)
    report = json.loads(run("--json", retain_expired=0))
    assert report.pop("seconds") >= 0
    assert report == {
        "expired": 1,
        "revoked": 0,
        "forgotten": 0,
        "batches": 1,
        "database": "default",
        "dry_run": False,
        "complete": True,
        "counted": 0,
    }


@pytest.mark.parametrize(
    "options",
    [
        ["--retain-expired=-1"],
        ["--retain-revoked=nan"],
        ["--batch-size=0"],
        ["--pause=-1"],
        ["--pause=1e12"],
        ["--retain-expired=1e300"],
    ],
)
def test_the_command_refuses_nonsense_and_deletes_nothing(options):
    session = expired_ago(100 * DAY)
    with pytest.raises(CommandError, match="Nothing was deleted"):
        run(*options)
    assert left() == {session}


def test_the_command_refuses_an_unknown_database():
    with pytest.raises(CommandError, match=r"There is no database 'nowhere'\. DATABASES has: default"):
        run("--database=nowhere")


def test_the_command_asks_the_router_where_sessions_are(settings):
    settings.DATABASE_ROUTERS = ["tests.test_purge.SessionsElsewhere"]
    with pytest.raises(CommandError, match="There is no database 'elsewhere'"):
        run()
    assert "from 'default'" in run("--database=default")


class SessionsElsewhere:
    def db_for_write(self, model, **hints):
        return "elsewhere"


def test_options_from_code_may_be_text_and_must_be_numbers():
    assert run(retain_expired="7").startswith("Deleted 0 expired")
    with pytest.raises(CommandError, match="Nothing was deleted"):
        run(retain_expired="a week")


def test_an_interrupted_command_says_how_far_it_came_and_exits_like_one(monkeypatch, capsys):
    def interrupted(on_batch, **options):
        on_batch(PurgeReport(expired=5, batches=1))
        raise KeyboardInterrupt

    monkeypatch.setattr("codlet_sessions.management.commands.purge_sessions.purge", interrupted)
    with pytest.raises(CommandError, match="Nothing is lost: run it again") as caught:
        call_command("purge_sessions")
    assert caught.value.returncode == 130
    assert "Deleted 5 expired" in capsys.readouterr().out


def test_a_command_that_failed_says_so_to_machines_too(database_down, capsys):
    with pytest.raises(CommandError):
        call_command("purge_sessions", "--json")
    assert json.loads(capsys.readouterr().out)["complete"] is False


def test_a_command_without_a_database_says_so(database_down):
    with pytest.raises(CommandError, match="The database failed; nothing is lost: run it again to go on"):
        run()


@pytest.fixture
def terminal(monkeypatch):
    """A standard error stream that is a terminal."""
    stream = StringIO()
    stream.isatty = lambda: True
    return stream


def test_on_a_terminal_there_is_a_progress_bar(terminal):
    SessionFactory.create_batch(4, expired=True)
    run("--retain-expired=0", "--pause=0", "--batch-size=2", "--force-color", stderr=terminal)
    assert "100%" in terminal.getvalue()
    assert "4/4" in terminal.getvalue()
    assert terminal.getvalue().count("\n") == 1
    assert "\x1b[" not in terminal.getvalue()


def test_on_a_terminal_without_the_extra_there_are_plain_lines(terminal, monkeypatch):
    monkeypatch.setattr("codlet_sessions.management.commands.purge_sessions.tqdm", None)
    SessionFactory.create_batch(4, expired=True)
    run("--retain-expired=0", "--pause=0", "--batch-size=2", stderr=terminal)
    assert "2 sessions in 1 batches so far" in terminal.getvalue()
    assert "4 sessions in 2 batches so far" in terminal.getvalue()


def test_without_the_extra_the_command_still_imports(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tqdm", None)
        assert importlib.reload(purge_sessions).tqdm is None
    assert importlib.reload(purge_sessions).tqdm is not None
