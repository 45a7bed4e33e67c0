"""One cookie, one row, two views: who a request speaks for, and what its session holds."""

import uuid

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import Session


def test_both_views_come_from_one_row_with_one_query(browser, ada):
    browser.get("enter/ada")
    browser.get("remember/blue")
    with CaptureQueriesContext(connection) as queries:
        page = browser.get("both").json()
    row = Session.objects.get()
    assert page == {"value": "blue", "id": str(row.pk), "subject": str(ada.pk)}
    assert len(queries) == 1


def test_a_session_that_nobody_signed_in_on_speaks_for_nobody(browser):
    browser.get("remember/blue")
    assert browser.get("both").json() == {"value": "blue", "id": None, "subject": None}
    assert sessions.validate(browser.cookie) is None
    assert Session.objects.get().subject == ""


def test_a_request_that_only_reads_writes_no_row(browser):
    browser.get("recall")
    browser.get("both")
    browser.get("user")
    assert not Session.objects.exists()
    assert browser.cookie is None


def test_a_session_that_is_renewed_while_it_holds_nothing_is_not_written(browser):
    browser.get("renew")
    assert not Session.objects.exists()
    assert browser.cookie is None


@pytest.mark.parametrize("unknown", ["0" * 64, "not a secret", "x" * 32])
def test_an_unknown_key_is_never_adopted(browser, unknown):
    browser.cookie = unknown
    browser.get("remember/blue")
    assert browser.cookie != unknown
    assert SessionStore(unknown).load() == {}
    assert browser.get("recall").content == b"blue"


def test_a_dead_cookie_whose_session_is_cleared_without_a_look_writes_no_row(browser):
    browser.cookie = "0" * 64
    browser.get("empty")
    assert not Session.objects.exists()
    assert browser.cookie == ""


def test_one_store_can_begin_several_sessions():
    store = SessionStore()
    ids = set()
    for begin in (store.save, store.create, store.create, lambda: store.save(must_create=True)):
        begin()
        ids.add(store.session_id)
    assert len(ids) == Session.objects.count() == 4


def test_the_subject_and_the_user_follow_from_the_data_on_every_way_of_saving(browser, ada):
    browser.get("enter/ada")
    row = Session.objects.get()
    assert (row.subject, row.user) == (str(ada.pk), ada)
    browser.get("drop/_auth_user_id")
    row.refresh_from_db()
    assert (row.subject, row.user) == ("", None)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_store_that_is_saved_by_itself_knows_its_user(ada, is_async):
    store = SessionStore()
    if is_async:
        async_to_sync(store.aset)("_auth_user_id", str(ada.pk))
        async_to_sync(store.asave)()
    else:
        store["_auth_user_id"] = str(ada.pk)
        store.save()
    assert Session.objects.get().user == ada
    assert sessions.list_active(ada)[0].id == store.session_id
    assert sessions.revoke_all(ada) == 1
    assert SessionStore(store.session_key).load() == {}


@pytest.mark.parametrize("value", ["not a number", "", "01a20f13-1899-76ba-9c28-10488543ae62", None])
def test_a_user_id_that_is_none_makes_no_subject(value):
    store = SessionStore()
    store["_auth_user_id"] = value
    store.save()
    assert (Session.objects.get().subject, Session.objects.get().user_id) == ("", None)


def test_a_device_that_was_issued_a_session_keeps_it_when_data_is_stored(browser):
    browser.cookie = sessions.issue("device:42").secret.expose()
    browser.get("remember/blue")
    assert browser.get("both").json()["subject"] == "device:42"
    assert browser.get("recall").content == b"blue"


def test_a_site_signs_a_device_in_and_out_on_the_same_cookie(browser):
    browser.get("remember/blue")
    before = browser.cookie
    assert browser.get("sign-in/device:42").json()["subject"] == "device:42"
    assert browser.cookie != before
    assert browser.get("both").json()["value"] == "blue"
    assert browser.get("sign-out").json()["ended"] is True
    assert browser.get("both").json() == {"value": None, "id": None, "subject": None}
    assert Session.objects.get().revoked_reason == "logout"


def test_another_device_does_not_inherit_what_the_first_one_stored(browser):
    browser.get("sign-in/device:42")
    browser.get("remember/blue")
    browser.get("sign-in/device:43")
    assert browser.get("both").json()["value"] is None


def test_a_user_whom_the_site_signs_in_itself_is_djangos_user_too(ada, rf):
    from codlet_sessions.auth import login
    from codlet_sessions.middleware import AuthenticationMiddleware, SessionMiddleware

    request = rf.get("/")
    SessionMiddleware(lambda request: None).process_request(request)
    AuthenticationMiddleware(lambda request: None).process_request(request)
    record = login(request, ada)
    assert (record.subject, request.user, request.codlet_session) == (str(ada.pk), ada, record)
    assert Session.objects.get().pk == record.id


def test_listing_a_subjects_sessions_does_not_read_what_they_hold(face):
    face.issue("device:42")
    with CaptureQueriesContext(connection) as queries:
        face.list_active("device:42")
    (query,) = queries
    assert "data" not in query["sql"].split("FROM")[0]
    assert "lookup_key" not in query["sql"]


def test_the_id_of_a_session_is_known_before_it_is_written():
    store = SessionStore()
    store["value"] = "blue"
    known = store.session_id
    store.save()
    assert Session.objects.get().pk == known == store.session_id


def test_the_secret_is_in_no_text_that_a_report_could_show(browser):
    browser.get("remember/blue")
    store = SessionStore(browser.cookie)
    store.load()
    assert browser.cookie not in repr(store) + repr(vars(store))


def test_the_admin_lists_sessions_of_both_kinds_and_ends_them(admin_client, browser, ada):
    browser.get("enter/ada")
    page = admin_client.get("/admin/codlet_sessions/session/")
    assert str(Session.objects.get(user=ada).pk) in page.content.decode()
    sessions.revoke_all(ada)
    assert browser.get("user").content == b""


def test_a_user_model_without_numbers_for_keys_is_asked_what_a_key_is(monkeypatch, ada):
    from django.db import models

    key = uuid.uuid4()
    monkeypatch.setattr(User._meta, "pk", models.UUIDField(primary_key=True))
    from codlet_sessions.subjects import subject_in

    assert subject_in({"_auth_user_id": key.hex}).name == str(key)
