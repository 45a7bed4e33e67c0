"""What is in the cache opens nothing, and does not stay."""

import pickle

from django.core.cache import caches
from django.test import Client

from codlet_sessions.api import sessions
from tests.cached.conftest import IS_SERVED, WITH_EVERY_CLIENT, is_copied
from tests.factories import UserFactory

pytestmark = WITH_EVERY_CLIENT


def all_of(alias):
    """Return the keys of a cache, and its values as they lie there, as the bytes that somebody would find."""
    cache = caches[alias]
    if not IS_SERVED:
        return {key.encode(): value for key, value in cache._cache.items()}
    import redis

    with redis.Redis.from_url(cache_location(alias)) as client:
        return {key: client.get(key) for key in client.scan_iter(f"{cache.key_prefix}:*", count=1000)}


def cache_location(alias):
    from django.conf import settings

    return settings.CACHES[alias]["LOCATION"].replace("valkey://", "redis://")


def ttl_of(alias, key):
    import redis

    with redis.Redis.from_url(cache_location(alias)) as client:
        return client.ttl(key)


def test_neither_a_secret_nor_a_lookup_key_is_there(cached):
    client = Client()
    client.force_login(UserFactory())
    client.get("/s/who/")
    issued = sessions.issue("device:42")
    assert is_copied(issued)
    ended = sessions.issue("device:1")
    assert is_copied(ended)
    sessions.revoke(ended.id)
    everything = all_of(cached)
    found = b"".join(part for item in everything.items() for part in item)
    assert sum(b":copy:" in key for key in everything) == 2
    assert sum(b":mark:" in key for key in everything) >= 1
    assert str(issued.id).encode() in found
    for secret in (client.cookies["sessionid"].value, issued.secret.expose(), ended.secret.expose()):
        for lookup_key, _version in sessions.hasher.candidates(secret):
            for word in (secret.encode(), bytes.fromhex(secret), lookup_key.encode(), bytes.fromhex(lookup_key)):
                assert word not in found


def test_whatever_is_there_is_text(cached):
    assert is_copied(sessions.issue("device:42"))
    cache = caches[cached]
    for key, raw in all_of(cached).items():
        value = cache.get(key.decode().partition(":1:")[2])
        assert isinstance(value, str)
        assert pickle.dumps(value)[-20:] in raw or value.encode() in raw


def test_whatever_is_there_but_the_epoch_ends_by_itself(cached):
    issued = sessions.issue("device:42")
    assert is_copied(issued)
    sessions.touch(sessions.validate(issued.secret))
    sessions.revoke(sessions.issue("device:1").id)
    assert is_copied(issued)
    lives = {key.rpartition(b"codlet_sessions:")[2].partition(b":")[0]: life for key, life in lives_of(cached)}
    assert lives.keys() == {b"copy", b"mark", b"epoch"}
    assert 0 < lives[b"copy"] <= 30
    assert 30 < lives[b"mark"] <= 70
    assert lives[b"epoch"] is None


def lives_of(alias):
    """Yield each key with the seconds that it has to live; None for ever."""
    import time

    for key in all_of(alias):
        if IS_SERVED:
            life = ttl_of(alias, key)
            yield key, None if life == -1 else life
        else:
            ends_at = caches[alias]._expire_info[key.decode()]
            yield key, None if ends_at is None else ends_at - time.time()
