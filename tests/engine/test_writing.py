"""A write is one conditional UPDATE; what two requests wrote is merged; what cannot be written says why."""

import pickle

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.errors import StoreUnavailable
from codlet_sessions.merging import merge
from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet

DATA = st.dictionaries(st.sampled_from("abcdef"), st.none() | st.booleans() | st.integers(0, 2) | st.text(max_size=2))


class Faced:
    """A store through one of its faces."""

    def __init__(self, key=None, *, is_async):
        self.store, self.is_async = SessionStore(key), is_async

    def __getattr__(self, name):
        return async_to_sync(getattr(self.store, f"a{name}")) if self.is_async else getattr(self.store, name)

    def put(self, key, value):
        if self.is_async:
            async_to_sync(self.store.aset)(key, value)
        else:
            self.store[key] = value


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def opened(request):
    """A function that opens the stored session once more."""
    first = SessionStore()
    first.update({"cart": ["apple"], "colour": "blue"})
    first.save()
    return lambda: Faced(first.session_key, is_async=request.param)


def test_a_save_is_one_update_on_id_version_and_not_revoked(opened):
    session = opened()
    session.put("colour", "red")
    with CaptureQueriesContext(connection) as queries:
        session.save()
    (query,) = queries
    condition = query["sql"].split("WHERE")[1]
    assert query["sql"].startswith("UPDATE")
    assert all(column in condition for column in ("id", "revoked_at", "data_version"))
    assert "lookup_key" not in query["sql"]


def test_changes_and_deletions_of_both_are_there(opened):
    one, other = opened(), opened()
    one.load(), other.load()
    one.put("size", 1)
    one.pop("colour")
    other.put("taste", "sweet")
    other.save()
    one.save()
    assert SessionStore(one.store.session_key).load() == {"cart": ["apple"], "size": 1, "taste": "sweet"}
    assert dict(one.items()) == {"cart": ["apple"], "size": 1, "taste": "sweet"}


def test_what_both_changed_is_the_last_writers(opened):
    one, other = opened(), opened()
    one.put("colour", "red")
    other.put("colour", "green")
    one.save()
    other.save()
    assert SessionStore(one.store.session_key)["colour"] == "green"


def test_a_value_that_was_changed_in_place_is_a_change(opened):
    one, other = opened(), opened()
    one.get("cart").append("pear")
    other.put("colour", "red")
    other.save()
    one.save()
    assert SessionStore(one.store.session_key).load() == {"cart": ["apple", "pear"], "colour": "red"}


def test_a_second_save_of_the_same_object_merges_with_what_came_between(opened):
    one, other = opened(), opened()
    one.put("size", 1)
    one.save()
    other.put("taste", "sweet")
    other.save()
    one.put("size", 2)
    one.save()
    assert SessionStore(one.store.session_key).load() == {
        "cart": ["apple"],
        "colour": "blue",
        "size": 2,
        "taste": "sweet",
    }


def test_a_true_where_a_one_was_is_written(opened):
    session = opened()
    session.put("size", 1)
    session.save()
    session.put("size", True)
    session.save()
    assert SessionStore(session.store.session_key)["size"] is True


def test_a_look_at_the_stored_data_in_between_does_not_undo_the_changes(opened):
    one, other = opened(), opened()
    one.put("size", 1)
    other.put("taste", "sweet")
    other.save()
    one.load()
    one.save()
    assert {"size", "taste"} <= set(SessionStore(one.store.session_key).load())


@given(loaded=DATA, mine=DATA, theirs=DATA)
def test_merging_keeps_each_ones_changes_and_prefers_mine(loaded, mine, theirs):
    merged = merge(mine, loaded, theirs, repr)
    for key in {*loaded, *mine, *theirs, *merged}:
        mine_is_as_loaded = (
            (key in mine) == (key in loaded)
            and mine.get(key) == loaded.get(key)
            and type(mine.get(key)) is type(loaded.get(key))
        )
        wanted = theirs if mine_is_as_loaded else mine
        assert (key in merged) == (key in wanted)
        assert merged.get(key) == wanted.get(key)


@given(loaded=DATA, theirs=DATA)
def test_whoever_changed_nothing_changes_nothing(loaded, theirs):
    assert merge(loaded, loaded, theirs, repr) == theirs


@pytest.mark.parametrize(
    ("reason", "is_harmless"), [("logout", True), ("rotated", True), ("administrator", False), ("requested", False)]
)
def test_only_a_write_that_nobody_misses_is_dropped_in_silence(opened, reason, is_harmless):
    session = opened()
    session.put("colour", "red")
    sessions.revoke(session.store.session_id, reason=reason)
    with pytest.raises(UpdateError) as caught:
        session.save()
    assert caught.value.is_harmless is is_harmless
    assert str(session.store.session_id) in str(caught.value)
    assert session.store.session_key not in str(caught.value)


