"""What a session takes up, and what writing it costs: counted, and the same on every machine."""

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import Session
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)  # as outside of a request: no transaction around it
ROW = 400  # bytes: of a user's row on PostgreSQL, with what login() writes and no client facts
USED = {"index", "unique", "primary_key"}
INDEXES = {"id", "lookup_key", "subject", "expires_at"}


@pytest.fixture
def user():
    return UserFactory()


def signed_in(user):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    return session


WRITES = {
    "issue": lambda user: sessions.issue(user),
    "save": lambda user: signed_in(user).save(),
    "revoke_all": lambda user: sessions.revoke_all(user),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_one_statement_and_no_transaction(user, name):
    sessions.issue(user)
    with CaptureQueriesContext(connection) as queries:
        WRITES[name](user)
    assert len(queries) == 1, [query["sql"] for query in queries]


def test_a_revocation_is_one_statement(user):
    ended = sessions.issue(user).id
    with CaptureQueriesContext(connection) as queries:
        sessions.revoke(ended)
    assert len(queries) == 1


def test_the_table_has_the_indexes_that_are_read_and_no_other():
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, Session._meta.db_table)
    indexed = [
        tuple(facts["columns"])
        for facts in constraints.values()
        if USED & {use for use, is_so in facts.items() if is_so is True}
    ]
    assert sorted(indexed) == sorted((name,) for name in INDEXES)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL tells how big a row is")
def test_a_row_takes_no_more_bytes_than_it_did(user):
    signed_in(user).save()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_column_size(one.*) FROM {Session._meta.db_table} one")
        (size,) = cursor.fetchone()
    assert size <= ROW
