"""Every operation has an async twin of the same shape, written by hand."""

import inspect

import pytest
from django.contrib.sessions.backends.base import SessionBase

from codlet_sessions import auth
from codlet_sessions.adoption import Predecessor
from codlet_sessions.engine import EngineSession
from codlet_sessions.keeper import SessionKeeper
from codlet_sessions.manager import SessionManager
from codlet_sessions.own_cookie import OwnCookieSession
from codlet_sessions.querysets import SessionQuerySet
from codlet_sessions.shared_cookie import SharedCookieSession
from codlet_sessions.stores.base import SessionDataStore, SessionStore
from codlet_sessions.stores.cached import CachedSessionStore
from codlet_sessions.stores.memory import MemorySessionStore
from codlet_sessions.stores.orm import OrmSessionStore

VIEWS = (OwnCookieSession, SharedCookieSession)
ENGINE = ("load", "exists", "save", "create", "delete", "cycle_key", "read", "clear_expired")


@pytest.mark.parametrize("owner", [SessionManager, SessionStore, OrmSessionStore, MemorySessionStore, auth])
def test_every_public_function_has_an_async_twin_with_the_same_signature(owner):
    mine = {name: function for name, function in vars(owner).items() if inspect.isfunction(function)}
    plain = {
        name
        for name, function in mine.items()
        if not name.startswith("_") and not inspect.iscoroutinefunction(function)
        and function.__module__ == getattr(owner, "__module__", owner.__name__)
    }  # fmt: skip
    assert len(plain) >= 2
    for name in plain:
        twin = mine[f"a{name}"]
        assert inspect.iscoroutinefunction(twin), name
        assert inspect.signature(mine[name]) == inspect.signature(twin), name


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (SessionQuerySet, "revoke"),
        *((view, name) for view in VIEWS for name in ("read", "sign_in", "sign_out", "answer")),
        *((SessionKeeper, name) for name in ("open", "finds", "begin", "save", "end")),
        *((Predecessor, name) for name in ("find", "adopt", "drop")),
        *((EngineSession, name) for name in ENGINE),
    ],
)
def test_what_lies_beneath_has_twins_too(owner, name):
    assert inspect.signature(getattr(owner, name)) == inspect.signature(getattr(owner, f"a{name}"))


def test_the_store_with_two_ways_says_in_both_worlds_which_one_it_takes():
    assert {"look_up_with_user", "alook_up_with_user"} <= set(vars(CachedSessionStore))


@pytest.mark.parametrize("store", [OrmSessionStore, MemorySessionStore])
def test_a_store_leaves_nothing_to_the_defaults(store):
    by_more_than_one_way = {"look_up_with_user", "alook_up_with_user"}
    asked_for = {*vars(SessionStore), *vars(SessionDataStore)} - by_more_than_one_way
    assert {name for name in asked_for if not name.startswith("_")} <= set(vars(store))


def test_the_engine_overrides_both_faces_or_neither():
    mine = {name for kind in EngineSession.__mro__ if kind is not SessionBase for name in vars(kind)}
    twins = {name: f"_a{name[1:]}" if name.startswith("_") else f"a{name}" for name in vars(SessionBase)}
    twins = {name: twin for name, twin in twins.items() if twin in vars(SessionBase)}
    assert len(twins) > 20
    for name, twin in twins.items():
        assert (name in mine) == (twin in mine), name
