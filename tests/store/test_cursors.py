"""A cursor of Django's is kept from one statement to the next, and nobody can tell but by the time it takes."""

import asyncio
import threading
from contextlib import suppress

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, connection, connections
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreInvariantViolated, StoreUnavailable
from codlet_sessions.models import Session
from codlet_sessions.stores import cursors
from codlet_sessions.stores.orm import OrmSessionStore
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def made(monkeypatch):
    """One for each cursor that is made."""
    connection.close()
    create, made = connection.create_cursor, []

    def counting(*args, **kwargs):
        made.append(1)
        return create(*args, **kwargs)

    monkeypatch.setitem(vars(connections["default"]), "create_cursor", counting)
    return made


def look_up(issued):
    assert sessions.validate(issued.secret) == issued.record


def how_many(made, *issued):
    """Return how many cursors are made for a look-up of each of these sessions."""
    made.clear()
    for one in issued:
        look_up(one)
    return len(made)


@pytest.fixture
def ada():
    return sessions.issue(UserFactory())


@pytest.fixture
def grace():
    return sessions.issue(UserFactory())


def test_statements_on_one_connection_share_a_cursor(made, ada, grace):
    look_up(ada)
    assert how_many(made, ada, grace, ada) == 0


def test_a_new_connection_has_a_new_one(made, ada):
    look_up(ada)
    connection.close()
    assert how_many(made, ada, ada) >= 1
    assert how_many(made, ada) == 0


def test_queries_are_logged_as_soon_as_somebody_wants_to_see_them(made, ada):
    look_up(ada)
    with CaptureQueriesContext(connection) as queries:
        look_up(ada)
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        pass
    look_up(ada)
    assert len(queries) == 0


def test_what_runs_while_a_statement_does_has_a_cursor_of_its_own(made, ada, grace):
    look_up(ada)
    asked = []

    def looks_another_one_up(execute, *what):
        if not asked:
            asked.append(1)
            look_up(grace)
            result = execute(*what)
            look_up(grace)
            return result
        return execute(*what)

    with connection.execute_wrapper(looks_another_one_up):
        look_up(ada)
    look_up(ada)
    assert asked == [1]


def test_a_wrapper_that_keeps_a_statement_from_the_database_gives_nobody_the_session_before(ada, grace):
    look_up(ada)
    found = None
    with connection.execute_wrapper(lambda execute, *what: None), suppress(StoreUnavailable):
        found = sessions.validate(grace.secret)
    assert found is None


def test_a_statement_that_failed_takes_its_cursor_along(made, ada):
    look_up(ada)
    with pytest.raises(StoreInvariantViolated):
        sessions.store.insert_session(sessions.store.read_session(ada.id))
    assert how_many(made, ada, ada) == 1
    assert Session.objects.count() == 1


def test_a_tool_that_puts_itself_in_the_place_of_cursor_sees_each_statement(ada, monkeypatch):
    look_up(ada)
    seen, cursor = [], connection.cursor
    monkeypatch.setitem(vars(connections["default"]), "cursor", lambda *args: seen.append(1) or cursor(*args))
    look_up(ada)
    look_up(ada)
    assert len(seen) >= 2


def test_a_backend_of_somebody_else_is_asked_for_each_one(made, ada, monkeypatch):
    look_up(ada)
    monkeypatch.setattr(type(connections["default"]), "__module__", "tenants.postgresql")
    assert how_many(made, ada, ada) == 2


def test_async_code_is_still_kept_from_a_connection(ada):
    look_up(ada)

    async def forgetful():
        OrmSessionStore().look_up(sessions.hasher.candidates(ada.secret), sessions.clock())

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(forgetful())


def test_another_thread_is_still_kept_from_it(ada):
    look_up(ada)
    refused = []

    def intrude():
        try:
            with cursors.cursor_on(mine):
                pass
        except DatabaseError as error:
            refused.append(str(error))

    mine = connections["default"]
    thread = threading.Thread(target=intrude)
    thread.start()
    thread.join()
    assert "can only be used in that same thread" in refused[0]


def test_a_connection_that_failed_its_health_check_is_not_used_again(made, ada, monkeypatch):
    look_up(ada)
    before = connection.connection
    known = vars(connections["default"])
    monkeypatch.setitem(known, "health_check_enabled", True)
    monkeypatch.setitem(known, "health_check_done", False)
    monkeypatch.setitem(known, "is_usable", lambda: False)
    look_up(ada)
    assert connection.connection is not before
