"""Look-ups from async code go by connections of their own, unless another connection may know more."""

import asyncio
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.dummy.base import DatabaseWrapper as ForeignBackend

from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreUnavailable
from codlet_sessions.stores import lookup, own_connections
from codlet_sessions.stores.coalescing import close_all
from codlet_sessions.stores.own_connections import connections_for, on_own_connection
from tests.factories import UserFactory
from tests.test_thread_hops import counted_hops

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _leave_no_thread_and_no_connection():
    yield
    close_all()
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture
def statements(monkeypatch):
    """How many look-ups each statement of a connection of their own answered."""
    sizes = []
    answer = lookup._select_for_all
    monkeypatch.setattr(
        lookup, "_select_for_all", lambda questions, **rest: sizes.append(len(questions)) or answer(questions, **rest)
    )
    lookup._coalescer.cache_clear()
    yield sizes
    lookup._coalescer.cache_clear()


def secret_of(subject):
    return sessions.issue(subject).secret


@contextmanager
def connections_kept(monkeypatch):
    """As on a server: connections stay open between two statements."""
    with monkeypatch.context() as patch:
        patch.setattr(own_connections, "_is_test_environment", lambda: False)
        yield
        close_all()


async def asked_at_once(questions, monkeypatch):
    """Return the answers to ``questions``, none of which is looked at before all have been put."""
    all_asked, answer = threading.Event(), lookup._select_for_all
    monkeypatch.setattr(lookup, "_select_for_all", lambda *args, **rest: all_asked.wait(10) and answer(*args, **rest))
    lookup._coalescer.cache_clear()
    asking = [asyncio.ensure_future(question) for question in questions]
    await asyncio.sleep(0)
    all_asked.set()
    return await asyncio.gather(*asking)


def test_many_look_ups_share_few_statements_and_each_gets_its_own_answer(statements, monkeypatch):
    """What is asked while each connection has a statement under way goes into the next ones, however fast they are."""
    secrets = {f"device:{number}": secret_of(f"device:{number}") for number in range(50)}
    asking = [sessions.avalidate(secret) for secret in [*secrets.values(), "0" * 64]]
    *found, nobody = asyncio.run(asked_at_once(asking, monkeypatch))
    assert [record.subject for record in found] == list(secrets)
    assert nobody is None
    assert sum(statements) == 51
    assert len(statements) <= 4


def test_a_user_comes_along(statements):
    user = UserFactory()
    issued = sessions.issue(user)
    record = asyncio.run(sessions.store.alook_up(sessions.hasher.candidates(issued.secret), sessions.clock()))
    assert record.user.as_user() == user
    assert statements == [1]


def test_outlines_and_whole_records_wait_together_and_each_gets_what_it_asked_for(statements, monkeypatch):
    user = UserFactory()
    issued = [sessions.issue(user) for _ in range(20)]
    faces = [sessions.store.alook_up, sessions.store.afind_active_session] * 10
    asking = [
        look(sessions.hasher.candidates(session.secret), sessions.clock())
        for look, session in zip(faces, issued, strict=True)
    ]
    found = asyncio.run(asked_at_once(asking, monkeypatch))
    assert [record.user.as_user() for record in found[::2]] == [user] * 10
    assert found[1::2] == [session.record for session in issued[1::2]]
    assert sum(statements) == 20
    assert len(statements) <= 4


def test_no_look_up_that_begins_after_a_revocation_finds_the_session(statements):
    """With other look-ups of the same and other sessions under way all the time."""
    others = [secret_of("device:1") for _ in range(5)]

    async def keep_looking(secret):
        while not over.is_set():
            await sessions.avalidate(secret)

    async def main():
        looking = [asyncio.ensure_future(keep_looking(secret)) for secret in others]
        for _ in range(25):
            issued = await sessions.aissue("device:42")
            looking.append(asyncio.ensure_future(keep_looking(issued.secret)))
            assert await sessions.avalidate(issued.secret) is not None
            await sessions.arevoke(issued.id)
            assert await sessions.avalidate(issued.secret) is None
        over.set()
        await asyncio.gather(*looking)

    over = asyncio.Event()
    asyncio.run(main())
    assert max(statements) > 1


def test_below_async_to_sync_the_transaction_of_the_caller_is_seen(statements):
    with transaction.atomic():
        secret = secret_of("device:42")
        assert async_to_sync(sessions.avalidate)(secret).subject == "device:42"
    assert statements == []


def test_below_async_to_sync_in_a_thread_of_any_other_kind_its_transaction_is_seen(statements):
    def in_a_thread():
        try:
            with transaction.atomic():
                secret = secret_of("device:42")
                return async_to_sync(sessions.avalidate)(secret)
        finally:
            connections.close_all()

    found = asyncio.run(sync_to_async(in_a_thread, thread_sensitive=False)())
    assert found.subject == "device:42"
    assert statements == []


def test_a_transaction_that_async_code_has_opened_in_its_thread_is_seen(statements):
    async def main(context):
        async with context():
            atomic = transaction.atomic()
            await sync_to_async(atomic.__enter__)()
            try:
                issued = await sessions.aissue("device:42")
                return await sessions.avalidate(issued.secret)
            finally:
                await sync_to_async(atomic.__exit__)(None, None, None)
                await sync_to_async(connections.close_all)()

    assert asyncio.run(main(ThreadSensitiveContext)).subject == "device:42"
    assert asyncio.run(main(_NoContext)).subject == "device:42"
    assert statements == []


