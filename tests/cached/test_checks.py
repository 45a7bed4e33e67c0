"""What the settings say of the cache, and what `check` says of it."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from codlet_sessions import api, checks
from codlet_sessions.middleware import SessionMiddleware
from codlet_sessions.models import Session
from codlet_sessions.stores.cached import CachedSessionStore
from codlet_sessions.stores.orm import OrmSessionStore
from tests.cached.conftest import ENGINE
from tests.test_settings import KEY, OURS, found

STORE = "codlet_sessions.stores.cached.CachedSessionStore"
KEYS = {"KEYS": {"v": KEY}}
AUTHENTICATION = "codlet_sessions.middleware.AuthenticationMiddleware"
SHARED = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://cache"}


def said_of(cache, *, deploy=True, **settings):
    """What we say: not Django, whose own checks need the client of each cache to be installed."""
    here = {"SESSION_ENGINE": ENGINE, "MIDDLEWARE": [OURS, AUTHENTICATION], "CACHES": {"default": cache}}
    asked = [checks.check_settings, checks.check_cache, *([checks.check_deployment] if deploy else [])]
    with override_settings(**here, **settings):
        messages = [message for check in asked for message in check(None)]
    return {message.id.removeprefix("codlet_sessions."): message for message in messages}


def test_a_cache_that_all_processes_share_is_in_order():
    assert not said_of(SHARED).keys() & {"E027", "E028", "E029", "E031", "W009"}


def test_a_cache_that_each_process_has_of_its_own_is_refused_but_on_a_developers_machine():
    in_memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    assert "CACHE_MAX_STALE in the others" in said_of(in_memory, deploy=False)["E031"].msg
    assert said_of(in_memory, deploy=False, DEBUG=True) == {}
    assert "E031" not in found(CACHES={"default": in_memory})  # with the other engine it is the host's affair


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("dummy.DummyCache", "keeps nothing"),
        ("db.DatabaseCache", "a query all the same"),
        ("filebased.FileBasedCache", "other machines do not see"),
    ],
)
def test_a_cache_that_spares_nothing_or_reaches_not_far_is_warned_of(backend, message):
    cache = {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": "/tmp/nowhere"}
    assert message in said_of(cache)["W009"].msg
    assert "W009" not in said_of(cache, deploy=False)


@pytest.mark.parametrize("location", ["redis://a,redis://b", ["redis://a", "redis://b"]])
def test_replicas_are_warned_of_and_shards_are_not(location):
    cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": location}
    assert "replicas" in said_of(cache)["W009"].msg
    assert "W009" not in said_of({**cache, "OPTIONS": {"CLIENT_CLASS": "django_redis.client.ShardClient"}})
    memcached = {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache", "LOCATION": location}
    assert "W009" not in said_of(memcached)


def test_a_backend_that_cannot_be_imported_is_left_to_django():
    assert not said_of({"BACKEND": "no.such.Cache"}).keys() & {"E031", "W009"}


def test_an_alias_of_no_cache_is_an_error_where_there_is_to_be_one(settings):
    assert "one of 'default'" in said_of(SHARED, SESSION_CACHE_ALIAS="sesions")["E029"].hint
    assert "E029" not in found(SESSION_CACHE_ALIAS="sesions")
    settings.SESSION_ENGINE, settings.SESSION_CACHE_ALIAS = ENGINE, "sesions"
    with pytest.raises(ImproperlyConfigured, match="not a cache in CACHES"):
        SessionMiddleware(lambda request: None)


@pytest.mark.django_db
def test_whoever_changes_rows_under_wrong_settings_is_told_which(settings):
    settings.SESSION_ENGINE, settings.CODLET_SESSIONS = ENGINE, {"CACHE_MAX_STALE": -1}
    with pytest.raises(ImproperlyConfigured, match="CACHE_MAX_STALE"):
        Session.objects.update(subject="x")


def test_the_engine_brings_its_store_unless_the_host_has_one_of_its_own(settings):
    settings.SESSION_ENGINE = ENGINE
    assert isinstance(api.get_manager().store, CachedSessionStore)
    settings.CODLET_SESSIONS = {**KEYS, "STORE": "tests.cached.test_checks.OfTheHost"}
    assert type(api.get_manager().store) is OfTheHost
    assert api.get_session_cache() is None


def test_the_store_alone_has_the_cache_too(settings):
    settings.CODLET_SESSIONS = {
        **KEYS,
        "STORE": STORE,
        "CACHE_MAX_STALE": timedelta(minutes=1),
        "CACHE_NEAR": 2.5,
        "LOOKUP_CONNECTIONS": 7,
    }
    store = api.get_manager().store
    assert store.copying.cache is api.get_session_cache()
    assert (store.copying.cache.alias, store.copying.cache.max_stale) == ("default", 60.0)
    assert store.copying.cache.near is not None
    assert store.own_connections == 7


def test_with_neither_there_is_no_cache_and_nobody_is_told_of_changes():
    assert api.get_session_cache() is None
    assert type(api.get_manager().store) is OrmSessionStore


class OfTheHost(OrmSessionStore):
    pass
