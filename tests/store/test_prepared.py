"""On PostgreSQL, look-ups are prepared once for a connection; and where that cannot be, nobody notices."""

from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreUnavailable
from codlet_sessions.stores import prepared
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PREPARE is PostgreSQL's"),
]


@pytest.fixture(autouse=True)
def _a_new_connection():
    connection.close()
    prepared._unsuited.clear()
    yield
    prepared._unsuited.clear()


@pytest.fixture
def issued():
    return sessions.issue(UserFactory())


def look_up(issued):
    with CaptureQueriesContext(connection) as queries:
        assert sessions.validate(issued.secret) == issued.record
    return [query["sql"].split()[0] for query in queries]


def test_a_look_up_is_prepared_once_a_connection_has_run_it_a_few_times(issued):
    assert [look_up(issued) for _ in range(6)] == [["SELECT"]] * 4 + [["EXECUTE"]] * 2
    connection.close()
    assert look_up(issued) == ["SELECT"]


def prepare(issued):
    for _ in range(prepared.WORTH_IT):
        look_up(issued)
    assert look_up(issued) == ["EXECUTE"]


def test_in_a_transaction_nothing_is_prepared_that_could_spoil_it(issued):
    prepare(issued)
    with transaction.atomic():
        assert look_up(issued) == ["SELECT"]


def test_a_statement_that_a_pooler_has_lost_is_asked_as_it_is_and_none_is_prepared_again(issued):
    prepare(issued)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert look_up(issued) == ["EXECUTE", "SELECT"]
    assert look_up(issued) == ["SELECT"]


def test_a_statement_that_a_pooler_has_kept_from_another_connection_serves(issued):
    prepare(issued)
    prepared._uses.clear()  # as if this were another process
    prepare(issued)


def test_a_table_that_has_changed_meanwhile_is_asked_as_it_is(issued):
    prepare(issued)
    column = 'ALTER TABLE codlet_sessions_session ALTER COLUMN "key_version" TYPE varchar({})'
    with connection.cursor() as cursor:
        cursor.execute(column.format(70))
        try:
            assert look_up(issued) == ["EXECUTE", "SELECT"]
        finally:
            cursor.execute(column.format(64))


def test_a_connection_that_cannot_be_told_from_another_is_asked_as_ever(issued, monkeypatch):
    monkeypatch.setattr(prepared, "_uses", {})
    monkeypatch.setattr(type(connection.connection), "__hash__", None)
    assert [look_up(issued) for _ in range(6)] == [["SELECT"]] * 6


def test_a_lost_connection_is_an_outage_and_no_reason_to_prepare_no_longer(issued):
    prepare(issued)
    connection.connection.close()
    with pytest.raises(StoreUnavailable, match="could not be asked"):
        sessions.validate(issued.secret)
    connection.close()
    prepare(issued)


@pytest.mark.parametrize("option", [{"DISABLE_SERVER_SIDE_CURSORS": True}, {"OPTIONS": {"server_side_binding": True}}])
def test_where_the_host_tells_of_a_pooler_or_binds_in_the_server_nothing_is_prepared(issued, monkeypatch, option):
    for name, value in option.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    connection.close()
    assert [look_up(issued) for _ in range(7)] == [["SELECT"]] * 7
    connection.close()


def test_a_connection_that_is_lost_meanwhile_is_an_outage(issued):
    prepare(issued)
    import psycopg  # which is there where PostgreSQL is

    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    with pytest.raises(StoreUnavailable, match="could not be asked"):
        sessions.validate(issued.secret)
    connection.close()
    prepare(issued)


def test_where_nothing_can_be_prepared_it_is_tried_once(issued, monkeypatch, caplog):
    caplog.set_level("INFO", "codlet_sessions")
    monkeypatch.setattr(prepared, "_name", lambda sql: "no name")
    assert [look_up(issued) for _ in range(7)] == [["SELECT"]] * 7
    assert [record.message.split(":")[0] for record in caplog.records if "prepared" in record.message] == [
        "Look-ups on 'default' are not prepared from now on"
    ]


def test_a_statement_that_takes_too_long_is_an_outage_and_not_asked_again(issued):
    prepare(issued)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 100")
        with locked_table(), pytest.raises(StoreUnavailable):
            look_up(issued)
        cursor.execute("SET statement_timeout = 0")
    assert look_up(issued) == ["EXECUTE"]


@contextmanager
def locked_table():
    import psycopg  # which is there where PostgreSQL is

    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute("LOCK TABLE codlet_sessions_session IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()
