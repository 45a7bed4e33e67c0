"""Requests that write to one session at the same time: each one's changes are there afterwards."""

from django.contrib.sessions.backends.db import SessionStore as DjangosStore

from codlet_sessions.models import Session
from tests.races.conftest import keys_of

MANY = 50


def set_as_many_keys_at_once(world, cookie):
    calls = [(f"load,meet:loaded,set:key-{number}", cookie) for number in range(MANY)]
    return world.race(calls, loaded=MANY)


def test_fifty_requests_that_each_set_another_key_lose_none(world, cookie):
    answers = set_as_many_keys_at_once(world, cookie)
    assert {answer.status for answer in answers} == {200}
    assert keys_of(cookie) == {"cart", *(f"key-{number}" for number in range(MANY))}
    assert Session.objects.get().data_version == MANY


def test_on_djangos_engine_the_same_race_loses_keys(on_djangos_engine, world, cookie):
    set_as_many_keys_at_once(world, cookie)
    assert len(set(DjangosStore(cookie).keys())) < MANY


def test_a_key_that_one_deletes_stays_deleted_while_the_other_sets_another(world, cookie):
    world.race([("load,meet:loaded,delete:cart", cookie), ("load,meet:loaded,set:colour", cookie)], loaded=2)
    assert keys_of(cookie) == {"colour"}
