"""Views for those who have signed in recently, in every pairing of server and view."""

from datetime import timedelta
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from codlet_sessions import conf, questions
from codlet_sessions.api import sessions
from codlet_sessions.carrying import LEFT_BEHIND, PASSWORD
from codlet_sessions.models import Session
from codlet_sessions.recent import recent_sign_in_required
from tests.engine.conftest import ada, browser, engine, grace  # noqa: F401
from tests.pages import fields_of, files_named, hidden_fields_of

HERS = "a secret of hers"


@pytest.fixture
def visitor(browser, ada):  # noqa: F811
    browser.get("enter/ada")
    return browser


def long_ago(**span):
    """Have every sign-in be that long ago."""
    moment = timezone.now() - timedelta(**span or {"hours": 2})
    Session.objects.update(created_at=moment, authenticated_at=moment)


def post(browser, path, data=None, **extra):  # noqa: F811
    ask = async_to_sync(browser.client.post) if browser.is_async else browser.client.post
    return ask(path, data or {}, **extra)


def gate(browser, page="gated"):  # noqa: F811
    return f"/{browser.prefix}/{page}/"


PAGES = ["gated", "gated-strictly", "gated-class"]


@pytest.mark.parametrize("page", PAGES)
def test_who_has_just_signed_in_is_let_through(visitor, page):
    assert visitor.get(page).json()["sent"] == {}
    assert post(visitor, gate(visitor, page), {"colour": "blue"}).json()["sent"] == {"colour": ["blue"]}


@pytest.mark.parametrize("page", PAGES)
def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(browser, engine, page):  # noqa: F811
    response = browser.get(f"{page}")
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={gate(browser, page)}")
    assert post(browser, gate(browser, page), {"a": "1"})["Location"] == response["Location"]


@pytest.mark.parametrize("page", PAGES)
def test_who_signed_in_long_ago_is_sent_to_confirm_and_back(visitor, page):
    long_ago()
    response = visitor.get(page, query_params={"colour": "blue & green"})
    assert response.status_code == 302
    address = urlsplit(response["Location"])
    assert address.path == "/account/sessions/confirm/"
    assert parse_qs(address.query) == {"next": [f"{gate(visitor, page)}?colour=blue+%26+green"]}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(("page", "seconds"), [("gated", 900), ("gated-strictly", 60), ("gated-class", 300)])
def test_how_long_a_sign_in_is_recent_is_what_the_view_or_the_setting_says(visitor, page, seconds):
    long_ago(seconds=seconds - 20)
    assert visitor.get(page).status_code == 200
    long_ago(seconds=seconds + 1)
    assert visitor.get(page).status_code == 302


def test_the_setting_is_the_default(visitor, settings):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "RECENT_SIGN_IN": timedelta(hours=3)}
    long_ago()
    assert visitor.get("gated").status_code == 200
    assert visitor.get("gated-strictly").status_code == 302


def test_a_form_is_carried_along_and_reaches_the_view_after_the_password(visitor):
    long_ago()
    sent = {"colour": ["blue", "green"], "text": "first\r\nsecond <b> \"quoted\" 'single' é", "empty": ""}
    asked = post(visitor, gate(visitor), sent)
    assert asked.status_code == 403
    assert "no-store" in asked["Cache-Control"]
    carried = hidden_fields_of(asked)
    assert carried.getlist("colour") == ["blue", "green"]
    answered = post(visitor, gate(visitor), {**dict(carried.lists()), PASSWORD: HERS})
    assert answered.status_code == 200
    assert answered.json()["sent"] == {"colour": ["blue", "green"], "text": [sent["text"]], "empty": [""]}


def test_a_form_that_the_page_sends_urlencoded_reaches_the_view_too(visitor):
    long_ago()
    urlencoded = {"content_type": "application/x-www-form-urlencoded"}
    post(visitor, gate(visitor), "colour=blue", **urlencoded)
    answered = post(visitor, gate(visitor), f"colour=blue&{PASSWORD}={HERS.replace(' ', '+')}", **urlencoded)
    assert answered.json()["sent"] == {"colour": ["blue"]}


def test_the_answer_sent_twice_shows_the_view_no_field_of_ours(visitor):
    body = f"colour=blue&{PASSWORD}={HERS}&{LEFT_BEHIND}=a.txt"
    answered = post(visitor, gate(visitor), body, content_type="application/x-www-form-urlencoded")
    assert answered.json()["sent"] == {"colour": ["blue"]}


