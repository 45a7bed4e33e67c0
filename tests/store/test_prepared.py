"""On PostgreSQL, statements are prepared once for a connection; and where that cannot be, nobody notices."""

import logging
import signal
import sys
import threading
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction

from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreInvariantViolated, StoreUnavailable
from codlet_sessions.records import LookupKey
from codlet_sessions.stores import cursors, prepared
from codlet_sessions.stores.coalescing import AT_ONCE
from codlet_sessions.stores.lookup import records_under
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="psycopg prepares for PostgreSQL"),
]


@pytest.fixture(autouse=True)
def _a_new_connection():
    connection.close()
    prepared._unsuited.clear()
    yield
    connection.close()
    prepared._unsuited.clear()


@pytest.fixture
def issued():
    return sessions.issue(UserFactory())


def worth_it():
    from codlet_sessions.stores.by_name import WORTH_IT  # which is there where PostgreSQL is

    return WORTH_IT


def look_up(issued, times=1):
    for _ in range(times):
        assert sessions.validate(issued.secret) == issued.record


def keys(count):
    """Return lookup keys that nothing is stored under."""
    return [LookupKey(f"{number:064x}") for number in range(count)]


def runs():
    """Return how often what this connection has prepared was run: PostgreSQL's own count, for each statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT left(statement, 6), generic_plans + custom_plans FROM pg_prepared_statements")
        return sorted(cursor.fetchall())


def prepare(issued):
    look_up(issued, worth_it() + 2)
    assert runs() == [("SELECT", 2)]


def test_a_look_up_is_prepared_once_a_connection_has_run_it_a_few_times(issued):
    look_up(issued, 5)
    assert runs() == []
    look_up(issued, 3)
    assert runs() == [("SELECT", 3)]
    connection.close()
    look_up(issued)
    assert runs() == []


def test_a_few_statements_serve_any_number_of_keys():
    for count in range(1, AT_ONCE + 1):
        for _ in range(worth_it() + 1):
            assert records_under(keys(count), "default") == {}
    assert len(runs()) == 4


def test_psycopg_reads_the_statement_for_a_full_batch_once(monkeypatch):
    records_under(keys(AT_ONCE), "default")
    monkeypatch.setattr("psycopg._queries._split_query", None)
    assert records_under(keys(AT_ONCE), "default") == {}


def test_to_issue_a_session_is_prepared_too():
    ada = UserFactory()
    for _ in range(7):
        sessions.issue(ada)
    assert runs() == [("INSERT", 2)]


def test_how_many_rows_were_written_is_told_whether_it_was_prepared_or_not():
    ada = UserFactory()
    for count in (1, 0, 2, 1, 0, 2, 1, 0, 2):
        for _ in range(count):
            sessions.issue(ada)
        assert sessions.revoke_all(ada) == count
    assert ("UPDATE", 4) in runs()


def test_what_was_found_is_not_kept_once_it_is_fetched(issued):
    prepare(issued)
    (found,) = vars(connections["default"])[cursors._KEPT].cursor._named.values()
    assert found._reader.pgresult is None
    assert not hasattr(found, "_result")


def test_values_of_other_types_are_another_statement():
    for user in [None, *UserFactory.create_batch(6)] * 6:
        sessions.issue(user or "no user at all")
    assert [kind for kind, _runs in runs()] == ["INSERT", "INSERT"]


def test_a_row_that_is_refused_is_refused_whether_it_is_prepared_or_not(issued):
    taken = sessions.store.read_session(issued.id)
    for _ in range(8):
        with pytest.raises(StoreInvariantViolated):
            sessions.store.insert_session(taken)
    look_up(issued)


def test_in_a_transaction_nothing_is_prepared_that_could_spoil_it(issued):
    prepare(issued)
    with transaction.atomic():
        look_up(issued, 7)
        assert runs() == [("SELECT", 2)]


def test_a_statement_that_a_pooler_has_lost_is_asked_as_it_is_and_none_is_prepared_again(issued, caplog):
    caplog.set_level(logging.INFO, "codlet_sessions")
    prepare(issued)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    look_up(issued, 7)
    assert runs() == []
    assert [record.message.split(".")[0] for record in caplog.records if "prepared" in record.message] == [
        "Statements on 'default' are not prepared in this process from now on (InvalidSqlStatementName)"
    ]


def test_a_statement_that_a_pooler_has_kept_from_another_connection_serves(issued):
    prepare(issued)
    prepared._known.clear()  # as if this were another process
    vars(connections["default"]).pop(cursors._KEPT)
    look_up(issued, 7)
    assert runs() == [("SELECT", 4)]


def test_what_another_process_has_prepared_behind_a_pooler_is_never_taken_for_ours(issued):
    with connection.cursor() as cursor:  # under the names that psycopg gives by itself
        for number in range(3):
            cursor.execute(f"PREPARE _pg3_{number} (bytea) AS SELECT NULL::uuid, $1")
    look_up(issued, 8)
    assert ("SELECT", 3) in runs()


def test_a_table_that_has_changed_meanwhile_is_asked_as_it_is(issued):
    prepare(issued)
    column = 'ALTER TABLE codlet_sessions_session ALTER COLUMN "key_version" TYPE varchar({})'
    with connection.cursor() as cursor:
        cursor.execute(column.format(70))
        try:
            look_up(issued, 2)
            assert prepared._unsuited == {"default"}
        finally:
            cursor.execute(column.format(64))


def test_a_lost_connection_is_an_outage_and_no_reason_to_prepare_no_longer(issued):
    prepare(issued)
    connection.connection.close()
    with pytest.raises(StoreUnavailable, match="could not be asked"):
        sessions.validate(issued.secret)
    connection.close()
    prepare(issued)


def test_where_the_host_tells_of_a_pooler_nothing_is_prepared(issued, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    look_up(issued, 7)
    assert runs() == []


@pytest.mark.parametrize("binding", [{}, {"server_side_binding": True}])
def test_where_the_host_has_psycopg_prepare_that_is_left_to_it(issued, monkeypatch, binding):
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"prepare_threshold": 2, **binding})
    connection.close()
    look_up(issued, 4)
    assert ("SELECT", 2) in runs()
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements")
        assert all(name.startswith("_pg3_") for (name,) in cursor.fetchall())


def test_a_rollback_with_which_psycopg_forgets_what_it_has_prepared_is_no_reason_to_give_up(issued, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"prepare_threshold": 2})
    connection.close()
    look_up(issued, 8)
    with transaction.atomic():
        look_up(issued, 8)
        transaction.set_rollback(True)
    look_up(issued, 8)
    assert prepared._unsuited == set()


def test_where_the_server_binds_and_nobody_prepares_it_is_prepared_as_everywhere(issued, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"server_side_binding": True})
    connection.close()
    prepare(issued)


def test_a_connection_that_is_lost_meanwhile_is_an_outage(issued):
    prepare(issued)
    import psycopg  # which is there where PostgreSQL is

    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    with pytest.raises(StoreUnavailable, match="could not be asked"):
        sessions.validate(issued.secret)
    connection.close()
    prepare(issued)


def test_a_statement_that_takes_too_long_is_an_outage_and_not_asked_again(issued):
    prepare(issued)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 100")
        with locked_table(), pytest.raises(StoreUnavailable):
            look_up(issued)
        cursor.execute("SET statement_timeout = 0")
    look_up(issued)
    assert runs() == [("SELECT", 3)]


@contextmanager
def locked_table():
    import psycopg  # which is there where PostgreSQL is

    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute("LOCK TABLE codlet_sessions_session IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


def test_whoever_waits_for_an_answer_can_interrupt_and_go_on(issued):
    prepare(issued)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '5s'")  # not for ever, if nothing can interrupt
    with locked_table(), pytest.raises(KeyboardInterrupt), interrupted_soon():
        sessions.validate(issued.secret)
    look_up(issued)
    assert runs() == [("SELECT", 3)]


@contextmanager
def interrupted_soon():
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        yield
        pytest.fail("nobody has interrupted")
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def test_in_a_pipeline_it_waits_for_its_turn_as_anything_else(issued):
    prepare(issued)
    with connection.connection.pipeline():
        look_up(issued, 2)
    look_up(issued)
    assert runs() == [("SELECT", 3)]


@pytest.mark.parametrize("change", ["a part of it has gone", "it is the next"])
def test_a_psycopg_that_we_do_not_know_is_left_to_django(issued, monkeypatch, change):
    if change == "it is the next":
        monkeypatch.setattr("psycopg.__version__", "4.0.1")
    else:
        monkeypatch.delitem(sys.modules, "codlet_sessions.stores.by_name", raising=False)
        monkeypatch.setitem(sys.modules, "psycopg.generators", None)
    prepared._by_name.cache_clear()
    connection.close()
    try:
        look_up(issued, 7)
        assert runs() == []
    finally:
        prepared._by_name.cache_clear()
