"""A site that comes from another engine: nobody is signed out, and nothing that can be replayed stays behind."""

from datetime import timedelta
from importlib import import_module

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as host
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.contrib.sessions.models import Session as DjangosSession
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.errors import StoreUnavailable
from codlet_sessions.models import Session

ENGINES = [
    "django.contrib.sessions.backends.db",
    "django.contrib.sessions.backends.cached_db",
    "django.contrib.sessions.backends.cache",
    "django.contrib.sessions.backends.file",
    "django.contrib.sessions.backends.signed_cookies",
]


@pytest.fixture(params=ENGINES, ids=lambda path: path.rpartition(".")[2])
def before(request, settings, tmp_path):
    """The engine that the site comes from."""
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": request.param}
    return import_module(request.param).SessionStore


@pytest.fixture
def from_djangos(settings):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": ENGINES[0]}


def stored(kind, user=None, **data):
    session = kind()
    session.update(data)
    if user is not None:
        session["_auth_user_id"] = str(user.pk)
        session["_auth_user_backend"] = host.AUTHENTICATION_BACKENDS[0]
        session["_auth_user_hash"] = user.get_session_auth_hash()
    session.save()
    return session.session_key


def test_a_cookie_of_the_engine_before_is_taken_over_on_its_first_use(browser, before, ada):
    old = browser.cookie = stored(before, ada, value="blue")
    page = browser.get("both").json()
    row = Session.objects.get()
    assert page == {"value": "blue", "id": str(row.pk), "subject": str(ada.pk)}
    assert browser.cookie != old
    assert len(browser.cookie) == 64
    assert (row.user, sessions.list_active(ada)[0].id) == (ada, row.pk)
    assert browser.get("user").content == b"ada"
    assert Session.objects.count() == 1


def test_the_old_cookie_opens_nothing_afterwards(browser, before, ada):
    old = browser.cookie = stored(before, ada)
    browser.get("user")
    Session.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    browser.cookie = old
    assert browser.get("user").content == b""
    assert Session.objects.filter(user=ada).count() == 1
    if not before.__module__.endswith("signed_cookies"):  # its cookie is the session: nobody can delete it there
        assert before(old).load() == {}


def test_a_signed_cookie_of_before_is_taken_over_once_however_often_it_is_shown(browser, settings, ada):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": ENGINES[-1]}
    old = browser.cookie = stored(import_module(ENGINES[-1]).SessionStore, ada)
    browser.get("user")
    sessions.revoke_all(ada)
    for minutes in (0, 2):
        Session.objects.update(created_at=timezone.now() - timedelta(minutes=minutes))
        browser.cookie = old
        assert browser.get("user").content == b""
        browser.get("renew")
    assert not sessions.list_active(ada)


def test_a_session_that_was_revoked_while_it_was_taken_over_is_not_brought_back_under_a_new_secret(
    browser, from_djangos, ada
):
    browser.cookie = stored(DjangosStore, ada)
    slow = SessionStore(browser.cookie)
    slow.get("value")
    slow.may_be_adopted = True
    browser.get("user")
    sessions.revoke_all(ada)
    slow.cycle_key()
    with pytest.raises(UpdateError):
        slow.save()
    assert not sessions.list_active(ada)


def test_a_new_secret_is_the_end_of_the_old_cookie_at_once(browser, from_djangos, ada):
    old = browser.cookie = stored(DjangosStore, ada)
    browser.get("user")
    browser.get("change-password")
    new, browser.cookie = browser.cookie, old
    response = browser.get("user")
    assert (response.content, len(response.cookies)) == (b"", 0)
    browser.cookie = new
    assert browser.get("user").content == b"ada"


def test_a_fault_while_the_old_row_is_deleted_leaves_the_session_there(browser, from_djangos, ada, monkeypatch):
    old = browser.cookie = stored(DjangosStore, ada)

    def fails(self, key=None):
        raise OperationalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(DjangosStore, "delete", fails)
        assert browser.get("user").status_code == 503
    assert (Session.objects.count(), browser.cookie) == (0, old)
    assert browser.get("user").content == b"ada"