def test_confirming_leaves_the_gate_open_for_a_while(visitor):
    long_ago()
    post(visitor, gate(visitor), {PASSWORD: HERS})
    assert visitor.get("gated").status_code == 200


@pytest.mark.parametrize("password", ["wrong", "", "\0", "x" * 5000])
def test_a_wrong_password_is_asked_for_again_and_nothing_is_lost(visitor, password, heard):
    long_ago()
    before = visitor.cookie
    asked = post(visitor, gate(visitor), {"colour": "blue", PASSWORD: password})
    assert asked.status_code == 403
    assert "That is not your password." in asked.text
    assert hidden_fields_of(asked).get("colour") == "blue"
    assert PASSWORD not in hidden_fields_of(asked)
    assert visitor.cookie == before
    assert [name for name, _payload in heard if name.startswith("sign_in")] == ["sign_in_not_confirmed"]
    assert visitor.get("gated").status_code == 302


def test_the_password_of_somebody_else_is_a_wrong_one(visitor, grace):  # noqa: F811
    grace.set_password("a secret of graces")
    grace.save()
    long_ago()
    assert post(visitor, gate(visitor), {"username": "grace", PASSWORD: "a secret of graces"}).status_code == 403


def test_what_was_typed_is_on_no_page(visitor):
    long_ago()
    asked = post(visitor, gate(visitor), {PASSWORD: "typed-by-mistake"})
    assert "typed-by-mistake" not in asked.text


def test_who_may_not_sign_in_any_longer_cannot_confirm_either(visitor, ada):  # noqa: F811
    long_ago()
    type(ada).objects.update(is_active=False)
    response = post(visitor, gate(visitor), {PASSWORD: HERS})
    assert response["Location"].startswith("/accounts/login/")


def test_who_has_another_password_by_now_is_not_let_through_however_recent(visitor, ada):  # noqa: F811
    other = type(ada)(username="other")
    other.set_password("another")
    type(ada).objects.update(password=other.password)
    assert visitor.get("gated")["Location"].startswith("/accounts/login/")


def test_files_stay_behind_and_the_page_says_which(visitor):
    long_ago()
    asked = post(visitor, gate(visitor), {"title": "me", "photo": SimpleUploadedFile("<me>.png", b"png")})
    assert asked.status_code == 403
    assert "Files cannot be kept" in asked.text
    assert files_named(asked) == ["<me>.png"]
    again = post(visitor, gate(visitor), {**dict(hidden_fields_of(asked).lists()), PASSWORD: "wrong"})
    assert files_named(again) == ["<me>.png"]  # said until it is over
    answered = post(visitor, gate(visitor), {**dict(hidden_fields_of(again).lists()), PASSWORD: HERS})
    assert (answered.json()["sent"], answered.json()["files"]) == ({"title": ["me"]}, [])


@pytest.mark.parametrize(
    "extra",
    [
        {"content_type": "application/json", "data": '{"a": 1}'},
        {"content_type": "text/plain", "data": "a"},
        {"data": {"a": 1}, "headers": {"accept": "application/json"}},
        {"data": {"a": 1}, "headers": {"accept": "text/html;q=0.5, application/json"}},
    ],
)
def test_a_program_keeps_what_it_sent_and_is_told_where_to_confirm(visitor, extra):
    long_ago()
    response = post(visitor, gate(visitor), **extra)
    assert response.status_code == 403
    assert response.json() == {"error": "recent_sign_in_required", "confirm_url": "/account/sessions/confirm/"}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_what_no_form_can_send_is_answered_with_json(visitor, method):
    long_ago()
    ask = getattr(visitor.client, method)
    response = (async_to_sync(ask) if visitor.is_async else ask)(gate(visitor))
    assert response.json()["error"] == "recent_sign_in_required"


def test_a_program_that_is_not_signed_in_is_told_where_to_sign_in(browser, engine):  # noqa: F811
    response = post(browser, gate(browser), '{"a": 1}', content_type="application/json")
    assert (response.status_code, response.json()) == (
        403,
        {"error": "sign_in_required", "login_url": "/accounts/login/"},
    )


