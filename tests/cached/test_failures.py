"""What holds when the cache fails, forgets, is written by somebody else, or was not told."""

import json
import logging
import time
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.db import transaction
from django.test import Client
from django.utils import timezone

from codlet_sessions import changes
from codlet_sessions.api import get_session_cache, sessions
from codlet_sessions.backends.cached_db import SessionStore
from codlet_sessions.models import Session
from codlet_sessions.stores import copies, session_cache
from tests.cached.backends import STAGE
from tests.cached.conftest import is_copied, queries
from tests.factories import UserFactory

EPOCH = "codlet_sessions:epoch"
YEAR = 365 * 86400.0


@pytest.fixture
def cache(cached):
    return caches["sessions"]


def keys_of(issued):
    lookup_key, _version = sessions.hasher.lookup_key(issued.secret)
    return session_cache._copy_key(lookup_key), session_cache._mark_key(lookup_key)


def fail_to_tell(cache, lookup_keys):
    raise ConnectionError("nobody answers")


def another_process():
    """From now on, this one knows no more of the cache's failures than another one."""
    get_session_cache()._resumes_at = 0.0


def after(seconds):
    """From now on it is later by this, for those who look at copies."""
    get_session_cache().clock = lambda: time.time() + seconds


def is_over_once_copies_have_ended(issued):
    after(session_cache.MAX_STALE - 1)
    goes_on = sessions.validate(issued.secret) is not None
    after(session_cache.MAX_STALE)
    return goes_on and sessions.validate(issued.secret) is None


def revoke_without_a_word(issued, monkeypatch):
    """As if the process died between the commit and the word to the cache."""
    with monkeypatch.context() as patch:
        patch.setattr(changes, "announce", lambda lookup_keys, using: None)
        sessions.revoke(issued.id)


