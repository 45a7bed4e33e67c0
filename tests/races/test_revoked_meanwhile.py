"""A session that is revoked while a request is under way stays revoked, and nothing is written."""

import pytest
from django.test import override_settings

from codlet_sessions.api import sessions
from codlet_sessions.models import Session

KEYS = {"KEYS": {"2026-11": "k" * 32}}


def revoke_while_a_request_writes(world, cookie):
    session_id = Session.objects.get().pk
    slow, _quick = world.overtake(("load,meet:ready,meet:go,set:late", cookie), (f"revoke:{session_id}", None))
    return slow


def test_a_save_that_comes_after_a_revocation_writes_nothing_and_says_so(world, cookie):
    slow = revoke_while_a_request_writes(world, cookie)
    row = Session.objects.get()
    assert (slow.status, slow.cookie) == (400, None)
    assert (row.data, row.revoked_reason) == ("", "requested")
    assert world.one("load", cookie).page["keys"] == []


def test_a_store_that_writes_without_looking_loses_that_race(world):
    with override_settings(CODLET_SESSIONS={**KEYS, "STORE": "tests.races.mutants.WritesWithoutLooking"}):
        slow = revoke_while_a_request_writes(world, world.one("set:cart").secret)
        assert slow.status == 200
        assert Session.objects.get().data != ""


def test_on_djangos_engine_nobody_can_revoke_without_the_cookie(on_djangos_engine, world, cookie):
    assert sessions.list_active("1") == []


def test_a_request_that_only_looked_is_answered_when_its_session_is_revoked_meanwhile(world, cookie, settings):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    session_id = Session.objects.get().pk
    slow, _quick = world.overtake(("load,meet:ready,meet:go", cookie), (f"revoke:{session_id}", None))
    assert (slow.status, slow.cookie) == (200, None)
    assert Session.objects.get().data == ""


@pytest.mark.parametrize("step", ["login:ada", "set:late"])
def test_whoever_signs_in_on_a_session_that_was_revoked_meanwhile_has_one_of_their_own(world, cookie, step):
    session_id = Session.objects.get().pk
    slow, _quick = world.overtake((f"load,meet:ready,meet:go,{step}", cookie), (f"revoke:{session_id}", None))
    assert (slow.status == 200) == (step == "login:ada")
    assert Session.objects.get(pk=session_id).data == ""
    assert Session.objects.filter(revoked_at=None).count() == (step == "login:ada")