def test_who_has_no_password_is_asked_to_sign_in_again_and_told_what_is_lost(visitor, ada):  # noqa: F811
    ada.set_unusable_password()
    type(ada).objects.update(password=ada.password)
    visitor.get("enter/ada")
    long_ago()
    asked = post(visitor, gate(visitor), {"a": "1"}, headers={"referer": "http://testserver/form/"})
    assert asked.status_code == 403
    assert 'href="/accounts/login/?next=http%3A//testserver/form/"' in asked.text.replace("&amp;", "&")
    assert "was not carried out" in asked.text
    assert 'type="password"' not in asked.text
    refused = post(visitor, gate(visitor), {PASSWORD: ada.password})
    assert refused.status_code == 403


def test_a_referer_of_another_site_leads_nowhere(visitor, ada):  # noqa: F811
    ada.set_unusable_password()
    type(ada).objects.update(password=ada.password)
    visitor.get("enter/ada")
    long_ago()
    asked = post(visitor, gate(visitor), {"a": "1"}, headers={"referer": "https://evil.example/"})
    assert "evil.example" not in asked.text


def test_names_and_values_are_escaped_on_the_page(visitor):
    long_ago()
    attack = '"><script>alert(1)</script>'
    asked = post(visitor, gate(visitor), {attack: attack})
    assert "<script" not in asked.text
    assert hidden_fields_of(asked).get(attack) == attack


def test_a_session_that_speaks_for_a_device_passes_by_its_age_alone(browser, engine):  # noqa: F811
    browser.get("sign-in/device:42")
    assert browser.get("gated").json()["subject"] == "device:42"
    long_ago()
    asked = post(browser, gate(browser), {"a": "1"})
    assert asked.status_code == 403
    assert "Sign in again" in asked.text


def test_a_session_that_was_issued_to_a_user_is_confirmed_by_the_users_password(browser, ada):  # noqa: F811
    browser.cookie = sessions.issue(ada).secret.expose()
    long_ago()
    assert post(browser, gate(browser), {"a": "1", PASSWORD: HERS}).json()["sent"] == {"a": ["1"]}


@pytest.mark.parametrize("max_age", [0, -1, "soon", True, timedelta()])
def test_an_age_that_is_none_is_refused_where_it_is_written(max_age):
    with pytest.raises(ValueError, match=r"neither|nothing"):
        recent_sign_in_required(max_age)


def test_a_site_without_our_pages_is_told_how_to_have_them(settings):
    settings.ROOT_URLCONF = ModuleType("urls")
    settings.ROOT_URLCONF.urlpatterns = []
    with pytest.raises(ImproperlyConfigured, match=r"include\('codlet_sessions.urls'\)"):
        questions.confirm_url()


@pytest.mark.parametrize("page", ["gated", "gated-class"])
def test_the_gate_costs_one_query_for_the_session_and_its_user(visitor, page, django_assert_num_queries):
    with django_assert_num_queries(1):
        visitor.get(page)


def test_fields_of_the_page_have_names_that_no_screen_reader_stumbles_over(visitor):
    long_ago()
    asked = post(visitor, gate(visitor), {"username": "somebody else"})
    assert [(field["type"], field["autocomplete"]) for field in fields_of(asked) if "autocomplete" in field] == [
        ("text", "username"),
        ("password", "current-password"),
    ]
    assert hidden_fields_of(asked).getlist("username") == ["somebody else"]


@pytest.mark.parametrize("value", [0, -5, "900", True, None, timedelta(), 10**20])
def test_a_setting_that_no_sign_in_could_be_recent_by_is_a_problem(settings, value):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "RECENT_SIGN_IN": value}
    (problem,) = conf.find_problems()
    assert problem.id == "codlet_sessions.E026"
    assert "leave it out for 900" in problem.hint


@pytest.mark.parametrize("value", [1, 0.5, 86400, timedelta(days=1)])
def test_a_setting_in_seconds_or_as_a_timedelta_is_in_order(settings, value):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "RECENT_SIGN_IN": value}
    assert conf.find_problems() == []


def test_an_address_to_sign_in_on_at_another_host_is_told_the_whole_way_back(browser, engine, settings):  # noqa: F811
    settings.LOGIN_URL = "https://login.example/"
    whole = f"http%3A//testserver{gate(browser)}"
    assert browser.get("gated")["Location"] == f"https://login.example/?next={whole}"
