"""A copy that is made of a row as it was before it changed comes too late, however late it comes."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.utils import timezone

from codlet_sessions.api import get_session_cache, sessions
from codlet_sessions.backends.cached_db import SessionStore
from codlet_sessions.models import Session
from codlet_sessions.querysets import _MOST_TOLD
from codlet_sessions.stores.session_cache import SessionCache
from tests.cached.backends import STAGE, Hold
from tests.cached.conftest import is_copied, on_loop
from tests.factories import SessionFactory


def writes_a_copy(data, *args):
    return any(key.startswith("codlet_sessions:copy:") for key in data)


def in_a_thread(function):
    """Call ``function`` in a thread with a connection of its own; return its future."""

    def run():
        try:
            return function()
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(1)
    future = pool.submit(run)
    pool.shutdown(wait=False)
    return future


@pytest.fixture(params=["sync", "async"])
def look_up(request):
    """Look a secret up by one of the faces."""
    if request.param == "sync":
        return sessions.validate
    return lambda secret: on_loop(sessions.avalidate(secret))


def overtake(look_up, secret, change, *, at="set_many"):
    """Have a look-up read the row, hold it up before it writes its copy, and let it go after ``change()``."""
    hold = STAGE.held[at] = Hold(writes_a_copy if at == "set_many" else lambda *args: True)
    slow = in_a_thread(lambda: look_up(secret))
    assert hold.has_come.wait(20)
    change()
    hold.may_go.set()
    return slow.result(20)


CHANGES = {
    "one is revoked": lambda issued: sessions.revoke(issued.id),
    "all of the subject are revoked": lambda issued: sessions.revoke_all("device:42"),
    "more are revoked than are told one by one": lambda issued: (
        SessionFactory.create_batch(_MOST_TOLD, subject="device:42"),
        sessions.revoke_all("device:42"),
    ),
    "it is revoked in a transaction": transaction.atomic(lambda issued: sessions.revoke(issued.id)),
    "it is deleted": lambda issued: Session.objects.filter(pk=issued.id).delete(),
    "it goes on under another secret": lambda issued: SessionStore(issued.secret.expose()).cycle_key(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_look_up_that_was_under_way_does_not_bring_the_old_row_back(cached, look_up, change):
    issued = sessions.issue("device:42")
    found = overtake(look_up, issued.secret, lambda: change(issued))
    assert found.subject == "device:42"  # it began before
    assert sessions.validate(issued.secret) is None
    assert on_loop(sessions.avalidate(issued.secret)) is None


def test_what_was_saved_meanwhile_is_read_and_copied(cached, look_up):
    store = SessionStore()
    store["value"] = "old"
    store.save()

    def save():
        other = SessionStore(store.session_key)
        other["value"] = "new"
        other.save()

    overtake(lambda secret: SessionStore(secret)["value"], store.session_key, save)
    assert SessionStore(store.session_key)["value"] == "new"
    assert SessionStore(store.session_key)["value"] == "new"


def test_a_cache_that_only_deletes_what_it_has_loses_that_race(cached, look_up, monkeypatch):
    """What other cached engines do: the race above is one."""
    mark = SessionCache._mark

    def only_delete(cache, lookup_keys):
        STAGE.held["set_many"] = lambda data, **rest: data.clear()
        mark(cache, lookup_keys)
        STAGE.held.clear()

    issued = sessions.issue("device:42")
    monkeypatch.setattr(SessionCache, "_mark", only_delete)
    overtake(look_up, issued.secret, lambda: sessions.revoke(issued.id))
    assert sessions.validate(issued.secret) is not None


def test_a_look_up_between_commit_and_mark_leaves_nothing_behind(cached):
    """It is served the copy, as the revoking call has not returned yet; the next one is not."""
    issued = sessions.issue("device:42")
    assert is_copied(issued)
    hold = STAGE.held["set_many"] = Hold()
    revoking = in_a_thread(lambda: sessions.revoke(issued.id))
    assert hold.has_come.wait(20)
    assert sessions.validate(issued.secret) is not None
    hold.may_go.set()
    assert revoking.result(20)
    assert sessions.validate(issued.secret) is None


def test_an_uncommitted_revocation_is_not_seen_and_the_copy_made_meanwhile_is_not_used_later(cached):
    issued = sessions.issue("device:42")
    with transaction.atomic():
        sessions.revoke(issued.id)
        if connections["default"].features.has_select_for_update:  # elsewhere readers may have to wait
            assert in_a_thread(lambda: is_copied(issued)).result(20)
    assert sessions.validate(issued.secret) is None


def test_no_look_up_that_begins_after_a_revocation_finds_the_session(cached):
    """Many at once, from async code and from threads, while copies are made and used all the time."""
    get_session_cache()
    over = threading.Event()

    def keep_looking(secret):
        while not over.is_set():
            sessions.validate(secret)

    async def main():
        for _ in range(6):
            issued = await sessions.aissue("device:42")
            looking = [in_a_thread(lambda secret=issued.secret: keep_looking(secret)) for _ in range(2)]
            assert all(await asyncio.gather(*(sessions.avalidate(issued.secret) for _ in range(5))))
            await sessions.arevoke(issued.id)
            found = await asyncio.gather(*(sessions.avalidate(issued.secret) for _ in range(5)))
            over.set()
            assert found == [None] * 5
            for each in looking:
                await asyncio.to_thread(each.result, 20)
            over.clear()
        await sync_to_async(connections.close_all)()

    asyncio.run(main())


@pytest.mark.usefixtures("cached")
def test_sessions_issued_while_their_subject_is_revoked_are_over_or_active_for_everybody():
    """Whichever of two statements was first: the look-up and the table agree."""
    for _ in range(10):
        first = sessions.issue("device:42")
        together = threading.Barrier(2)

        def issue(together=together):
            together.wait(20)
            second = sessions.issue("device:42")
            sessions.validate(second.secret)
            return second

        issuing = in_a_thread(issue)
        together.wait(20)
        sessions.revoke_all("device:42")
        for issued in (first, issuing.result(20)):
            is_active = Session.objects.active(timezone.now()).filter(pk=issued.id).exists()
            assert (sessions.validate(issued.secret) is not None) == is_active