class TestDown:
    def test_the_database_answers_and_the_log_says_why_once(self, warm, face, caplog):
        STAGE.is_down = True
        for _ in range(3):
            assert face.validate(warm.secret).subject == "device:42"
        assert face.validate("0" * 64) is None
        (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert "has failed (ConnectionError)" in record.getMessage()
        assert "'sessions'" in record.getMessage()

    def test_it_is_left_alone_for_a_while_and_then_asked_again(self, warm, face, monkeypatch):
        STAGE.is_down = True
        face.validate(warm.secret)
        STAGE.is_down, STAGE.calls = False, []
        assert face.validate(warm.secret)
        assert STAGE.calls == []
        began = time.monotonic()
        monkeypatch.setattr(session_cache.time, "monotonic", lambda: began + session_cache._PAUSE)
        assert face.validate(warm.secret)
        assert STAGE.calls == ["get_many"]

    def test_a_session_is_ended_all_the_same_and_the_log_says_what_that_means(self, warm, face, caplog):
        STAGE.is_down = True
        assert face.revoke(warm.id)
        assert Session.objects.get(pk=warm.id).revoked_at is not None
        assert face.validate(warm.secret) is None
        (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert "could not be told (ConnectionError)" in record.getMessage()
        assert "for up to 30 seconds more" in record.getMessage()
        assert record.exc_info is None

    def test_when_it_comes_back_this_process_does_not_use_what_it_kept(self, warm):
        STAGE.is_down = True
        sessions.revoke(warm.id)
        STAGE.is_down = False
        assert sessions.validate(warm.secret) is None

    def test_not_even_if_a_look_up_that_was_under_way_fails_after_that(self, warm, monkeypatch):
        def revoke_and_fail(*args):
            STAGE.held.clear()
            sessions.revoke(warm.id)
            raise ConnectionError("nobody answers")

        STAGE.held["get_many"] = revoke_and_fail
        monkeypatch.setattr(session_cache.SessionCache, "_mark", fail_to_tell)
        sessions.validate(warm.secret)
        began = time.monotonic()
        monkeypatch.setattr(session_cache.time, "monotonic", lambda: began + session_cache._PAUSE + 1)
        assert sessions.validate(warm.secret) is None

    def test_when_it_comes_back_others_use_what_it_kept_until_that_ends(self, warm):
        STAGE.is_down = True
        sessions.revoke(warm.id)
        STAGE.is_down = False
        another_process()
        assert is_over_once_copies_have_ended(warm)

    def test_signing_in_and_out_goes_on(self, cached):
        STAGE.is_down = True
        client = Client()
        client.force_login(UserFactory())
        assert client.get("/s/who/").json()["subject"]
        client.logout()
        assert client.get("/s/who/").json()["subject"] is None


class TestNotTold:
    def test_a_process_that_died_before_it_could_say_so(self, warm, monkeypatch):
        revoke_without_a_word(warm, monkeypatch)
        assert is_over_once_copies_have_ended(warm)

    def test_a_row_that_was_saved_as_an_object(self, warm):
        row = Session.objects.get(pk=warm.id)
        row.revoked_at = timezone.now()
        row.save()
        assert is_over_once_copies_have_ended(warm)

    def test_an_error_in_what_the_host_does_before_on_the_same_commit(self, warm):
        def fail():
            raise RuntimeError("a bug of the host's")

        @transaction.atomic
        def revoke():
            transaction.on_commit(fail)
            sessions.revoke(warm.id)

        with pytest.raises(RuntimeError, match="a bug"):
            revoke()
        assert is_over_once_copies_have_ended(warm)

    def test_a_user_whom_no_signal_told_of(self, cached):
        client, user = Client(), UserFactory()
        client.force_login(user)
        assert client.get("/s/user/").content == user.username.encode()
        secret = client.cookies["sessionid"].value
        assert sessions.validate(secret)
        type(user).objects.filter(pk=user.pk).update(password="another one")
        assert sessions.validate(secret) is not None
        after(session_cache.MAX_STALE)
        assert sessions.validate(secret) is None
        assert sessions.validate(secret) is None  # and no copy was made of it

    def test_a_user_whom_no_signal_told_of_is_not_signed_in_on_pages_for_all_that(self, cached):
        client, user = Client(), UserFactory()
        client.force_login(user)
        client.get("/s/user/")
        assert is_copied(_Cookie(client))
        type(user).objects.filter(pk=user.pk).update(is_active=False)
        assert client.get("/s/user/").content == b""
        assert sessions.validate(client.cookies["sessionid"].value) is None


class _Cookie:
    def __init__(self, client):
        self.secret = client.cookies["sessionid"].value


class TestForgetful:
    def test_everything_is_forgotten(self, warm, cache):
        cache.delete_many([*keys_of(warm), EPOCH])
        assert sessions.validate(warm.secret)
        assert is_copied(warm)
        sessions.revoke(warm.id)
        cache.delete_many([*keys_of(warm), EPOCH])
        assert sessions.validate(warm.secret) is None

    def test_the_mark_alone_is_forgotten(self, warm, cache):
        sessions.revoke(warm.id)
        cache.delete(keys_of(warm)[1])
        assert sessions.validate(warm.secret) is None

    def test_the_mark_is_forgotten_and_a_copy_came_late(self, warm, cache):
        copy, mark = keys_of(warm)
        late = cache.get(copy)
        sessions.revoke(warm.id)
        cache.set(copy, late)
        assert sessions.validate(warm.secret) is None
        cache.delete(mark)
        assert is_over_once_copies_have_ended(warm)

    def test_the_mark_of_a_change_alone_is_forgotten(self, warm, cache):
        Session.objects.filter(pk=warm.id).update(expires_at=timezone.now() + timedelta(days=1))
        assert is_copied(warm)
        cache.delete(keys_of(warm)[1])
        with queries() as asked:
            assert sessions.validate(warm.secret)
        assert len(asked.captured_queries) == 1

    def test_the_epoch_alone_is_forgotten(self, warm, cache):
        before = cache.get(EPOCH)
        cache.delete(EPOCH)
        with queries() as asked:
            assert sessions.validate(warm.secret)
        assert len(asked.captured_queries) == 1
        assert cache.get(EPOCH) not in (before, None)
        assert is_copied(warm)

    def test_an_epoch_that_was_forgotten_does_not_come_back(self, warm, cache):
        copy, _mark = keys_of(warm)
        late = cache.get(copy)
        sessions.revoke_all("device:42")
        cache.delete(EPOCH)
        sessions.validate(warm.secret)
        cache.set(copy, late)
        assert sessions.validate(warm.secret) is None


UNSEALED = "0" * copies._SEAL_LENGTH
GARBAGE = [
    *("", "x", b"", 5, [], {}, "\N{SNOWMAN}" * 60, b"\0" * 60),
    *(UNSEALED + text for text in ("[]", "[1,2,3,4]", "[1,2,3,[]]", "[" * 9999, "null")),
]


class TestGarbage:
    @pytest.mark.parametrize("value", GARBAGE, ids=map(str, range(len(GARBAGE))))
    def test_in_the_place_of_a_copy(self, warm, cache, value):
        copy, _mark = keys_of(warm)
        cache.set(copy, value)
        assert sessions.validate(warm.secret).subject == "device:42"
        sessions.revoke(warm.id)
        cache.set(copy, value)
        assert sessions.validate(warm.secret) is None

    @pytest.mark.parametrize("value", [5, b"x", ["a"], {"a": 1}, ""], ids=repr)
    def test_in_the_place_of_a_mark_or_of_the_epoch(self, cached, cache, value):
        for place in (0, 1):
            issued = sessions.issue("device:42")
            cache.set((EPOCH, keys_of(issued)[1])[place], value)
            for _ in range(2):
                assert sessions.validate(issued.secret)
            sessions.revoke(issued.id)
            assert sessions.validate(issued.secret) is None

    def test_that_cannot_even_be_read(self, warm, caplog):
        def break_down(*args):
            raise ValueError("garbage")

        STAGE.held["get_many"] = break_down
        assert sessions.validate(warm.secret)
        assert "has failed (ValueError)" in caplog.text


class TestForged:
    def test_the_copy_of_another_session_opens_nothing(self, warm, cache):
        other = sessions.issue("device:1")
        assert is_copied(other)
        cache.set(keys_of(other)[0], cache.get(keys_of(warm)[0]))
        assert sessions.validate(other.secret).subject == "device:1"

    @pytest.mark.parametrize("place", range(4))
    def test_a_copy_with_a_changed_part_opens_nothing(self, warm, cache, monkeypatch, place):
        copy, _mark = keys_of(warm)
        text = cache.get(copy)
        seal, parts = text[: copies._SEAL_LENGTH], json.loads(text[copies._SEAL_LENGTH :])
        sessions.revoke(warm.id)
        epoch, mark = cache.get_many([EPOCH, keys_of(warm)[1]]).values()
        parts[2] = [epoch, mark]
        changed = [2, parts[1] + 1, [epoch, mark], ["of somebody else", *parts[3][1:]]]
        parts[place] = changed[place]
        cache.set(copy, seal + json.dumps(parts, separators=(",", ":")))
        assert sessions.validate(warm.secret) is None

    def test_a_copy_in_a_format_of_another_release_is_not_used(self, cached, monkeypatch):
        issued = sessions.issue("device:42")
        with monkeypatch.context() as patch:
            patch.setattr(copies, "_FORMAT", 2)
            assert is_copied(issued)
        with queries() as asked:
            assert sessions.validate(issued.secret)
        assert len(asked.captured_queries) == 1

    def test_an_old_copy_that_is_put_back_ends_when_it_would_have(self, warm, cache):
        copy, mark = keys_of(warm)
        old = cache.get(copy)
        sessions.revoke(warm.id)
        cache.delete(mark)
        cache.set(copy, old, timeout=None)
        assert is_over_once_copies_have_ended(warm)


class TestClocks:
    @pytest.mark.parametrize("wrong_by", [-YEAR, YEAR, 60.0])
    def test_a_copy_made_by_a_machine_whose_clock_is_wrong_is_not_used(self, cached, wrong_by):
        issued = sessions.issue("device:42")
        after(wrong_by)
        sessions.validate(issued.secret)
        after(0)
        with queries() as asked:
            assert sessions.validate(issued.secret)
        assert len(asked.captured_queries) == 1

    @pytest.mark.parametrize("wrong_by", [-YEAR, YEAR])
    def test_a_machine_whose_clock_is_wrong_uses_no_copy_of_others(self, warm, wrong_by):
        after(wrong_by)
        with queries() as asked:
            assert sessions.validate(warm.secret)
        assert len(asked.captured_queries) == 1


def test_where_the_host_commits_by_hand_a_save_is_told_at_once(cached):
    store = SessionStore()
    store["value"] = 1
    store.save()
    assert SessionStore(store.session_key)["value"] == 1
    transaction.set_autocommit(False)
    try:
        store["value"] = 2
        store.save()
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert SessionStore(store.session_key)["value"] == 2


def test_a_cache_that_refuses_a_mark_is_told_of_in_the_log(cached, monkeypatch, caplog):
    issued = sessions.issue("device:42")
    assert is_copied(issued)
    monkeypatch.setattr(type(caches["sessions"]), "set_many", lambda self, data, timeout=None: list(data))
    assert sessions.revoke(issued.id)
    assert "could not be told" in caplog.text
    assert sessions.validate(issued.secret) is None


def test_before_the_app_is_ready_nobody_is_told(monkeypatch):
    monkeypatch.setattr(changes, "_find", changes._nobody)
    assert not changes.are_watched()
    changes.announce(None, "default")