@pytest.mark.parametrize("cookie", ["x" * 32, "0" * 64])
def test_an_outage_is_a_503_while_moving_in_too(browser, from_djangos, cookie, request):
    browser.cookie = cookie
    request.getfixturevalue("database_down")
    response = browser.get("user")
    assert (response.status_code, len(response.cookies)) == (503, 0)


def test_an_engine_before_that_is_gone_is_named(from_djangos, monkeypatch):
    monkeypatch.setattr(DjangosSession._meta, "db_table", "no_such_table")
    with pytest.raises(StoreUnavailable, match=r"ADOPT_FROM.*'django\.contrib\.sessions\.backends\.db'.*take"):
        SessionStore("x" * 32).load()


def test_a_cookie_that_no_database_can_be_asked_for_is_nobodys(before):
    assert SessionStore("\0" + "a" * 20).load() == {}


def test_signing_out_with_a_cookie_that_no_file_can_have_is_no_error(browser, settings, tmp_path):
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": "django.contrib.sessions.backends.file"}
    SessionStore("../../etc/passwd/").delete()


def test_a_write_into_the_engine_before_that_comes_too_late_writes_nothing(browser, from_djangos, ada):
    browser.cookie = stored(DjangosStore, ada)
    slow = SessionStore(browser.cookie)
    slow["value"] = "late"
    browser.get("user")
    with pytest.raises(UpdateError) as caught:
        slow.save()
    assert caught.value.is_harmless


def test_the_life_that_was_left_is_kept(browser, from_djangos, ada):
    browser.cookie = stored(DjangosStore, ada)
    DjangosSession.objects.update(expire_date=timezone.now() + timedelta(hours=1))
    cookie = browser.get("user").cookies["sessionid"]
    assert 3500 < cookie["max-age"] <= 3600
    assert Session.objects.get().expires_at < timezone.now() + timedelta(hours=1)
    assert not DjangosSession.objects.exists()


def test_what_had_expired_stays_expired(browser, from_djangos, ada):
    browser.cookie = stored(DjangosStore, ada)
    DjangosSession.objects.update(expire_date=timezone.now() - timedelta(hours=1))
    response = browser.get("user")
    assert (response.content, response.cookies["sessionid"]["max-age"]) == (b"", 0)
    assert not Session.objects.exists()


def test_a_recent_sign_in_is_not_made_of_an_old_one(browser, from_djangos, ada):
    browser.cookie = stored(DjangosStore, ada)
    DjangosSession.objects.update(expire_date=timezone.now() + timedelta(days=4))
    browser.get("user")
    assert Session.objects.get().authenticated_at < timezone.now() - timedelta(days=9)


def test_an_untouched_session_stays_where_it_is(browser, before, ada):
    old = browser.cookie = stored(before, ada)
    browser.get("untouched")
    assert browser.cookie == old
    assert not Session.objects.exists()


@pytest.mark.parametrize("status", [500, 503])
def test_a_response_that_fails_leaves_the_session_where_it_is(browser, from_djangos, ada, status):
    old = browser.cookie = stored(DjangosStore, ada)
    browser.get(f"remember-and-answer/{status}")
    assert browser.cookie == old
    assert (Session.objects.exists(), DjangosSession.objects.count()) == (False, 1)
    assert browser.get("user").content == b"ada"


def test_a_view_that_is_rolled_back_loses_nobody_their_session(browser, from_djangos, ada, atomic_requests):
    if browser.prefix == "a":
        pytest.skip("Django has no ATOMIC_REQUESTS for async views")
    browser.cookie = stored(DjangosStore, ada)
    browser.get("remember-and-raise")
    assert browser.get("user").content == b"ada"
    assert (Session.objects.count(), DjangosSession.objects.count()) == (1, 0)


def test_what_the_first_request_changes_is_kept(browser, before, ada):
    browser.cookie = stored(before, ada, value="blue")
    browser.get("remember/red")
    assert browser.get("both").json()["value"] == "red"


