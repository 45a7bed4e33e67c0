"""What Django's session middleware promises of a response, kept by ours; and where ours does better."""

import gc
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from weakref import ref

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.middleware import AuthenticationMiddleware, LazyUser, SessionMiddleware
from codlet_sessions.models import Session
from tests.browsers import BROWSERS
from tests.engine.conftest import COOKIE


class Marks(SessionMiddleware):
    def process_response(self, request, response):
        response = super().process_response(request, response)
        response.headers["X-Marked"] = "yes"
        return response


class Refuses(AuthenticationMiddleware):
    def process_request(self, request):
        super().process_request(request)
        return HttpResponse(status=403)


DEAD = {
    "unknown": lambda store: "0" * 64,
    "malformed": lambda store: "not a secret",
    "revoked": lambda store: sessions.revoke(store.session_id) and store.session_key,
    "expired": lambda store: Session.objects.update(expires_at=timezone.now()) and store.session_key,
    "tampered": lambda store: Session.objects.update(subject="somebody") and store.session_key,
}


def test_an_untouched_session_costs_nothing_and_varies_on_nothing(browser, stored):
    browser.cookie = stored.session_key
    with CaptureQueriesContext(connection) as queries:
        response = browser.get("untouched")
    assert (len(queries), "Vary" in response.headers, len(response.cookies)) == (0, False, 0)


@pytest.mark.parametrize("page", ["recall", "both", "user", "remember/red"])
def test_a_response_that_used_the_session_varies_on_the_cookie(browser, stored, page):
    assert browser.get(page).headers["Vary"] == "Cookie"
    browser.cookie = stored.session_key
    assert browser.get(page).headers["Vary"] == "Cookie"


def test_the_cookie_is_set_for_a_new_session_and_its_response_is_not_stored(browser):
    response = browser.get("remember/blue")
    cookie = response.cookies[COOKIE]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/")
    assert cookie["max-age"] == 14 * 24 * 3600
    assert response.headers["Cache-Control"] == "no-store, private"
    assert response.headers["Vary"] == "Cookie"


@override_settings(
    SESSION_COOKIE_NAME="kept",
    SESSION_COOKIE_PATH="/s/",
    SESSION_COOKIE_DOMAIN="example.org",
    SESSION_COOKIE_SAMESITE="Strict",
    SESSION_COOKIE_AGE=60,
)
def test_the_cookie_is_set_and_cleared_as_the_host_decided(browser):
    browser.cookie_name = "kept"
    cookie = browser.get("remember/blue").cookies["kept"]
    assert (cookie["path"], cookie["domain"], cookie["samesite"], cookie["max-age"]) == (
        "/s/",
        "example.org",
        "Strict",
        60,
    )
    cleared = browser.get("leave").cookies["kept"]
    assert (cleared["path"], cleared["domain"], cleared["samesite"], cleared["max-age"]) == (
        "/s/",
        "example.org",
        "Strict",
        0,
    )
    assert Session.objects.get().expires_at < timezone.now() + timedelta(seconds=61)


@override_settings(SESSION_COOKIE_SECURE=False, SESSION_COOKIE_HTTPONLY=False)
def test_the_hosts_settings_cannot_take_secure_and_http_only_away(browser):
    cookie = browser.get("remember/blue").cookies[COOKIE]
    assert (cookie["secure"], cookie["httponly"]) == (True, True)


@override_settings(SESSION_EXPIRE_AT_BROWSER_CLOSE=True)
def test_the_cookie_goes_when_the_browser_closes_if_the_host_says_so(browser):
    assert browser.get("remember/blue").cookies[COOKIE]["max-age"] == ""
    assert Session.objects.get().expires_at > timezone.now() + timedelta(days=13)


def test_set_expiry_rules_cookie_and_row(browser):
    browser.get("remember/blue")
    assert browser.get("keep-for/300").cookies[COOKIE]["max-age"] == 300
    assert Session.objects.get().expires_at < timezone.now() + timedelta(seconds=301)
    assert browser.get("keep-for/0").cookies[COOKIE]["max-age"] == ""
    assert Session.objects.get().expires_at > timezone.now() + timedelta(days=13)


def test_a_session_that_is_kept_for_some_seconds_begins_them_anew_when_it_is_written(browser):
    browser.get("keep-for/300")
    Session.objects.update(expires_at=timezone.now() + timedelta(seconds=20))
    assert browser.get("remember/blue").cookies[COOKIE]["max-age"] == 300
    assert Session.objects.get().expires_at > timezone.now() + timedelta(seconds=290)


