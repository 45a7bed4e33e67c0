"""The page that asks for the password, by use and by attack."""

from datetime import timedelta

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_login_failed
from django.test import Client
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.carrying import PASSWORD
from codlet_sessions.models import Session
from tests.engine.conftest import COOKIE, ada, engine, grace  # noqa: F401
from tests.pages import hidden_fields_of
from tests.test_recent import HERS, long_ago

CONFIRM = "/account/sessions/confirm/"
LIST = "/account/sessions/"


@pytest.fixture
def visitor(ada):  # noqa: F811
    client = Client()
    client.get("/s/enter/ada/")
    long_ago()
    return client


def test_the_page_asks_in_whose_name_and_leads_back(visitor):
    page = visitor.get(CONFIRM, {"next": "/s/gated/?colour=blue"})
    assert page.status_code == 200
    assert "Password of ada" in page.text
    assert "no-store" in page["Cache-Control"]
    answer = visitor.post(CONFIRM, {**hidden_fields_of(page).dict(), PASSWORD: HERS})
    assert (answer.status_code, answer["Location"]) == (302, "/s/gated/?colour=blue")
    assert visitor.get(answer["Location"]).status_code == 200


def test_confirming_renews_the_session_in_place_and_the_secret_before_is_dead(visitor, heard):
    row, before = Session.objects.get(), visitor.cookies[COOKIE].value
    visitor.post(CONFIRM, {PASSWORD: HERS})
    after = Session.objects.get()
    assert (after.pk, after.created_at) == (row.pk, row.created_at)
    assert timezone.now() - after.authenticated_at < timedelta(minutes=1)
    assert visitor.cookies[COOKIE].value != before
    assert sessions.validate(before) is None
    replayed = Client()
    replayed.cookies[COOKIE] = before
    assert replayed.get("/s/user/").text != visitor.get("/s/user/").text
    assert "sign_in_confirmed" in [name for name, _payload in heard]


def test_confirming_changes_the_csrf_token(visitor):
    visitor.get(CONFIRM)
    before = visitor.cookies["csrftoken"].value
    visitor.post(CONFIRM, {PASSWORD: HERS})
    assert visitor.cookies["csrftoken"].value != before


def test_a_wrong_password_confirms_nothing(visitor, heard):
    before = Session.objects.get().authenticated_at
    page = visitor.post(CONFIRM, {PASSWORD: "wrong", "next": "/s/gated/"})
    assert page.status_code == 200
    assert "That is not your password." in page.text
    assert "wrong" not in page.text.replace('id="codlet-wrong"', "").replace('describedby="codlet-wrong"', "")
    assert hidden_fields_of(page).dict() == {"next": "/s/gated/"}
    assert Session.objects.get().authenticated_at == before
    assert [name for name, _payload in heard] == ["sign_in_not_confirmed"]


def test_the_sites_backends_hear_of_a_wrong_password(visitor):
    told = []
    user_login_failed.connect(
        lambda sender, credentials, **kwargs: told.append(credentials), weak=False, dispatch_uid=1
    )
    visitor.post(CONFIRM, {PASSWORD: "wrong"})
    assert user_login_failed.disconnect(dispatch_uid=1)
    assert [credentials["username"] for credentials in told] == ["ada"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "http:evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/\\evil.example",
        "///evil.example",
        "https://testserver@evil.example/",
    ],
)
def test_no_address_of_another_site_is_next(visitor, elsewhere):
    page = visitor.get(CONFIRM, {"next": elsewhere})
    assert "evil.example" not in page.text
    assert "javascript:" not in page.text
    assert visitor.post(CONFIRM, {PASSWORD: HERS, "next": elsewhere})["Location"] == LIST


def test_a_line_break_in_next_adds_no_header(visitor):
    answer = visitor.post(CONFIRM, {PASSWORD: HERS, "next": "/s/who/\r\nSet-Cookie: a=b"})
    assert answer["Location"].startswith("/s/who/%0D%0ASet-Cookie") or answer["Location"] == LIST
    assert "a" not in answer.cookies


