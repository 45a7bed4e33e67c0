"""Both stores prove themselves by the kit that the package ships for everybody's stores."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from codlet_sessions.models import Session
from codlet_sessions.stores.memory import MemorySessionStore
from codlet_sessions.stores.orm import OrmSessionStore
from codlet_sessions.testing import SessionDataStoreConformance


@pytest.mark.django_db(transaction=True)
class TestOrmSessionStore(SessionDataStoreConformance):
    @pytest.fixture(autouse=True)
    def _fixtures(self, request):
        self.fixture = request.getfixturevalue

    def make_store(self):
        return OrmSessionStore()

    def make_unreachable_store(self):
        self.fixture("database_down")
        return OrmSessionStore()

    def revoked_at(self, session_id):
        return Session.objects.get(pk=session_id).revoked_at

    def counting_queries(self):
        return CaptureQueriesContext(connection)


@pytest.mark.django_db(transaction=True)
def test_only_a_store_in_a_database_can_be_in_a_transaction():
    assert not OrmSessionStore().in_transaction
    with transaction.atomic():
        assert OrmSessionStore().in_transaction
        assert not MemorySessionStore().in_transaction


class TestMemorySessionStore(SessionDataStoreConformance):
    def make_store(self):
        self.store = MemorySessionStore()
        return self.store

    def revoked_at(self, session_id):
        return self.store._records[session_id].revoked_at
