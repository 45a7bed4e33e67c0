"""Statements go to the driver by a cursor that is kept; and whoever watches Django's cursors sees each of them."""

import asyncio
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends import utils
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreInvariantViolated, StoreUnavailable
from codlet_sessions.models import Session
from codlet_sessions.stores import cursors
from codlet_sessions.stores.orm import OrmSessionStore
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
has_a_way = pytest.mark.skipif("connection.vendor == 'mysql'", reason="there, Django's cursor costs next to nothing")


@pytest.fixture
def made(monkeypatch):
    """One for each cursor of the driver's that is made for us, and the statements that go by them."""
    connection.close()
    way, made = cursors._WAYS.get(connection.vendor), SimpleNamespace(cursors=0, statements=0)

    def counting(*args):
        made.cursors += 1
        return way.cursor_of(*args)

    def executing(*args):
        made.statements += 1
        return way.execute(*args)

    if way is not None:
        monkeypatch.setitem(cursors._WAYS, connection.vendor, cursors._Way(counting, executing))
    return made


def look_up(issued):
    assert sessions.validate(issued.secret) == issued.record


def how_many(made, *issued):
    """Return how many cursors are made for a look-up of each of these sessions."""
    made.cursors = 0
    for one in issued:
        look_up(one)
    return made.cursors


def is_direct(made, issued):
    made.statements = 0
    look_up(issued)
    return made.statements == 1


@pytest.fixture
def ada():
    return sessions.issue(UserFactory())


@pytest.fixture
def grace():
    return sessions.issue(UserFactory())


@has_a_way
def test_statements_on_one_connection_share_a_cursor(made, ada, grace):
    look_up(ada)
    assert how_many(made, ada, grace, ada) == 0
    assert is_direct(made, ada)


@has_a_way
def test_a_new_connection_has_a_new_one(made, ada):
    look_up(ada)
    connection.close()
    assert how_many(made, ada, ada) == 1


@has_a_way
def test_a_statement_that_failed_takes_its_cursor_along(made, ada):
    look_up(ada)
    with pytest.raises(StoreInvariantViolated):
        sessions.store.insert_session(sessions.store.read_session(ada.id))
    assert how_many(made, ada, ada) == 1
    assert Session.objects.count() == 1


@has_a_way
def test_in_a_transaction_it_is_the_same(made, ada):
    look_up(ada)
    with transaction.atomic():
        assert how_many(made, ada, ada) == 0
        Session.objects.all().delete()
        assert sessions.validate(ada.secret) is None
        transaction.set_rollback(True)
    assert how_many(made, ada) == 0


def test_in_a_transaction_that_is_broken_nothing_is_asked(ada):
    look_up(ada)
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(StoreUnavailable, match="TransactionManagementError"):
            sessions.validate(ada.secret)


def test_queries_are_logged_as_soon_as_somebody_wants_to_see_them(ada):
    look_up(ada)
    with CaptureQueriesContext(connection) as queries:
        look_up(ada)
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        pass
    look_up(ada)
    assert len(queries) == 0


def test_a_wrapper_sees_each_statement_and_may_run_others(ada, grace):
    look_up(ada)
    seen = []

    def looks_another_one_up(execute, sql, *what):
        seen.append(sql.split()[0])
        if len(seen) > 1:
            return execute(sql, *what)
        look_up(grace)
        result = execute(sql, *what)
        look_up(grace)
        return result

    with connection.execute_wrapper(looks_another_one_up):
        look_up(ada)
    look_up(ada)
    assert seen == ["SELECT"] * 3


def test_a_wrapper_that_keeps_a_statement_from_the_database_gives_nobody_the_session_before(ada, grace):
    look_up(ada)
    found = None
    with connection.execute_wrapper(lambda execute, *what: None), suppress(StoreUnavailable):
        found = sessions.validate(grace.secret)
    assert found is None