def test_writing_does_not_move_the_end_of_a_session(browser):
    browser.get("remember/blue")
    end = Session.objects.get().expires_at
    browser.get("remember/red")
    assert Session.objects.get().expires_at == end


def test_under_save_every_request_each_request_moves_the_end_and_sends_the_cookie(browser, settings):
    browser.get("remember/blue")
    before = Session.objects.get()
    settings.SESSION_SAVE_EVERY_REQUEST = True
    response = browser.get("untouched")
    after = Session.objects.get()
    assert response.cookies[COOKIE].value == browser.cookie
    assert response.headers["Vary"] == "Cookie"
    assert after.expires_at > before.expires_at
    assert after.data_version == before.data_version


@pytest.mark.parametrize("cookie", [None, "0" * 64, "malformed"])
def test_under_save_every_request_nobody_gets_a_row_for_nothing(browser, settings, cookie):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    if cookie is not None:
        browser.cookie = cookie
    browser.get("untouched")
    assert not Session.objects.exists()


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_saves_nothing_and_sets_no_cookie(browser, status):
    response = browser.get(f"remember-and-answer/{status}")
    assert (response.status_code, len(response.cookies)) == (status, 0)
    assert not Session.objects.exists()


@pytest.mark.parametrize("page", ["remember-and-answer/404", "remember-and-raise"])
def test_any_other_response_saves(browser, page):
    assert browser.get(page).status_code == 404
    assert browser.get("recall").content == b"blue"


@pytest.mark.parametrize("kind", DEAD)
def test_a_dead_cookie_is_nobody_and_is_cleared(browser, stored, kind):
    browser.cookie = DEAD[kind](stored)
    response = browser.get("both")
    assert response.json() == {"value": None, "id": None, "subject": None}
    cleared = response.cookies[COOKIE]
    assert (cleared.value, cleared["max-age"], response.headers["Vary"]) == ("", 0, "Cookie")


def test_dead_cookies_of_all_kinds_are_answered_alike(browser):
    answers = set()
    for make in DEAD.values():
        Session.objects.all().delete()
        store = SessionStore()
        store["value"] = "blue"
        store.save()
        browser.cookie = make(store)
        response = browser.get("both")
        answers.add((response.status_code, response.content, str(response.cookies), str(sorted(response.items()))))
    assert len(answers) == 1


def test_a_session_that_is_emptied_keeps_its_row_and_its_cookie(browser):
    browser.get("remember/blue")
    secret = browser.cookie
    browser.get("drop/value")
    assert browser.cookie == secret
    assert SessionStore(secret).load() == {}
    assert SessionStore().exists(secret)


def test_a_session_that_is_emptied_without_a_look_is_emptied(browser):
    browser.get("remember/blue")
    secret = browser.cookie
    browser.get("empty")
    assert SessionStore(secret).load() == {}
    assert Session.objects.count() == 1


def test_a_cookie_that_the_browser_has_is_not_sent_again(browser):
    browser.get("remember/blue")
    assert not browser.get("remember/red").cookies


def test_a_view_that_deletes_the_session_harms_nobody(browser):
    browser.get("remember/blue")
    assert browser.get("forsake").content == b"gone"
    assert browser.get("recall").content == b"blue"


def test_a_store_that_the_view_saved_itself_is_not_saved_twice(client, rf):
    def view(request):
        request.session["value"] = "blue"
        request.session.save()
        return HttpResponse()

    with CaptureQueriesContext(connection) as queries:
        response = SessionMiddleware(view)(rf.get("/"))
    assert [query["sql"].split()[0] for query in queries] == ["INSERT"]
    assert response.cookies[COOKIE].value


def test_what_the_view_changes_after_saving_is_saved_too(rf):
    def view(request):
        request.session["value"] = "blue"
        request.session.save()
        request.session["value"] = "red"
        return HttpResponse()

    response = SessionMiddleware(view)(rf.get("/"))
    assert SessionStore(response.cookies[COOKIE].value)["value"] == "red"


def test_a_session_that_the_view_puts_in_the_place_of_the_browsers_is_handed_over(rf, stored):
    def view(request):
        request.session = SessionStore(session_key=stored.session_key)
        request.session["seen"] = 1
        return HttpResponse()

    response = SessionMiddleware(view)(rf.get("/"))
    assert response.cookies[COOKIE].value == stored.session_key


