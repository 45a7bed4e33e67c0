"""Every operation has an async twin of the same shape, written by hand."""

import inspect

import pytest

from codlet_sessions import auth
from codlet_sessions.manager import SessionManager
from codlet_sessions.models import SessionQuerySet
from codlet_sessions.requests import RequestSession
from codlet_sessions.stores.base import SessionStore
from codlet_sessions.stores.memory import MemorySessionStore
from codlet_sessions.stores.orm import OrmSessionStore


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


@pytest.mark.parametrize(("owner", "name"), [(SessionQuerySet, "revoke"), (RequestSession, "read")])
def test_what_lies_beneath_has_twins_too(owner, name):
    assert inspect.signature(getattr(owner, name)) == inspect.signature(getattr(owner, f"a{name}"))


@pytest.mark.parametrize("store", [OrmSessionStore, MemorySessionStore])
def test_a_store_leaves_nothing_to_the_defaults(store):
    assert {name for name in vars(SessionStore) if not name.startswith("_")} <= set(vars(store))
