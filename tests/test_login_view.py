"""The page to sign in on, and its box."""

import pytest
from django.test import Client

from codlet_sessions.models import Session
from tests.engine.conftest import COOKIE, ada, engine  # noqa: F401
from tests.pages import fields_of
from tests.test_recent import HERS, long_ago

LOGIN = "/accounts/login/"


def sign_in(**more):
    client = Client()
    answer = client.post(LOGIN, {"username": "ada", "password": HERS, **more})
    assert answer.status_code == 302
    return client, answer.cookies[COOKIE]


@pytest.mark.parametrize("forgets", [True, False])
def test_whoever_ticks_the_box_is_remembered_when_the_browser_closes(ada, settings, forgets):  # noqa: F811
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = forgets
    client, cookie = sign_in(persistent="on")
    assert int(cookie["max-age"]) > 1209000
    assert Session.objects.get().is_persistent is True
    assert client.get("/s/user/").status_code == 200


@pytest.mark.parametrize(("forgets", "max_age"), [(True, ""), (False, 1209600)])
def test_without_the_tick_the_setting_decides(ada, settings, forgets, max_age):  # noqa: F811
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = forgets
    _client, cookie = sign_in()
    assert cookie["max-age"] == max_age
    assert Session.objects.get().is_persistent is None


def test_the_session_lasts_no_longer_for_the_tick(ada):  # noqa: F811
    sign_in()
    sign_in(persistent="on")
    first, second = (row.expires_at - row.created_at for row in Session.objects.all())
    assert abs(first - second).total_seconds() < 1


def test_the_box_is_not_ticked_by_itself_and_has_a_label(engine):  # noqa: F811
    page = Client().get(LOGIN)
    (box,) = [field for field in fields_of(page) if field.get("type") == "checkbox"]
    assert "checked" not in box
    assert "Keep me signed in on this device" in page.text


def test_a_wrong_password_signs_nobody_in(ada):  # noqa: F811
    page = Client().post(LOGIN, {"username": "ada", "password": "wrong", "persistent": "on"})
    assert page.status_code == 200
    assert 'role="alert"' in page.text
    assert not Session.objects.exists()


def test_signing_in_again_is_recent(ada):  # noqa: F811
    client, _cookie = sign_in()
    long_ago()
    answer = client.post(LOGIN, {"username": "ada", "password": HERS, "next": "/s/gated/"})
    assert answer["Location"] == "/s/gated/"
    assert client.get("/s/gated/").status_code == 200
    assert Session.objects.count() == 1


def test_beside_another_engine_there_is_no_box_and_signing_in_works(ada, settings):  # noqa: F811
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    client = Client()
    assert "checkbox" not in client.get(LOGIN).text
    answer = client.post(LOGIN, {"username": "ada", "password": HERS, "persistent": "on"})
    assert answer.status_code == 302
    assert client.get("/s/user/").status_code == 200
