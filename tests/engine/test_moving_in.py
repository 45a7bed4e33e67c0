"""A site that comes from another engine: nobody is signed out, and nothing that can be replayed stays behind."""

from datetime import timedelta
from importlib import import_module

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as host
from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.contrib.sessions.models import Session as DjangosSession
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
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
    if not before.__module__.endswith("signed_cookies"):  # its cookie is the session: nobody can delete it there
        assert before(old).load() == {}
        assert browser.get("user").content == b""
    assert Session.objects.count() == 1


def test_a_signed_cookie_of_before_is_taken_over_once_however_often_it_is_shown(browser, settings, ada):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "ADOPT_FROM": ENGINES[-1]}
    old = browser.cookie = stored(import_module(ENGINES[-1]).SessionStore, ada)
    browser.get("user")
    sessions.revoke_all(ada)
    browser.cookie = old
    browser.get("both")
    assert not sessions.list_active(ada)


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