def test_signing_in_with_an_old_anonymous_cookie_keeps_what_was_in_it(browser, before, ada):
    browser.cookie = stored(before, value="blue")
    browser.get("enter/ada")
    assert browser.get("both").json()["value"] == "blue"
    assert browser.get("user").content == b"ada"
    assert Session.objects.count() == 1


def test_signing_out_with_an_old_cookie_ends_the_old_session(browser, from_djangos, ada):
    browser.cookie = stored(DjangosStore, ada)
    assert browser.get("leave").cookies["sessionid"]["max-age"] == 0
    assert (Session.objects.exists(), DjangosSession.objects.exists()) == (False, False)


@pytest.mark.parametrize("cookie", ["x" * 32, "short", "y" * 5000, "é" * 20])
def test_a_cookie_of_nobodys_writes_nothing_anywhere(browser, before, cookie):
    browser.cookie = cookie
    assert browser.get("both").json()["subject"] is None
    assert not Session.objects.exists()
    assert not DjangosSession.objects.exists()


def test_a_cookie_of_ours_is_not_looked_for_in_the_engine_before(browser, from_djangos):
    browser.cookie = "0" * 64
    with CaptureQueriesContext(connection) as queries:
        browser.get("both")
    assert not any("django_session" in query["sql"] for query in queries)


def test_an_old_session_that_is_only_looked_at_by_other_code_stays_where_it_is(from_djangos, ada):
    old = stored(DjangosStore, ada, value="blue")
    assert SessionStore(old)["value"] == "blue"
    assert (Session.objects.exists(), DjangosSession.objects.count()) == (False, 1)


@pytest.mark.parametrize("is_async", [False, True])
def test_other_code_that_writes_an_old_session_writes_it_where_it_is(browser, before, ada, is_async):
    old = stored(before, ada, value="blue")
    session = SessionStore(old)
    if is_async:
        async_to_sync(session.aset)("value", "red")
        async_to_sync(session.asave)()
    else:
        session["value"] = "red"
        session.save()
    assert not Session.objects.exists()
    browser.cookie = session.session_key  # the same, but for signed cookies
    assert browser.get("both").json() == {
        "value": "red",
        "id": str(Session.objects.get().pk),
        "subject": str(ada.pk),
    }


def test_under_djangos_middleware_an_old_session_goes_on_until_its_secret_is_renewed(browser, settings, before, ada):
    settings.MIDDLEWARE = [
        path.replace("codlet_sessions.middleware.S", "django.contrib.sessions.middleware.S")
        for path in settings.MIDDLEWARE
    ]
    browser.cookie = stored(before, value="blue")
    browser.get("remember/red")
    assert not Session.objects.exists()
    browser.get("renew")
    assert Session.objects.count() == 1
    assert browser.get("recall").content == b"red"


def test_without_the_setting_an_old_cookie_is_nobodys(browser, ada):
    browser.cookie = stored(DjangosStore, ada)
    assert browser.get("user").content == b""
    assert DjangosSession.objects.count() == 1


def test_adopted_sessions_stand_behind_all_others_in_the_admin(browser, from_djangos, ada, admin_client):
    native = sessions.issue("device:1")
    browser.cookie = stored(DjangosStore, ada)
    browser.get("user")
    newest, *_rest, oldest = Session.objects.order_by("-id")
    assert newest.pk != oldest.pk == Session.objects.get(user=ada).pk
    assert native.id.version == oldest.pk.version == 7


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no.such.engine", "no.such.engine"),
        ("django.contrib.sessions", "is no session engine"),
        ("codlet_sessions.backends.db", "the very kind of engine"),
    ],
)
def test_a_path_that_is_no_engine_to_come_from_is_a_startup_error(settings, path, words):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": path}
    with pytest.raises(ImproperlyConfigured, match=words):
        sessions.issue("device:1")


def test_adopting_without_our_engine_is_a_startup_error(settings, from_djangos):
    settings.SESSION_ENGINE = ENGINES[0]
    with pytest.raises(ImproperlyConfigured, match="SESSION_ENGINE is not an engine of codlet_sessions"):
        sessions.issue("device:1")
