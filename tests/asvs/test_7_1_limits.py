"""ASVS 7.1.2: how many sessions a user may have at once."""

import time
from contextlib import nullcontext

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codlet_sessions import limits
from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from tests.asvs.people import signed_in
from tests.races.worlds import Asgi, Wsgi

MANY, LIMIT = 50, 3


def limit(settings, number=LIMIT, policy="evict_idle", **more):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "MAX_SESSIONS": number, "AT_LIMIT": policy, **more}


def active():
    return list(Session.objects.filter(revoked_at=None).order_by("id").values_list("id", flat=True))


@pytest.fixture
def three(ada):
    """The ids of three sessions of ada's, oldest first; the oldest was used last."""
    ids = [signed_in(ada).session_id for _ in range(LIMIT)]
    Session.objects.filter(pk=ids[0]).update(last_seen_at=Session.objects.get(pk=ids[2]).expires_at)
    return ids


def test_7_1_2_without_a_limit_nothing_is_counted(browser, ada, three):
    with CaptureQueriesContext(connection) as queries:
        browser.get("enter/ada")
    assert len(active()) == LIMIT + 1
    assert [query["sql"].split()[0] for query in queries if "codlet" in query["sql"]] == ["INSERT"]


@pytest.mark.parametrize(("policy", "victim"), [("evict_oldest", 0), ("evict_idle", 1)])
def test_7_1_2_one_too_many_ends_the_oldest_or_the_longest_idle(browser, ada, three, settings, policy, victim, heard):
    limit(settings, policy=policy)
    browser.get("enter/ada")
    assert browser.get("user").content == b"ada"
    row = Session.objects.get(revoked_at__isnull=False)
    assert (row.pk, row.revoked_reason) == (three[victim], "limit")
    assert len(active()) == LIMIT
    reached = {"subject": str(ada.pk), "limit": LIMIT, "evicted": 1}
    assert [facts for name, facts in heard if name == "session_limit_reached"] == [reached]


def test_7_1_2_one_too_many_is_refused_with_a_page_that_says_so(browser, ada, three, settings, heard):
    limit(settings, policy="refuse")
    browser.get("remember/blue")
    response = browser.get("enter/ada")
    assert response.status_code == 403
    assert b"Too many sessions" in response.content
    assert browser.get("user").content == b""
    assert [session.id for session in sessions.list_active(ada)] == three[::-1]
    reached = {"subject": str(ada.pk), "limit": LIMIT, "evicted": 0}
    assert [facts for name, facts in heard if name == "session_limit_reached"] == [reached]


@pytest.mark.parametrize("policy", ["evict_oldest", "evict_idle", "refuse"])
def test_7_1_2_signing_in_again_on_a_session_of_ones_own_is_not_one_more(browser, ada, settings, policy):
    limit(settings, 1, policy)
    browser.get("enter/ada")
    browser.get("enter/ada")
    assert browser.get("user").content == b"ada"
    assert len(active()) == 1


def test_7_1_2_a_session_that_is_over_is_not_counted(browser, ada, three, settings, pass_time):
    limit(settings, policy="refuse")
    sessions.revoke(three[0])
    browser.get("enter/ada")
    assert browser.get("user").content == b"ada"


def test_7_1_2_the_limit_can_depend_on_the_user(browser, ada, grace, settings):
    limit(settings, lambda user: 1 if user.username == "ada" else None)
    for user in (ada, grace):
        signed_in(user), signed_in(user)
        browser.get(f"enter/{user.username}")
    assert len(sessions.list_active(ada)) == 0  # grace's sign-in in the same browser ended the one
    assert len(sessions.list_active(grace)) == 3


def test_7_1_2_whoever_is_no_user_has_no_limit(browser, settings):
    limit(settings, 1, "refuse")
    for _ in range(2):
        sessions.issue("device:42")
    assert browser.get("sign-in/device:42").status_code == 200
    assert len(sessions.list_active("device:42")) == 3


@pytest.mark.parametrize(("policy", "left"), [("evict_oldest", [1, 2]), ("evict_idle", [0, 2])])
def test_7_1_2_beside_another_engine_it_is_the_same(client, async_client, ada, three, settings, policy, left):
    from asgiref.sync import async_to_sync

    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    limit(settings, policy=policy)
    client.get("/s/sign-in-user/ada/")
    assert active()[:-1] == [three[index] for index in left]
    async_to_sync(async_client.get)("/a/sign-in-user/ada/")
    assert len(active()) == LIMIT
    limit(settings, policy="refuse")
    assert async_to_sync(async_client.get)("/a/sign-in-user/ada/").status_code == 200  # in the place of its own
    async_client.cookies.clear()
    assert async_to_sync(async_client.get)("/a/sign-in-user/ada/").status_code == 403


@pytest.fixture(params=[Wsgi, Asgi], ids=["wsgi", "asgi"])
def world(request, settings, ada):
    settings.ROOT_URLCONF = "tests.races.site"
    settings.MIDDLEWARE = [
        "codlet_sessions.middleware.SessionMiddleware",
        "codlet_sessions.middleware.AuthenticationMiddleware",
    ]
    return request.param()


@pytest.mark.parametrize("policy", ["evict_oldest", "evict_idle", "refuse"])
def test_7_1_2_fifty_simultaneous_sign_ins_leave_exactly_three(world, ada, settings, policy):
    limit(settings, policy=policy)
    answers = world.race([("meet:ready,login:ada", None)] * MANY, ready=MANY)
    assert len(active()) == LIMIT
    assert len(sessions.list_active(ada)) == LIMIT
    statuses = [answer.status for answer in answers]
    assert statuses.count(200) == (LIMIT if policy == "refuse" else MANY)
    assert set(statuses) <= {200, 403}


def test_7_1_2_without_the_lock_that_race_is_lost(world, ada, settings, monkeypatch):
    class SlowToWrite:
        """Counts as always, and then takes its time: whoever has no lock writes by what was true before."""

        def __getattr__(self, name):
            return getattr(sessions, name)

        def list_active(self, user):
            counted = sessions.list_active(user)
            time.sleep(0.1)
            return counted

    monkeypatch.setattr(limits, "_locked", lambda user: nullcontext())
    monkeypatch.setattr(limits, "sessions", SlowToWrite())
    limit(settings, policy="refuse")
    world.race([("meet:ready,login:ada", None)] * MANY, ready=MANY)
    assert len(active()) > LIMIT


def test_7_1_2_sign_ins_of_different_users_do_not_wait_for_each_other(world, settings):
    limit(settings, 1)
    names = [f"user-{number}" for number in range(20)]
    for name in names:
        User.objects.create_user(name)
    answers = world.race([(f"meet:ready,login:{name}", None) for name in names], ready=len(names))
    assert {answer.status for answer in answers} == {200}
    assert len(active()) == len(names)
