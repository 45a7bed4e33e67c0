"""CSRF_USE_SESSIONS: the secret behind the tokens is in our session."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from codlet_sessions.models import Session

pytestmark = pytest.mark.usefixtures("our_engine")


@pytest.fixture
def client(settings):
    settings.CSRF_USE_SESSIONS = True
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def grace(db):
    return User.objects.create_user("grace", password="her password", is_staff=True)


def token_on(page):
    return str(page.context["csrf_token"])


def post(client, token, note="buy milk"):
    return client.post("/notes/", {"note": note, "csrfmiddlewaretoken": token})


def sign_in(client):
    answers = {"username": "grace", "password": "her password", "next": "/notes/"}
    token = token_on(client.get("/admin/login/"))
    return client.post("/admin/login/", {**answers, "csrfmiddlewaretoken": token}, follow=True)


def test_a_form_posts_with_its_token(client):
    assert post(client, token_on(client.get("/notes/"))).status_code == 302
    assert client.session["note"] == "buy milk"


def test_the_secret_is_in_the_session_and_in_no_cookie_of_its_own(client):
    client.get("/notes/")
    assert list(client.cookies) == ["sessionid"]
    assert "_csrftoken" in client.session
    assert Session.objects.count() == 1


def test_a_form_without_a_token_is_refused(client):
    client.get("/notes/")
    assert client.post("/notes/", {"note": "buy milk"}).status_code == 403
    assert "note" not in client.session


def test_a_token_of_another_visitor_is_refused(client):
    client.get("/notes/")
    assert post(client, token_on(Client().get("/notes/"))).status_code == 403


def test_signing_in_makes_a_new_secret_and_the_next_form_works_with_it(client, grace):
    before = token_on(client.get("/notes/"))
    page = sign_in(client)
    assert "grace has noted: nothing." in page.text
    assert post(client, before).status_code == 403
    assert post(client, token_on(page)).status_code == 302
    assert "grace has noted: buy milk." in client.get("/notes/").text
