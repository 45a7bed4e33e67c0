"""`clearsessions`, by Django's name and by ours, with and without Django's app."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.contrib.sessions.models import Session as DjangosSession
from django.core.management import call_command, get_commands, load_command_class
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import RetiredKey, Session
from codlet_sessions.purge import BATCH_SIZE
from tests.factories import SessionFactory

DJANGOS = "django.contrib.sessions"
OURS = "codlet_sessions"


@pytest.mark.parametrize("app", [OURS, DJANGOS])
def test_clearsessions_deletes_what_expired_and_keeps_the_rest(app, capsys):
    kept = {SessionFactory().pk, SessionFactory(revoked=True).pk}
    SessionFactory.create_batch(3, expired=True)
    call_command(load_command_class(app, "clearsessions"))
    assert set(Session.objects.values_list("pk", flat=True)) == kept
    assert ("Deleted 3 expired" in capsys.readouterr().out) == (app == OURS)


@pytest.mark.parametrize("app", [OURS, DJANGOS])
def test_clearsessions_works_in_batches(app, monkeypatch):
    batches = []
    delete_rows = type(Session.objects.all()).delete_rows
    monkeypatch.setattr(
        type(Session.objects.all()), "delete_rows", lambda self: batches.append(delete_rows(self)) or batches[-1]
    )
    now = timezone.now()
    drafts = SessionFactory.build_batch(BATCH_SIZE + 10, expired=True)
    for age, draft in enumerate(drafts):
        draft.expires_at = now - timedelta(seconds=age + 1)
    Session.objects.bulk_create(drafts)
    call_command(load_command_class(app, "clearsessions"))
    assert sorted(batches) == [10, BATCH_SIZE]


def test_without_djangos_app_the_command_is_ours(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != DJANGOS]
    get_commands.cache_clear()
    try:
        assert get_commands()["clearsessions"] == OURS
        SessionFactory(expired=True)
        call_command("clearsessions", verbosity=0)
        assert not Session.objects.exists()
    finally:
        get_commands.cache_clear()


def test_under_another_engine_our_command_clears_that_engine(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    session = DjangosStore()
    session["value"] = "blue"
    session.set_expiry(-10)
    session.save()
    SessionFactory(expired=True)
    call_command(load_command_class(OURS, "clearsessions"))
    assert (DjangosSession.objects.count(), Session.objects.count()) == (0, 1)


def test_clearing_reads_no_row_also_when_an_app_listens_to_every_deletion():
    from django.db.models.signals import post_delete

    RetiredKey.objects.create(lookup_key="0" * 64, retired_at=timezone.now() - timedelta(minutes=2))
    post_delete.connect(lambda **facts: None, weak=False, dispatch_uid="listens")
    try:
        with CaptureQueriesContext(connection) as queries:
            SessionStore.clear_expired()
    finally:
        post_delete.disconnect(dispatch_uid="listens")
    assert not any("SELECT" in query["sql"] and "retiredkey" in query["sql"] for query in queries)
    assert not RetiredKey.objects.exists()


def test_clearing_forgets_the_keys_that_were_replaced_long_ago():
    store = SessionStore()
    store["value"] = "blue"
    store.save()
    store.cycle_key()
    SessionStore.clear_expired()
    assert str(RetiredKey.objects.get()).startswith(f"{timezone.now():%Y-}")
    RetiredKey.objects.update(retired_at=timezone.now() - timedelta(minutes=2))
    SessionStore.clear_expired()
    assert RetiredKey.objects.count() == 0
