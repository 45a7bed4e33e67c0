"""Who a session speaks for is known before what it holds is: that stays as it came until somebody asks."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import get_keeper
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import Session
from tests.engine.test_moving_in import stored
from tests.engine.test_writing import Faced


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def opened(request, ada):
    """A function that opens ada's session through one of the faces."""
    session = SessionStore(stored(SessionStore, ada, value="blue"))
    return lambda: Faced(session.session_key, is_async=request.param)


@pytest.fixture
def decoded(monkeypatch):
    """How often the data of a session has been decoded."""
    times = []
    decode = type(get_keeper()).data_of
    monkeypatch.setattr(type(get_keeper()), "data_of", lambda self, record: times.append(1) or decode(self, record))
    return times


def test_whoever_asks_whose_session_it_is_has_nothing_decoded(browser, ada, decoded):
    browser.get("enter/ada")
    decoded.clear()
    assert browser.get("who").json()["subject"] == str(ada.pk)
    assert decoded == []


def test_what_it_holds_is_decoded_when_somebody_asks_without_another_query(opened, ada, decoded):
    session = opened()
    assert (session.read().subject, decoded) == (str(ada.pk), [])
    with CaptureQueriesContext(connection) as queries:
        assert session.get("value") == "blue"
        assert session.get("_auth_user_id") == str(ada.pk)
    assert (len(queries), len(decoded)) == (0, 1)


def test_what_is_changed_after_that_is_saved_with_the_rest(opened):
    session = opened()
    session.read()
    session.put("colour", "red")
    session.save()
    kept = SessionStore(session.store.session_key).load()
    assert (kept["value"], kept["colour"]) == ("blue", "red")


def test_one_that_begins_anew_takes_along_what_it_held(opened):
    session = opened()
    session.read()
    session.create()
    assert SessionStore(session.store.session_key)["value"] == "blue"
    assert Session.objects.count() == 2


def test_one_that_was_taken_over_by_another_request_a_moment_ago_still_holds_what_it_held(opened, ada, settings):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": DjangosStore.__module__}
    old = stored(DjangosStore, ada, value="green")
    first = SessionStore(old)
    first["seen"] = True
    first.may_be_adopted = True
    first.save()
    late = Faced(old, is_async=opened().is_async)
    assert late.read().subject == str(ada.pk)
    assert not late.store.is_empty()
    assert late.get("value") == "green"


def test_what_the_engine_before_holds_is_there_after_a_look_at_whose_it_is(opened, ada, settings):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": DjangosStore.__module__}
    session = Faced(stored(DjangosStore, ada, value="green"), is_async=opened().is_async)
    assert session.read().subject == str(ada.pk)
    with CaptureQueriesContext(connection) as queries:
        assert session.get("value") == "green"
    assert len(queries) == 0


def test_a_hosts_own_way_to_load_is_gone_also_by_whoever_asks_whose_session_it_is(opened):
    class Guarded(SessionStore):
        def load(self):
            return self._refused(super().load())

        async def aload(self):
            return self._refused(await super().aload())

        def _refused(self, data):
            self._session_key = None
            return {}

    face = opened()
    face.store = Guarded(face.store.session_key)
    assert face.read() is None
    assert face.get("value") is None


def test_two_tasks_that_ask_whose_session_it_is_share_one_query(opened):
    store = opened().store

    async def both():
        return await asyncio.gather(store.aread(), store.aread())

    with CaptureQueriesContext(connection) as queries:
        one, other = async_to_sync(both)()
    assert one == other
    assert len(queries) == 1


def test_a_task_that_is_cancelled_leaves_its_turn_to_the_others(opened):
    store = opened().store

    async def all_three():
        tasks = [asyncio.ensure_future(store.aread()) for _ in range(3)]
        await asyncio.sleep(0)  # one asks, two wait for it
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    gone, one, other = async_to_sync(all_three)()
    assert isinstance(gone, asyncio.CancelledError)
    assert one == other == store.read()
    assert one.subject
