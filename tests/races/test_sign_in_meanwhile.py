"""Two sign-ins at once, and a slow request from before a sign-in: the newest session is the one that goes on."""

from django.contrib.auth.models import User
from django.test import override_settings

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from tests.races.conftest import keys_of

KEYS = {"KEYS": {"2026-11": "k" * 32}}


def sign_in_twice_at_once(world, cookie):
    return world.race([(f"load,meet:loaded,login:{name}", cookie) for name in ("ada", "grace")], loaded=2)


def test_two_who_sign_in_at_once_on_one_session_are_each_themselves(world, cookie):
    answers = sign_in_twice_at_once(world, cookie)
    assert [answer.status for answer in answers] == [200, 200]
    assert [world.one("load", answer.secret).page["user"] for answer in answers] == ["ada", "grace"]
    assert sessions.validate(cookie) is None
    subjects = Session.objects.filter(revoked_at=None).values_list("subject", "user__username")
    assert sorted(subjects) == sorted((str(user.pk), user.username) for user in User.objects.all())


def test_a_store_that_writes_without_looking_mixes_them_up(world):
    with override_settings(CODLET_SESSIONS={**KEYS, "STORE": "tests.races.mutants.WritesWithoutLooking"}):
        answers = sign_in_twice_at_once(world, world.one("set:cart").secret)
        seen = [world.one("load", answer.secret).page["user"] for answer in answers]
        assert seen != ["ada", "grace"]


def sign_in_before_it_is_answered(world, cookie, script):
    return world.overtake((script, cookie), ("login:ada", cookie))


def test_a_slow_write_from_before_a_sign_in_is_dropped_in_silence(world, cookie):
    slow, quick = sign_in_before_it_is_answered(world, cookie, "load,meet:ready,meet:go,set:late")
    assert (slow.status, slow.cookie) == (200, None)
    assert world.one("load", quick.secret).page["user"] == "ada"
    assert "late" not in keys_of(quick.secret)


def test_a_slow_request_that_writes_after_a_sign_in_begins_no_session_that_overwrites_the_new_one(world, cookie):
    slow, _quick = sign_in_before_it_is_answered(world, cookie, "meet:ready,meet:go,load,set:late")
    assert (slow.status, slow.cookie) == (200, None)
    assert Session.objects.count() == 1


def test_a_slow_sign_in_after_a_sign_in_is_one_of_its_own(world, cookie):
    slow, quick = sign_in_before_it_is_answered(world, cookie, "meet:ready,meet:go,load,login:grace")
    assert [world.one("load", answer.secret).page["user"] for answer in (slow, quick)] == ["grace", "ada"]


def test_a_slow_flush_from_before_a_sign_in_does_not_sign_out(world, cookie):
    _slow, quick = sign_in_before_it_is_answered(world, cookie, "load,meet:ready,meet:go,flush")
    assert world.one("load", quick.secret).page["user"] == "ada"


def test_a_slow_request_that_looks_for_its_session_after_a_sign_in_does_not_clear_the_new_cookie(world, cookie):
    slow, _quick = sign_in_before_it_is_answered(world, cookie, "meet:ready,meet:go,load")
    assert (slow.status, slow.page["user"], slow.cookie) == (200, "", None)


def test_a_store_that_forgets_what_it_retired_clears_it(world):
    with override_settings(CODLET_SESSIONS={**KEYS, "STORE": "tests.races.mutants.ForgetsWhatItRetired"}):
        slow, _quick = sign_in_before_it_is_answered(world, world.one("set:cart").secret, "meet:ready,meet:go,load")
        assert (slow.cookie.value, str(slow.cookie["max-age"])) == ("", "0")


def test_on_djangos_engine_the_slow_requests_are_an_error_and_clear_the_cookie(on_djangos_engine, world):
    cookie = world.one("set:cart").secret
    slow, _quick = sign_in_before_it_is_answered(world, cookie, "load,meet:ready,meet:go,set:late")
    assert slow.status == 400
    cookie = world.one("set:cart").secret
    slow, _quick = sign_in_before_it_is_answered(world, cookie, "meet:ready,meet:go,load")
    assert slow.cookie.value == ""


def test_a_response_to_a_write_does_not_send_the_cookie_that_the_browser_has(world, cookie):
    assert world.one("set:colour", cookie).cookie is None


def test_on_djangos_engine_it_does_and_may_arrive_after_that_of_a_sign_in(on_djangos_engine, world):
    cookie = world.one("set:cart").secret
    assert world.one("set:colour", cookie).secret == cookie
