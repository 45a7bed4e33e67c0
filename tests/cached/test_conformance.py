"""The store behind a cache proves itself by the same kit as the one in the database, with copies of everything."""

import pytest

from codlet_sessions import changes
from codlet_sessions.models import Session
from codlet_sessions.stores.cached import CachedSessionStore, Copying
from codlet_sessions.stores.near import NearCopies
from codlet_sessions.stores.session_cache import SessionCache
from codlet_sessions.testing import HASHER, SessionDataStoreConformance


class Warmed(CachedSessionStore):
    """A store that has a copy of whatever it is asked for, if there may be one."""

    def find_active_session(self, candidates, now):
        self.look_up(candidates, now)
        return super().find_active_session(candidates, now)

    async def afind_active_session(self, candidates, now):
        await self.alook_up(candidates, now)
        return await super().afind_active_session(candidates, now)


class OnACache(SessionDataStoreConformance):
    @pytest.fixture(autouse=True)
    def _fixtures(self, request, cached, monkeypatch):
        self.fixture, self.patch = request.getfixturevalue, monkeypatch

    def cache(self):
        return SessionCache("sessions")

    def make_store(self):
        store, cache = Warmed(), self.cache()
        store.copying = Copying(cache, HASHER, is_fit=lambda record: True)
        self.patch.setattr(changes, "_find", lambda: cache)
        return store

    def make_unreachable_store(self):
        self.fixture("database_down")
        return self.make_store()

    def revoked_at(self, session_id):
        return Session.objects.get(pk=session_id).revoked_at


@pytest.mark.django_db(transaction=True)
class TestCachedSessionStore(OnACache):
    pass


@pytest.mark.django_db(transaction=True)
class TestWithNearCopies(OnACache):
    def cache(self):
        return SessionCache("sessions", near=NearCopies(5.0))