@pytest.mark.parametrize("path", ["codlet_sessions.backends.db", "django.contrib.sessions.backends.db"])
def test_a_session_that_the_view_issues_is_not_cleared_with_the_dead_cookie_it_came_with(rf, settings, path):
    from codlet_sessions.api import get_cookie_policy

    settings.SESSION_ENGINE = path

    def view(request):
        assert request.codlet_session is None
        response = HttpResponse()
        sessions.issue("device:42").set_cookie(response)
        return response

    name = get_cookie_policy().name
    response = SessionMiddleware(view)(rf.get("/", headers={"cookie": f"{name}={'0' * 64}"}))
    assert sessions.validate(response.cookies[name].value).subject == "device:42"


def test_a_subclass_of_our_middleware_is_asked_under_asgi_too(settings):
    settings.MIDDLEWARE = [
        "tests.engine.test_responses.Marks",
        "tests.engine.test_responses.Refuses",
    ]
    for make in BROWSERS:
        response = make().get("user")
        assert (response.status_code, response.headers["X-Marked"]) == (403, "yes")


def test_a_sign_in_succeeds_when_the_key_it_replaced_cannot_be_remembered(browser, ada, monkeypatch):
    from django.db import OperationalError

    from codlet_sessions.models import RetiredKey

    def fails(*args, **kwargs):
        raise OperationalError("the disk is full")

    browser.get("remember/blue")
    with monkeypatch.context() as patch:
        patch.setattr(RetiredKey, "save_base", fails)
        assert browser.get("enter/ada").status_code == 200
    assert browser.get("user").content == b"ada"


def test_djangos_middleware_works_on_our_engine(browser, settings, ada):
    settings.MIDDLEWARE = [
        path.replace("codlet_sessions.middleware", "django.contrib.auth.middleware")
        if "Auth" in path
        else path.replace("codlet_sessions.middleware", "django.contrib.sessions.middleware")
        for path in settings.MIDDLEWARE
    ]
    browser.get("remember/blue")
    assert browser.get("recall").content == b"blue"
    browser.get("renew")
    assert browser.get("recall").content == b"blue"
    assert Session.objects.count() == 1


@pytest.mark.parametrize("page", ["untouched", "both", "user", "everything"])
def test_a_request_that_is_over_waits_for_no_garbage_collector(browser, ada, settings, page):
    browser.get("enter/ada")
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "messages" not in path]  # which keep theirs alive
    request = RequestFactory(headers={"cookie": f"{COOKIE}={browser.cookie}"}).get(f"/s/{page}/")
    over = ref(request)
    gc.disable()
    try:
        response = WSGIHandler().get_response(request)
        response.close()
        assert response.status_code == 200
        del request, response
        assert over() is None
    finally:
        gc.enable()


def test_a_user_that_outlives_its_request_can_still_be_read(browser, ada):
    browser.get("enter/ada")
    request = RequestFactory(headers={"cookie": f"{COOKIE}={browser.cookie}"}).get("/")
    SessionMiddleware(lambda request: None).process_request(request)
    AuthenticationMiddleware(lambda request: None).process_request(request)
    user = request.user
    del request
    assert user == ada


def test_a_user_that_two_threads_look_at_is_there_for_both():
    both = Barrier(2)

    def fetch():
        both.wait(10)
        return "ada"

    user = LazyUser(fetch)
    with ThreadPoolExecutor(2) as threads:
        assert [str(look.result()) for look in [threads.submit(lambda: str(user)) for _ in range(2)]] == ["ada"] * 2
    user._setup()  # as if by a third one, that had looked before the two were done
    assert str(user) == "ada"


def test_a_user_that_somebody_takes_from_the_request_is_read_anew(browser, ada):
    browser.get("enter/ada")
    request = RequestFactory(headers={"cookie": f"{COOKIE}={browser.cookie}"}).get("/")
    SessionMiddleware(lambda request: None).process_request(request)
    AuthenticationMiddleware(lambda request: None).process_request(request)
    request.user = "somebody"
    assert request.user == "somebody"
    del request.user
    assert request.user == ada


def test_a_middleware_that_is_there_twice_changes_nothing(browser, settings, ada):
    settings.MIDDLEWARE = ["codlet_sessions.middleware.SessionMiddleware", *settings.MIDDLEWARE]
    settings.MIDDLEWARE += ["codlet_sessions.middleware.AuthenticationMiddleware"]
    browser.get("enter/ada")
    assert browser.get("user").content == b"ada"


class VariesOnTheLanguage:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers["Vary"] = "Accept-Language"
        return response


def test_what_else_a_response_varies_on_stays(settings, client):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.VariesOnTheLanguage"]
    assert client.get("/s/user/").headers["Vary"] == "Accept-Language, Cookie"