def test_a_secure_page_leads_to_no_insecure_one(visitor):
    answer = visitor.post(CONFIRM, {PASSWORD: HERS, "next": "http://testserver/s/who/"}, secure=True)
    assert answer["Location"] == LIST


def test_whoever_is_not_signed_in_signs_in_and_is_led_on(engine):  # noqa: F811
    for ask in (Client().get, Client().post):
        answer = ask(f"{CONFIRM}?next=/s/gated/")
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/s/gated/")
    assert Client().get(f"{CONFIRM}?next=//evil.example")["Location"] == f"/accounts/login/?next={LIST}"


def test_without_a_csrf_token_nothing_is_confirmed(visitor):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visitor.cookies
    before = Session.objects.get().authenticated_at
    assert strict.post(CONFIRM, {PASSWORD: HERS}).status_code == 403
    assert strict.post("/s/gated/", {PASSWORD: HERS}).status_code == 403
    assert Session.objects.get().authenticated_at == before


@pytest.mark.parametrize("body", ['{"password": "a secret of hers"}', "password=a+secret+of+hers"])
def test_a_program_confirms_with_json_or_a_form(visitor, body):
    kind = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
    answer = visitor.post(CONFIRM, body, content_type=kind, headers={"accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json() == {"authenticated_at": Session.objects.get().authenticated_at.isoformat()}
    assert "no-store" in answer["Cache-Control"]


WRONG = ['{"password": "wrong"}', '{"password": 1}', '{"password": null}', "[]", "{", "[" * 100_000, "\xff"]


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_a_program_with_a_wrong_password_is_told_so(visitor, body):
    answer = visitor.post(CONFIRM, body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (403, {"error": "wrong_password"})


def test_a_program_that_is_not_signed_in_is_told_so(engine):  # noqa: F811
    answer = Client().post(CONFIRM, "{}", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]) == (403, "sign_in_required")


class EndsTheSession(ModelBackend):
    """While the password is checked, an administrator ends the session."""

    def authenticate(self, request, **credentials):
        sessions.revoke(Session.objects.get().pk)
        return super().authenticate(request, **credentials)

    async def aauthenticate(self, request, **credentials):
        await sessions.arevoke((await Session.objects.aget()).pk)
        return await super().aauthenticate(request, **credentials)


@pytest.mark.parametrize("page", [CONFIRM, "/s/gated/", "/a/gated/"])
@pytest.mark.parametrize("name", ["our engine", "another engine"])
def test_a_session_that_ended_meanwhile_is_not_confirmed(visitor, ada, settings, page, name):  # noqa: F811
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.EndsTheSession"]
    if name == "another engine":
        Session.objects.all().delete()
        settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
        visitor = Client()
        visitor.cookies["codlet_session"] = sessions.issue(ada).secret.expose()
        long_ago()
    assert visitor.post(page, {PASSWORD: HERS})["Location"].startswith("/accounts/login/")
    assert Session.objects.get().revoked_reason == "requested"


def test_a_password_stored_by_an_older_hasher_is_stored_anew_and_nobody_is_signed_out(visitor, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    before = visitor.cookies[COOKIE].value
    assert visitor.post("/s/gated/", {"colour": "blue", PASSWORD: HERS}).json()["sent"] == {"colour": ["blue"]}
    assert visitor.cookies[COOKIE].value != before
    assert visitor.get("/s/gated/").status_code == 200


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_confirm_nothing(visitor, method):
    assert getattr(visitor, method)(CONFIRM).status_code == 405


def test_who_has_no_password_is_led_to_sign_in_and_back(visitor, ada):  # noqa: F811
    type(ada).objects.update(password="!")
    visitor.get("/s/enter/ada/")
    page = visitor.get(CONFIRM, {"next": "/s/gated/"})
    assert 'href="/accounts/login/?next=/s/gated/"' in page.text
    assert "was not carried out" not in page.text