class _NoContext:
    async def __aenter__(self):
        pass

    async def __aexit__(self, *error):
        pass


def test_a_transaction_in_the_thread_of_the_event_loop_keeps_look_ups_off(statements):
    secret = secret_of("device:42")

    with transaction.atomic():
        assert asyncio.run(sessions.avalidate(secret)).subject == "device:42"
    assert statements == []


def test_an_asgiref_that_keeps_what_it_knows_elsewhere_is_asked_for_it(statements, monkeypatch):
    monkeypatch.setattr(own_connections, "_executors", own_connections._variable_of(object()))
    secret = secret_of("device:42")

    assert asyncio.run(sessions.avalidate(secret)).subject == "device:42"
    assert len(statements) == 1
    assert async_to_sync(sessions.avalidate)(secret).subject == "device:42"
    assert len(statements) == 1


def test_an_asgiref_that_has_no_executors_is_no_reason_to_fail_at_the_start():
    without = (
        "import asgiref.sync; del asgiref.sync.AsyncToSync.executors; import codlet_sessions.stores.own_connections"
    )
    subprocess.run([sys.executable, "-c", without], check=True, timeout=30)


def test_an_asgiref_that_works_otherwise_is_no_reason_to_fail(statements, monkeypatch):
    secret = secret_of("device:42")

    monkeypatch.setattr(own_connections, "AsyncToSync", object())
    assert asyncio.run(sessions.avalidate(secret)).subject == "device:42"
    assert statements == []


def test_the_setting_sends_every_look_up_the_ordinary_way(statements, settings, monkeypatch):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "LOOKUP_CONNECTIONS": 0}
    secret = secret_of("device:42")

    with counted_hops(monkeypatch) as hops:
        assert asyncio.run(sessions.avalidate(secret)).subject == "device:42"
    assert statements == []
    assert len(hops) == 1


def test_a_backend_of_others_is_left_alone_unless_the_host_says_so(monkeypatch):
    foreign = ForeignBackend({}, "foreign")
    monkeypatch.setattr(type(foreign), "__module__", "tenants.backend")
    monkeypatch.setattr(own_connections, "connections", {"foreign": foreign})
    assert (connections_for("foreign", None), connections_for("foreign", 3)) == (0, 3)


def test_a_database_in_memory_has_one_connection_that_matters():
    alias = connections.create_connection("default")
    alias.settings_dict = {**alias.settings_dict, "NAME": ":memory:"}
    expected = 0 if alias.vendor == "sqlite" else 2
    connections["kept"], kept = alias, None
    try:
        assert connections_for("kept", 2) == expected
    finally:
        del connections["kept"], kept


def test_in_tests_no_connection_is_left_that_would_keep_the_database_from_being_dropped(statements):
    asyncio.run(sessions.avalidate("0" * 64))
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "codlet-sessions-look-up"]
    assert statements == [1]
    assert own_connections._by_thread["default", thread.ident].connection is None


def test_a_connection_that_has_gone_is_made_anew(monkeypatch, statements):
    secret = secret_of("device:42")
    with connections_kept(monkeypatch):
        assert asyncio.run(sessions.avalidate(secret)) is not None
        hang_up()
        assert asyncio.run(sessions.avalidate(secret)) is not None
    assert statements == [1, 1]


def hang_up():
    """Have the server end the connection that the look-ups have, and nobody else's."""
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "codlet-sessions-look-up"]
    driver = own_connections._by_thread["default", thread.ident].connection
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_terminate_backend(%s)", [driver.info.backend_pid])
        elif connection.vendor == "mysql":
            cursor.execute(f"KILL {driver.thread_id()}")


def test_what_fails_once_because_the_connection_was_old_is_asked_once_more():
    outcomes = [OperationalError("server closed the connection"), "an answer"]

    def ask():
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert on_own_connection("default", ask) == "an answer"


def test_a_database_that_is_down_is_an_outage_and_no_empty_answer(database_down, statements):
    with pytest.raises(StoreUnavailable, match="could not be asked"):
        asyncio.run(sessions.avalidate("0" * 64))
    assert statements == [1]


def test_a_connection_is_not_used_for_longer_than_the_host_allows(monkeypatch):
    with connections_kept(monkeypatch):
        monkeypatch.setitem(connections["default"].settings_dict, "CONN_MAX_AGE", 3600)
        ages = []
        monkeypatch.setattr(
            type(connections["default"]), "close_if_unusable_or_obsolete", lambda self: ages.append(self.alias)
        )
        asyncio.run(sessions.avalidate("0" * 64))
    assert ages == ["default"]


def test_no_connection_of_a_pool_is_held():
    """A request may wait for it."""
    pooled = connections.create_connection("default")
    pooled.settings_dict = {**pooled.settings_dict, "OPTIONS": {**pooled.settings_dict["OPTIONS"], "pool": True}}
    held, options = own_connections._without_pool(pooled), connection.settings_dict["OPTIONS"]
    assert held is pooled
    assert held.settings_dict["OPTIONS"] == options
