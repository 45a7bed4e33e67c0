"""Many requests with one cookie of the engine before: it is taken over once, and all of them are who they were."""

import uuid

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.contrib.sessions.models import Session as DjangosSession

from codlet_sessions.models import Session
from tests.races.conftest import DJANGOS, keys_of

MANY = 10


@pytest.fixture(autouse=True)
def moving_in(settings):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": DJANGOS}


def old_cookie(user=None):
    session = DjangosStore()
    session["cart"] = "full"
    if user is not None:
        session["_auth_user_id"] = str(user.pk)
        session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
        session["_auth_user_hash"] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def adopt_at_once(world):
    cookie = old_cookie(User.objects.get(username="ada"))
    calls = [(f"load,meet:loaded,set:key-{number}", cookie) for number in range(MANY)]
    return world.race(calls, loaded=MANY)


def test_many_requests_take_a_session_over_once_and_lose_nothing(world):
    answers = adopt_at_once(world)
    assert {(answer.status, answer.page["user"]) for answer in answers} == {(200, "ada")}
    assert (Session.objects.count(), DjangosSession.objects.count()) == (1, 0)
    (secret,) = {answer.secret for answer in answers if answer.cookie is not None}
    assert {"cart", *(f"key-{number}" for number in range(MANY))} <= keys_of(secret)


def test_with_ids_that_do_not_follow_from_the_cookie_it_is_taken_over_many_times(world, monkeypatch):
    monkeypatch.setattr("codlet_sessions.adoption.uuid7_before_all", lambda digest: uuid.uuid4())
    adopt_at_once(world)
    assert Session.objects.count() > 1


def test_a_request_that_was_on_its_way_under_the_old_cookie_is_who_it_was(world):
    cookie = old_cookie(User.objects.get(username="ada"))
    first = world.one("load", cookie)
    late = world.one("set:late", cookie)
    assert (late.status, late.page["user"], late.cookie) == (200, "ada", None)
    assert "late" in keys_of(first.secret)


def test_the_old_cookie_opens_nothing_once_somebody_has_signed_in_on_what_it_became(world):
    cookie = old_cookie()
    slow, quick = world.overtake(("meet:ready,meet:go,load", cookie), ("login:ada", cookie))
    assert (slow.page, slow.cookie) == ({"user": "", "keys": []}, None)
    assert world.one("load", quick.secret).page["user"] == "ada"


def test_a_slow_request_under_the_old_cookie_does_not_undo_a_sign_in(world):
    cookie = old_cookie()
    slow, quick = world.overtake(("load,meet:ready,meet:go,set:late", cookie), ("login:ada", cookie))
    assert (slow.status, slow.cookie) == (200, None)
    assert world.one("load", quick.secret).page["user"] == "ada"
    assert Session.objects.count() == 1


def test_two_who_sign_in_at_once_under_the_old_cookie_are_each_themselves(world):
    cookie = old_cookie()
    answers = world.race([(f"load,meet:loaded,login:{name}", cookie) for name in ("ada", "grace")], loaded=2)
    assert [world.one("load", answer.secret).page["user"] for answer in answers] == ["ada", "grace"]
    assert DjangosSession.objects.count() == 0