def watching(function, seen):
    """Return ``function`` as a tool that watches would have it."""

    def watched(*args, **kwargs):
        seen.append(function.__name__)
        return function(*args, **kwargs)

    return watched


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (CursorWrapper, "execute"),
        (CursorWrapper, "_execute"),
        (CursorWrapper, "_execute_with_wrappers"),
        (BaseDatabaseWrapper, "cursor"),
        (BaseDatabaseWrapper, "_cursor"),
        (BaseDatabaseWrapper, "make_cursor"),
    ],
)
def test_a_tool_that_puts_itself_in_the_place_of_something_of_djangos_sees_each_statement(
    ada, monkeypatch, place, name
):
    look_up(ada)
    seen = []
    monkeypatch.setattr(place, name, watching(getattr(place, name), seen))
    look_up(ada)
    look_up(ada)
    assert len(seen) == 2


def test_a_tool_with_a_class_of_its_own_for_djangos_cursors_sees_each_statement(ada, monkeypatch):
    look_up(ada)
    seen = []
    watched = {"execute": watching(CursorWrapper.execute, seen)}
    monkeypatch.setattr(utils, "CursorWrapper", type("Watching", (CursorWrapper,), watched))
    look_up(ada)
    look_up(ada)
    assert len(seen) == 2


@pytest.mark.parametrize("name", ["cursor", "create_cursor", "make_cursor"])
def test_a_tool_that_does_so_on_one_connection_alone_does_too(ada, monkeypatch, name):
    look_up(ada)
    seen = []
    monkeypatch.setitem(vars(connections["default"]), name, watching(getattr(connection, name), seen))
    look_up(ada)
    look_up(ada)
    assert len(seen) == 2


@has_a_way
def test_a_tool_that_was_there_before_us_is_told_from_django(made, ada, monkeypatch):
    assert cursors._djangos_own() == cursors._DJANGOS_OWN
    assert is_direct(made, ada)
    monkeypatch.setattr(CursorWrapper, "execute", watching(CursorWrapper.execute, []))
    assert cursors._djangos_own() is None


@has_a_way
def test_a_backend_of_somebody_else_is_asked_for_each_cursor(made, ada, monkeypatch):
    assert is_direct(made, ada)
    monkeypatch.setattr(type(connections["default"]), "__module__", "tenants.postgresql")
    assert not is_direct(made, ada)


@has_a_way
def test_a_connection_that_a_tool_has_put_in_the_place_of_the_drivers_is_gone_through(made, ada, monkeypatch):
    assert is_direct(made, ada)
    proxy = type("Traced", (), {"__getattr__": lambda self, name: getattr(driver, name)})()
    driver = connection.connection
    monkeypatch.setattr(connections["default"], "connection", proxy)
    assert not is_direct(made, ada)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="psycopg has a factory for cursors")
def test_a_host_with_cursors_of_its_own_has_statements_go_by_them(made, ada, monkeypatch):
    from django.db.backends.postgresql.base import Cursor

    class Traced(Cursor):
        pass

    assert is_direct(made, ada)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "cursor_factory", Traced)
    connection.close()
    assert not is_direct(made, ada)
    connection.close()


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
            cursors.fetched("SELECT 1", [], mine)
        except DatabaseError as error:
            refused.append(str(error))

    mine = connections["default"]
    thread = threading.Thread(target=intrude)
    thread.start()
    thread.join()
    assert "can only be used in that same thread" in refused[0]


def test_a_connection_that_failed_its_health_check_is_not_used_again(ada, monkeypatch):
    look_up(ada)
    before = connection.connection
    known = vars(connections["default"])
    monkeypatch.setitem(known, "health_check_enabled", True)
    monkeypatch.setitem(known, "health_check_done", False)
    monkeypatch.setitem(known, "is_usable", lambda: False)
    look_up(ada)
    assert connection.connection is not before


def test_a_percent_sign_is_one(ada):
    assert cursors.fetched("SELECT 'a%%', %s", [1], connections["default"])[0] == ("a%", 1)
