"""What a look-up costs when there is a copy, and what a write costs because there may be one."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone
from django.utils.connection import ConnectionDoesNotExist

from codlet_sessions.api import sessions
from codlet_sessions.backends.cached_db import SessionStore
from codlet_sessions.models import Session
from codlet_sessions.records import Cause, SessionRecord
from tests.cached.backends import STAGE
from tests.cached.conftest import is_copied, queries
from tests.factories import UserFactory
from tests.test_thread_hops import counted_hops


def verbs(asked):
    return [query["sql"].split()[0] for query in asked.captured_queries]


def asked_of(look_up):
    """Return the queries and the calls of the cache that a look-up makes."""
    STAGE.calls.clear()
    with queries() as asked:
        assert look_up()
    return verbs(asked), list(STAGE.calls)


def test_a_look_up_of_which_there_is_a_copy_costs_one_call_and_no_query(warm):
    candidates, now = sessions.hasher.candidates(warm.secret), sessions.clock()
    assert asked_of(lambda: sessions.validate(warm.secret)) == ([], ["get_many"])
    assert asked_of(lambda: sessions.store.find_active_session(candidates, now)) == ([], ["get_many"])


def test_one_without_costs_a_query_and_two_calls(warm):
    other = sessions.issue("device:1")
    assert asked_of(lambda: sessions.validate(other.secret)) == (["SELECT"], ["get_many", "set_many"])


def test_nobody_elses_secret_costs_a_call_more_than_without_a_cache_and_leaves_nothing(warm):
    STAGE.calls.clear()
    assert sessions.validate("0" * 64) is None
    assert STAGE.calls == ["get_many"]


def test_a_secret_that_is_malformed_costs_nothing(warm):
    STAGE.calls.clear()
    assert sessions.validate("") is None
    assert STAGE.calls == []


def test_under_asgi_many_look_ups_share_calls_and_make_no_hop_each(cached, monkeypatch):
    issued = [sessions.issue(f"device:{number}") for number in range(20)]
    assert all(map(is_copied, issued))

    async def main():
        found = await asyncio.gather(*(sessions.avalidate(each.secret) for each in issued))
        return [each.subject for each in found]

    STAGE.calls.clear()
    STAGE.held["get_many"] = lambda *args: time.sleep(0.02)  # or a cache in memory might answer them one by one
    with counted_hops(monkeypatch) as hops:
        assert asyncio.run(main()) == [f"device:{number}" for number in range(20)]
    assert len(hops) == 0
    assert set(STAGE.calls) == {"get_many"}
    assert len(STAGE.calls) <= 5


def test_under_asgi_a_copy_is_made_for_the_next_one(cached):
    issued = sessions.issue("device:42")

    async def main():
        candidates, now = sessions.hasher.candidates(issued.secret), sessions.clock()
        found = [await sessions.store.alook_up(candidates, now) for _ in range(2)]
        return [*found, await sessions.store.afind_active_session(candidates, now)]

    STAGE.calls.clear()
    first, second, active = asyncio.run(main())
    assert first == second
    assert active == first.as_active()
    assert STAGE.calls == ["get_many", "set_many", "get_many", "get_many"]


def test_a_copy_says_what_the_row_says(cached):
    user = UserFactory()
    client = Client()
    client.force_login(user)
    secret = client.cookies["sessionid"].value
    asked = sessions.hasher.candidates(secret), sessions.clock()
    row, copy = sessions.store.look_up(*asked), sessions.store.look_up(*asked)
    assert isinstance(copy, SessionRecord)
    assert copy == row
    assert {name: type(getattr(copy, name)) for name in RECORD} == {name: type(getattr(row, name)) for name in RECORD}


RECORD = [name for name in SessionRecord.__slots__ if name != "user"]


def test_a_page_that_asks_who_it_is_costs_no_query_and_one_for_the_user_costs_one(cached):
    client = Client()
    client.force_login(UserFactory())
    client.get("/s/who/")
    assert asked_of(lambda: client.get("/s/who/").json()["subject"]) == ([], ["get_many"])
    assert asked_of(lambda: client.get("/s/user/").content) == (["SELECT"], [])


def test_where_users_are_read_from_a_replica_the_primary_is_spared(cached, settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.UsersFromAReplica"]
    client = Client()
    client.force_login(UserFactory())
    client.get("/s/who/")
    asked = []
    with pytest.raises(ConnectionDoesNotExist, match="replica"):
        asked_of(lambda: asked.append(client.get("/s/user/").content))
    assert STAGE.calls == ["get_many"]


class UsersFromAReplica:
    def db_for_read(self, model, **hints):
        return "replica" if model is User and not hints else None


def test_under_asgi_the_user_comes_without_a_hop_too(cached, monkeypatch):
    user = UserFactory()
    issued = sessions.issue(user)

    async def main():
        candidates, now = sessions.hasher.candidates(issued.secret), sessions.clock()
        return await sessions.store.alook_up_with_user(candidates, now)

    with counted_hops(monkeypatch) as hops:
        assert asyncio.run(main()).user.as_user() == user
    assert len(hops) == 0


def test_saving_a_session_costs_the_one_statement_that_it_does_without_a_cache(cached):
    store = SessionStore()
    store["value"] = 1
    store.save()
    store["value"] = 2
    with queries() as asked:
        store.save()
    assert verbs(asked) == ["UPDATE"]

    async def main():
        await store.aset("value", 3)
        await store.asave()
        await sync_to_async(connections.close_all)()

    asyncio.run(main())
    assert SessionStore(store.session_key)["value"] == 3


def test_ending_sessions_reads_their_keys_before_where_somebody_keeps_copies(warm):
    with queries() as asked:
        sessions.revoke(warm.id)
    statements = [verb for verb in verbs(asked) if verb in ("SELECT", "UPDATE")]
    locks_by_writing = not connections["default"].features.has_select_for_update
    assert statements == [*(["UPDATE"] if locks_by_writing else []), "SELECT", "UPDATE"]


def test_ending_none_tells_nobody(warm):
    STAGE.calls.clear()
    assert not sessions.revoke("01a20ec2-0000-7000-8000-000000000000")
    assert sessions.revoke_all("device:1") == 0
    assert Session.objects.none().revoke(timezone.now(), Cause()) == 0
    assert STAGE.calls == []


def test_under_asgi_a_session_without_a_copy_is_found_in_the_database(cached):
    issued = sessions.issue("device:42")
    asked = sessions.hasher.candidates(issued.secret), sessions.clock()
    assert asyncio.run(sessions.store.afind_active_session(*asked)) == issued.record