def test_a_write_of_nothing_new_is_harmless_whoever_ended_the_session(opened):
    session = opened()
    session.load()
    session.get("cart")
    sessions.revoke(session.store.session_id)
    with pytest.raises(UpdateError) as caught:
        session.save()
    assert caught.value.is_harmless


def test_a_row_that_is_gone_is_no_longer_there(opened):
    session = opened()
    session.put("colour", "red")
    Session.objects.all().delete()
    with pytest.raises(UpdateError, match="no longer there") as caught:
        session.save()
    assert not caught.value.is_harmless


def test_a_session_that_was_ended_is_not_brought_back_by_asking_for_it_again(opened):
    session = opened()
    session.put("_auth_user_id", "1")
    sessions.revoke(session.store.session_id)
    assert session.load() == {}
    with pytest.raises(UpdateError):
        session.save()
    assert not Session.objects.filter(revoked_at=None).exists()


def test_a_signed_in_session_that_ended_cannot_be_renewed(opened):
    from django.contrib.sessions.exceptions import SessionInterrupted

    session = opened()
    session.put("_auth_user_id", "1")
    session.save()
    sessions.revoke(session.store.session_id)
    with pytest.raises(SessionInterrupted):
        session.cycle_key()
    assert not Session.objects.filter(revoked_at=None).exists()


def test_a_database_fault_is_never_a_session_that_was_deleted(opened, request):
    session = opened()
    session.put("colour", "red")
    request.getfixturevalue("database_down")
    with pytest.raises(StoreUnavailable):
        session.save()


def test_a_session_that_never_stops_changing_is_a_store_that_is_unavailable(opened, monkeypatch):
    monkeypatch.setattr("codlet_sessions.keeper._ATTEMPTS", 2)
    session = opened()
    session.put("colour", "red")
    monkeypatch.setattr(SessionQuerySet, "at_version", lambda self, version, now: self.none())
    with pytest.raises(StoreUnavailable, match="each of the 2 times"):
        session.save()


def test_the_hosts_serializer_is_used(settings, opened):
    settings.SESSION_SERIALIZER = "tests.engine.test_writing.ReprSerializer"
    store = SessionStore()
    store["set"] = {1, 2}
    store.save()
    assert SessionStore(store.session_key)["set"] == {1, 2}


def test_two_objects_are_the_same_if_they_are_stored_alike(settings):
    settings.SESSION_SERIALIZER = "tests.engine.test_writing.PickleSerializer"
    first = SessionStore()
    first["cart"] = Cart()
    first.save()
    one, other = SessionStore(first.session_key), SessionStore(first.session_key)
    one["cart"].books.append("Emma")
    other["n"] = 1
    other.load()
    one.save()
    other.save()
    stored = SessionStore(first.session_key)
    assert (stored["cart"].books, stored["n"]) == (["Emma"], 1)


def test_what_another_serializer_wrote_reads_as_no_data(settings, opened):
    key = opened().store.session_key
    settings.SESSION_SERIALIZER = "tests.engine.test_writing.ReprSerializer"
    assert SessionStore(key).load() == {}
    assert SessionStore().exists(key)


def test_large_data_is_compressed(opened):
    session = opened()
    session.put("text", "all work and no play " * 1000)
    session.save()
    assert len(Session.objects.get().data) < 1000
    assert SessionStore(session.store.session_key)["text"].startswith("all work")


class Cart:
    """Equal to nothing but itself, and to nothing a bool."""

    def __init__(self):
        self.books = []

    def __eq__(self, other):
        raise TypeError("carts are not compared")

    __hash__ = None


class PickleSerializer:
    def dumps(self, obj):
        return pickle.dumps(obj)

    def loads(self, data):
        return pickle.loads(data)


class ReprSerializer:
    def dumps(self, obj):
        return b"repr:" + repr(obj).encode()

    def loads(self, data):
        from ast import literal_eval

        if not data.startswith(b"repr:"):
            raise ValueError("somebody else's")
        return literal_eval(data.removeprefix(b"repr:").decode())


def test_two_tasks_of_one_request_share_one_query_and_lose_nothing(opened):
    import asyncio

    store = opened().store

    async def both():
        await asyncio.gather(store.aset("one", 1), store.aset("two", 2))
        await store.asave()

    with CaptureQueriesContext(connection) as queries:
        async_to_sync(both)()
    assert len(queries) == 2
    assert {"one", "two", "cart", "colour"} == set(SessionStore(store.session_key).load())
