"""Whichever way a session ends or changes, the next look-up knows, though there was a copy a moment ago."""

from datetime import timedelta

import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from django.core.management import call_command
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from codlet_sessions import api
from codlet_sessions.api import sessions
from codlet_sessions.auth import login
from codlet_sessions.backends.cached_db import SessionStore
from codlet_sessions.models import Session
from codlet_sessions.querysets import _MOST_TOLD
from codlet_sessions.records import Cause
from tests.admin_pages import confirm, staff_with
from tests.cached.backends import STAGE
from tests.cached.conftest import WITH_EVERY_CLIENT, OnLoop, is_copied, on_loop, queries
from tests.factories import SessionFactory, UserFactory

pytestmark = WITH_EVERY_CLIENT

SESSIONS = "/admin/codlet_sessions/session/"


class Visit:
    """Somebody who has signed in with a browser, and whose session there is a copy of."""

    def __init__(self):
        self.user = UserFactory()
        self.user.set_password("a secret of hers")
        self.user.save()
        self.client = Client()
        self.client.force_login(self.user)
        self.secret = self.client.cookies["sessionid"].value
        self.id = sessions.validate(self.secret).id
        assert is_copied(self)


def by_id(visit):
    assert sessions.revoke(visit.id)


def by_id_from_async_code(visit):
    assert OnLoop().revoke(visit.id)


def all_of_the_subject(visit):
    assert sessions.revoke_all(visit.user) == 1


def all_of_the_subject_from_async_code(visit):
    assert OnLoop().revoke_all(visit.user) == 1


def all_of_a_subject_with_many(visit):
    SessionFactory.create_batch(_MOST_TOLD, user=visit.user)
    assert sessions.revoke_all(visit.user) == _MOST_TOLD + 1


def logout(visit):
    SessionStore(visit.secret).flush()


def logout_from_async_code(visit):
    on_loop(SessionStore(visit.secret).aflush())


def rotation(visit):
    store = SessionStore(visit.secret)
    store.cycle_key()


def a_changed_password(visit):
    visit.user.set_password("another one")
    visit.user.save()


def a_deactivated_user(visit):
    visit.user.is_active = False
    visit.user.save()


def a_deleted_user(visit):
    visit.user.delete()


def a_limit(visit):
    request = Client().get("/s/who/").wsgi_request
    login(request, visit.user)


def an_action_of_the_admin(visit):
    client = staff_with("view_session", "revoke_session")
    asked = client.post(SESSIONS, {"action": "revoke_selected", "_selected_action": [str(visit.id)]})
    confirm(client, asked)


def a_command_for_one(visit):
    call_command("revoke_sessions", "--id", str(visit.id), verbosity=0)


def a_command_for_a_key_version(visit):
    call_command("revoke_sessions", "--key-version", "2026-11", verbosity=0)


def a_command_for_everybody(visit):
    call_command("revoke_sessions", "--all", verbosity=0)


def a_command_for_what_no_signal_told(visit):
    type(visit.user).objects.filter(pk=visit.user.pk).update(is_active=False)
    call_command("revoke_sessions", "--outdated", verbosity=0)


def a_command_in_a_process_that_has_looked_nothing_up(visit):
    for built in (api.get_manager, api.get_keeper, api.get_session_cache):
        built.cache_clear()
    call_command("revoke_sessions", "--id", str(visit.id), verbosity=0)


def a_queryset(visit):
    Session.objects.filter(pk=visit.id).revoke(timezone.now(), Cause())


def an_update_of_the_hosts(visit):
    Session.objects.filter(user__username=visit.user.username).update(revoked_at=timezone.now())


def a_deletion_of_the_hosts(visit):
    Session.objects.filter(pk=visit.id).delete()


def a_purge_that_retains_nothing(visit):
    sessions.revoke(visit.id)
    call_command("purge_sessions", "--retain-revoked", "0", verbosity=0)
    assert not Session.objects.filter(pk=visit.id).exists()


WAYS = [
    by_id,
    by_id_from_async_code,
    all_of_the_subject,
    all_of_the_subject_from_async_code,
    all_of_a_subject_with_many,
    logout,
    logout_from_async_code,
    rotation,
    a_changed_password,
    a_deactivated_user,
    a_deleted_user,
    a_limit,
    an_action_of_the_admin,
    a_command_for_one,
    a_command_for_a_key_version,
    a_command_for_everybody,
    a_command_for_what_no_signal_told,
    a_command_in_a_process_that_has_looked_nothing_up,
    a_queryset,
    an_update_of_the_hosts,
    a_deletion_of_the_hosts,
    a_purge_that_retains_nothing,
]


