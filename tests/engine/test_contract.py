"""What Django's contract asks of a session store beside reading and writing, through both faces."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DjangoSessionStore
from django.contrib.sessions.serializers import JSONSerializer
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import Session
from tests.engine.test_writing import Faced
from tests.factories import SessionFactory


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def make(request):
    """A function that opens a store through one of its faces."""
    return lambda key=None: Faced(key, is_async=request.param)


def test_a_key_exists_while_its_session_is_active(make, stored, heard):
    assert make().exists(stored.session_key) is True
    sessions.revoke(stored.session_id)
    heard.clear()
    assert make().exists(stored.session_key) is False
    assert make().exists("0" * 64) is False
    assert heard == []


def test_a_session_that_has_just_been_made_has_all_that_djangos_own_has():
    djangos = vars(DjangoSessionStore("0" * 32))
    ours = SessionStore("0" * 64)
    assert {name for name in djangos if not hasattr(ours, name)} == {"_SessionBase__session_key"}  # private to Django's
    assert (ours.serializer, ours.accessed, ours.modified) == (JSONSerializer, False, False)
    assert ours.decode(ours.encode({"value": "blue"})) == {"value": "blue"}


@pytest.mark.parametrize("key", [None, "", "1", "not a secret", "A" * 64])
def test_a_malformed_key_does_not_exist_and_costs_no_query(make, key):
    with CaptureQueriesContext(connection) as queries:
        assert make().exists(key) is False
    assert len(queries) == 0


def test_a_tampered_row_does_not_exist(make, stored):
    Session.objects.update(subject="somebody")
    assert make().exists(stored.session_key) is False


def test_creating_begins_another_session_at_once(make, stored):
    session = make(stored.session_key)
    session.get("value")
    session.create()
    assert session.store.session_key != stored.session_key
    assert session.store.modified
    assert Session.objects.count() == 2
    assert make().exists(session.store.session_key)


def test_a_key_that_the_caller_chose_is_not_used_for_a_new_session(make):
    session = make("c" * 64)
    session.save(must_create=True)
    assert session.store.session_key != "c" * 64
    assert not make().exists("c" * 64)


def test_creating_does_not_bring_a_signed_in_session_back_that_has_ended(make, stored, ada):
    session = make(stored.session_key)
    session.put("_auth_user_id", str(ada.pk))
    session.save()
    sessions.revoke_all(ada)
    with pytest.raises(UpdateError):
        session.create()
    assert not sessions.list_active(ada)


def test_creating_copies_a_signed_in_session_that_goes_on(make, stored, ada):
    session = make(stored.session_key)
    session.put("_auth_user_id", str(ada.pk))
    session.save()
    session.create()
    assert len(sessions.list_active(ada)) == 2


def test_a_key_that_is_assigned_is_not_taken_for_one_of_ours(make):
    session = make()
    session.create()
    session.store._session_key = "b" * 64
    session.save()
    assert session.store.session_key != "b" * 64
    assert not make().exists("b" * 64)


def test_the_id_of_a_session_is_that_of_its_row_also_when_nobody_has_read_it(make, stored):
    session = make(stored.session_key)
    ask = async_to_sync(session.store.asession_id) if session.is_async else lambda: session.store.session_id
    assert ask() == Session.objects.get().pk
    with CaptureQueriesContext(connection) as queries:
        assert ask() == stored.session_id
    assert len(queries) == 0


def test_the_id_is_that_of_the_row_after_clearing_what_was_not_read(make, stored):
    session = make(stored.session_key)
    session.store.clear()
    known = async_to_sync(session.store.asession_id)() if session.is_async else session.store.session_id
    assert known == Session.objects.get().pk


def test_an_expired_session_is_not_made_to_last_by_saving_it(make, stored):
    session = make(stored.session_key)
    session.put("value", "late")
    Session.objects.update(expires_at=timezone.now())
    with pytest.raises(UpdateError, match="has expired"):
        session.save()
    assert not make().exists(stored.session_key)


@pytest.mark.parametrize("seconds", [300, 300.0])
def test_seconds_of_inactivity_may_be_of_any_kind(make, stored, seconds):
    session = make(stored.session_key)
    session.set_expiry(seconds)
    session.save()
    Session.objects.update(expires_at=timezone.now() + timedelta(seconds=10))
    later = make(stored.session_key)
    later.put("value", "red")
    later.save()
    assert Session.objects.get().expires_at > timezone.now() + timedelta(seconds=290)


def test_deleting_by_key_revokes_that_session_and_no_other(make, stored):
    other = make()
    other.put("value", "red")
    other.save()
    other.delete(stored.session_key)
    assert Session.objects.get(pk=stored.session_id).revoked_reason == "logout"
    assert make().exists(other.store.session_key)


def test_deleting_what_was_not_read_ends_it(make, stored):
    make(stored.session_key).delete()
    assert Session.objects.get().revoked_at is not None


def test_flushing_what_was_not_read_ends_it(make, stored):
    session = make(stored.session_key)
    session.flush()
    assert session.store.session_key is None
    assert (Session.objects.get().revoked_reason, Session.objects.get().data) == ("logout", "")


@pytest.mark.parametrize("key", [None, "1", "not a secret", "0" * 64])
def test_deleting_what_is_not_there_is_no_error(make, key):
    make().delete(key)
    assert not Session.objects.exists()


def test_deleting_a_key_of_the_engine_before_deletes_it_there(make, settings):
    from django.contrib.sessions.backends.db import SessionStore as DjangosStore

    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": "django.contrib.sessions.backends.db"}
    old = DjangosStore()
    old["value"] = "blue"
    old.save()
    make().delete(old.session_key)
    assert DjangosStore().exists(old.session_key) is False


def test_loading_without_a_key_is_no_data_and_no_query(make):
    with CaptureQueriesContext(connection) as queries:
        assert make().load() == {}
    assert len(queries) == 0


def test_clearing_deletes_what_expired(make):
    SessionFactory(expired=True)
    make().clear_expired()
    assert not Session.objects.exists()


def test_new_keys_are_secrets_of_ours(make):
    session = make()
    get = async_to_sync(session.store._aget_new_session_key) if session.is_async else session.store._get_new_session_key
    key = get()
    assert len(key) == 64
    assert key != get()


@pytest.mark.parametrize("lifetime", [timedelta(hours=1), None])
def test_a_site_says_how_long_a_sign_in_lasts(make, ada, rf, lifetime):
    from codlet_sessions.auth import alogin, login

    request = requested(rf)
    signing_in = async_to_sync(alogin) if make().is_async else login
    record = signing_in(request, ada, lifetime=lifetime)
    lasts = record.expires_at - record.authenticated_at
    assert abs(lasts - (lifetime or timedelta(days=14))) < timedelta(seconds=5)
    assert request.user == ada


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(hours=-1)])
def test_a_lifetime_of_nothing_is_an_error_and_begins_no_session(make, rf, lifetime):
    from codlet_sessions.auth import alogin, login

    request = requested(rf)
    with pytest.raises(ValueError, match="longer than nothing"):
        (async_to_sync(alogin) if make().is_async else login)(request, "device:42", lifetime=lifetime)
    assert request.codlet_session is None
    assert request.session.is_empty()


def test_how_long_a_sign_in_lasts_is_said_anew_each_time(make, rf):
    from codlet_sessions.auth import alogin, login

    request, signing_in = requested(rf), async_to_sync(alogin) if make().is_async else login
    signing_in(request, "device:42", lifetime=timedelta(hours=1))
    record = signing_in(request, "device:42")
    assert record.expires_at > timezone.now() + timedelta(days=13)


def test_signing_in_where_somebody_took_the_session_away_says_so(rf):
    from codlet_sessions.auth import login

    request = requested(rf)
    del request.session
    with pytest.raises(ImproperlyConfigured, match=r"request\.session is gone"):
        login(request, "device:42")
    assert request.codlet_session is None


@pytest.mark.parametrize("somebody", [7, None, object()])
def test_nobody_signs_in_who_is_neither_user_nor_name(rf, somebody):
    from codlet_sessions.auth import login

    with pytest.raises(TypeError):
        login(requested(rf), somebody)


@override_settings(SESSION_COOKIE_AGE=60)
def test_a_subclass_can_say_how_long_its_sessions_last(make):
    class ShortSession(SessionStore):
        def get_session_cookie_age(self):
            return 10

    store = ShortSession()
    store["value"] = "blue"
    store.save()
    assert timedelta(seconds=5) < store.remaining() <= timedelta(seconds=10)


def requested(rf):
    from codlet_sessions.middleware import AuthenticationMiddleware, SessionMiddleware

    request = rf.get("/")
    SessionMiddleware(lambda request: None).process_request(request)
    AuthenticationMiddleware(lambda request: None).process_request(request)
    return request
