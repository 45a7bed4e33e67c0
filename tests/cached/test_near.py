"""Copies in the memory of a process lag behind other processes by their life, and never behind their own."""

import pytest

from codlet_sessions import changes
from codlet_sessions.api import get_session_cache, sessions
from codlet_sessions.records import NO_FACTS, UNKNOWN_USER
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.stores import near as near_copies
from codlet_sessions.stores.near import NearCopies
from codlet_sessions.stores.orm import OrmSessionStore
from codlet_sessions.stores.session_cache import SessionCache
from codlet_sessions.subjects import Subject
from tests.cached.backends import STAGE, Hold
from tests.cached.conftest import is_copied, queries
from tests.cached.test_races import in_a_thread
from tests.documentation import PAGES
from tests.factories import UserFactory

NEAR = 5.0


@pytest.fixture
def near(cached, settings):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "CACHE_NEAR": NEAR}
    return get_session_cache().near


@pytest.fixture
def issued(near):
    issued = sessions.issue("device:42")
    assert is_copied(issued)
    return issued


def in_another_process(monkeypatch, change):
    """Change rows as a process does that has none of this one's copies."""
    with monkeypatch.context() as patch:
        patch.setattr(changes, "_find", lambda: SessionCache("sessions"))
        change()


def after(near, seconds):
    began = near._clock()
    near._clock = lambda: began + seconds


def path_of(issued):
    return [sessions.hasher.candidates(issued.secret)[0][0]]


def test_neither_the_cache_nor_the_database_is_asked(issued, face):
    STAGE.calls.clear()
    with queries() as asked:
        assert face.validate(issued.secret).subject == "device:42"
    assert (STAGE.calls, asked.captured_queries) == ([], [])


def test_a_session_that_is_ended_in_this_process_is_over_at_once(issued, face):
    face.revoke(issued.id)
    assert face.validate(issued.secret) is None


def test_one_that_is_ended_in_another_process_goes_on_until_its_copy_ends(issued, near, face, monkeypatch):
    in_another_process(monkeypatch, lambda: sessions.revoke(issued.id))
    assert face.validate(issued.secret) is not None
    after(near, NEAR)
    assert face.validate(issued.secret) is None


def test_the_docs_say_so_before_anything_else():
    _before, _heading, about = PAGES["caching"].text.partition("## Copies in the memory of a process\n\n")
    first_sentence = about.partition(".")[0]
    assert "ended in another process goes on in this one" in " ".join(first_sentence.split())


def test_what_was_being_looked_up_while_it_was_ended_is_not_kept(near, monkeypatch):
    issued = sessions.issue("device:42")
    ask, hold = OrmSessionStore.look_up, Hold()

    def ask_and_wait(*args):
        found = ask(*args)
        hold()
        return found

    monkeypatch.setattr(OrmSessionStore, "look_up", ask_and_wait)
    slow = in_a_thread(lambda: sessions.validate(issued.secret))
    assert hold.has_come.wait(20)
    sessions.revoke(issued.id)
    hold.may_go.set()
    assert slow.result(20) is not None  # it began before
    assert sessions.validate(issued.secret) is None


def test_what_the_cache_still_has_before_it_is_told_is_not_kept_either(issued):
    hold = STAGE.held["set_many"] = Hold()
    revoking = in_a_thread(lambda: sessions.revoke(issued.id))
    assert hold.has_come.wait(20)
    assert sessions.validate(issued.secret) is not None  # the revoking call has not returned
    hold.may_go.set()
    assert revoking.result(20)
    assert sessions.validate(issued.secret) is None


def test_a_copy_of_a_copy_ends_with_it(cached, settings):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "CACHE_MAX_STALE": 30, "CACHE_NEAR": 30}
    issued = sessions.issue("device:42")
    assert is_copied(issued)
    cache = get_session_cache()
    cache.near.forget(None)
    made_at = cache.clock()
    cache.clock = lambda: made_at + 20
    assert sessions.validate(issued.secret)
    assert cache.near.find(path_of(issued)) is not None
    after(cache.near, 11)
    assert cache.near.find(path_of(issued)) is None


def test_no_user_is_kept(near):
    user = UserFactory()
    issued = sessions.issue(user)
    sessions.validate(issued.secret)
    assert near.find(path_of(issued)).user is UNKNOWN_USER


def test_when_many_are_forgotten_so_are_all_copies(issued, near):
    get_session_cache().rows_changed(None)
    assert near.find(path_of(issued)) is None


def test_there_is_room_for_so_many_and_the_first_one_goes(monkeypatch):
    monkeypatch.setattr(near_copies, "MOST_KEPT", 2)
    near = NearCopies(NEAR)
    kept = [
        sessions._draft(Subject("device:42"), SessionSecret.generate(), None, None, None, NO_FACTS) for _ in range(3)
    ]
    for record in kept:
        near.keep(record, [record.lookup_key], near.ticket(), NEAR)
    near.keep(kept[1], [kept[1].lookup_key], near.ticket(), NEAR)
    assert [near.find([record.lookup_key]) for record in kept] == [None, kept[1], kept[2]]