@pytest.mark.parametrize("end", WAYS, ids=lambda end: end.__name__)
def test_a_session_of_which_there_was_a_copy_is_over_at_once(cached, settings, end):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "MAX_SESSIONS": 1}
    visit = Visit()
    end(visit)
    assert sessions.validate(visit.secret) is None
    assert OnLoop().validate(visit.secret) is None
    assert "_auth_user_id" not in visit.client.session


def test_what_one_request_has_saved_the_next_one_reads(cached):
    store = SessionStore()
    store["value"] = 1
    store.save()
    for value in (2, 3):
        reader = SessionStore(store.session_key)
        assert reader["value"] == value - 1
        reader["value"] = value
        reader.save()
    assert SessionStore(store.session_key)["value"] == 3


def test_that_a_session_is_in_use_is_seen_at_once(cached, settings):
    issued = sessions.issue("device:42", idle_time=timedelta(hours=1))
    assert is_copied(issued)
    before = sessions.validate(issued.secret)
    Session.objects.filter(pk=issued.id).update(last_seen_at=before.last_seen_at - timedelta(minutes=10))
    assert sessions.touch(sessions.validate(issued.secret))
    assert sessions.validate(issued.secret).idle_expires_at > before.idle_expires_at
    assert not sessions.touch(sessions.validate(issued.secret))


def test_after_a_change_there_is_a_copy_again(warm):
    Session.objects.filter(pk=warm.id).update(expires_at=timezone.now() + timedelta(days=1))
    assert is_copied(warm)


def test_the_copies_of_others_stay(cached):
    kept, ended = sessions.issue("device:1"), sessions.issue("device:2")
    assert is_copied(kept)
    sessions.revoke(ended.id)
    with queries() as asked:
        assert sessions.validate(kept.secret)
    assert not asked.captured_queries


def test_a_revocation_that_is_rolled_back_changes_nothing(warm):
    with transaction.atomic():
        sessions.revoke(warm.id)
        transaction.set_rollback(True)
    with queries() as asked:
        assert sessions.validate(warm.secret)
    assert not asked.captured_queries


def test_in_the_transaction_that_revokes_it_a_session_is_over_and_outside_when_that_is_committed(warm):
    asked = sessions.hasher.candidates(warm.secret), sessions.clock()
    with transaction.atomic():
        sessions.revoke(warm.id)
        assert sessions.validate(warm.secret) is None
        assert async_to_sync(sessions.avalidate)(warm.secret) is None
        assert sessions.store.find_active_session(*asked) is None
        assert async_to_sync(sessions.store.afind_active_session)(*asked) is None
    assert sessions.validate(warm.secret) is None


def test_in_a_transaction_that_async_code_has_opened_in_its_thread_a_revocation_is_seen(warm):
    async def main():
        async with ThreadSensitiveContext():
            atomic = transaction.atomic()
            await sync_to_async(atomic.__enter__)()
            await sessions.arevoke(warm.id)
            found = await sessions.avalidate(warm.secret)
            await sync_to_async(atomic.__exit__)(None, None, None)
            afterwards = await sessions.avalidate(warm.secret)
            await sync_to_async(connections.close_all)()
            return found, afterwards

    assert on_loop(main()) == (None, None)


def test_a_look_up_in_a_transaction_leaves_no_copy_of_what_is_rolled_back(cached):
    with transaction.atomic():
        issued = sessions.issue("device:42")
        assert sessions.validate(issued.secret)
        transaction.set_rollback(True)
    assert sessions.validate(issued.secret) is None


def test_forgetting_what_is_known_of_clients_leaves_the_copies_alone(warm):
    STAGE.calls.clear()
    Session.objects.filter(pk=warm.id).update(user_agent="", ip_address=None)
    assert STAGE.calls == []


def test_a_session_issued_while_a_subject_is_being_revoked_is_found_out_about(cached, monkeypatch):
    """A row that the statement ends, and that was not there when the rows were locked."""
    first, second = sessions.issue("device:42"), sessions.issue("device:42")
    assert is_copied(second)
    locked = Session.objects.none().__class__._locked_keys
    monkeypatch.setattr(
        "codlet_sessions.querysets.SessionQuerySet._locked_keys", lambda rows: locked(rows.filter(pk=first.id))
    )
    assert sessions.revoke_all("device:42") == 2
    assert sessions.validate(second.secret) is None
