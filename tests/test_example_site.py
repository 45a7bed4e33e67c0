"""The example site under gunicorn and uvicorn, in sync and async views: the same in every pairing."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from example_project.visitor import Visitor
from tests.servers import COOKIE, PASSWORD, SESSIONS, enter_admin, run_code, session_id_on, sign_in, visits_on

pytest_plugins = ["tests.served"]

NOBODY = "Nobody is signed in here"


@pytest.fixture(params=["gunicorn", "uvicorn"], scope="module")
def server(request):
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture(params=["/", "/async/"], ids=["sync", "async"])
def path(request):
    return request.param


@pytest.fixture
def visitor(server):
    return Visitor(server.address)


@pytest.fixture
def grace(visitor, path):
    sign_in(visitor, "grace", path)
    return visitor


def test_a_visitor_without_a_cookie_is_nobody_and_gets_none(visitor, path):
    page = visitor.get(path)
    assert NOBODY in page.text
    assert page.cookies_set == []
    assert page.headers["Vary"] == "Cookie"


def test_signing_in_shows_who_you_are_and_since_when(visitor, path):
    page = sign_in(visitor, "grace", path)
    assert page.address.endswith(path)
    assert "Hello, grace." in page.text
    since = datetime.fromisoformat(page.text.partition('datetime="')[2].partition('"')[0])
    assert timedelta() <= datetime.now(UTC) - since < timedelta(minutes=1)


def test_visits_are_counted_in_the_session_whichever_view_counts(grace, path):
    pages = [grace.get(path), grace.get("/"), grace.get("/async/")]
    assert [visits_on(page) for page in pages] == [2, 3, 4]  # signing in led to the first


def test_another_session_of_the_same_person_counts_its_own_visits(grace, path, server):
    elsewhere = Visitor(server.address)
    grace.get(path)
    assert visits_on(sign_in(elsewhere, "grace", path)) == 1
    assert visits_on(grace.get(path)) == 3


def test_a_session_begun_by_signing_in_to_the_admin_serves_the_page(server, path):
    ada = enter_admin(server.address)
    page = ada.get(path)
    assert "Hello, ada." in page.text
    assert session_id_on(page) in ada.get(SESSIONS).text


def test_a_session_begun_by_signing_in_on_the_page_serves_the_admin(visitor, path):
    page = sign_in(visitor, "ada", path)
    sessions = visitor.get(SESSIONS)
    assert (sessions.status, sessions.way) == (200, ())
    assert session_id_on(page) in sessions.text


def test_signing_out_in_the_admin_signs_out_of_the_page(server, path):
    ada = enter_admin(server.address)
    stolen = f"{COOKIE}={ada.cookies[COOKIE]}"
    ada.submit(ada.get("/admin/"), "csrfmiddlewaretoken")
    assert NOBODY in ada.get(path).text
    assert NOBODY in ada.get(path, cookie=stolen).text


def test_a_visitor_is_not_let_into_the_admin(grace):
    assert "not authorized to access this page" in grace.get("/admin/").text


def test_signing_in_as_somebody_else_ends_the_session_before_and_keeps_nothing_of_it(grace, path):
    page = grace.get(path)
    stolen = f"{COOKIE}={grace.cookies[COOKIE]}"
    ada = sign_in(grace, "ada", path)
    assert "Hello, ada." in ada.text
    assert (visits_on(page), visits_on(ada)) == (2, 1)
    assert session_id_on(ada) != session_id_on(page)
    assert NOBODY in grace.get(path, cookie=stolen).text


def test_a_session_issued_by_code_is_greeted_by_its_subject(visitor, path, site):
    secret = run_code(site, ISSUE).strip()
    assert "Hello, device:42." in visitor.get(path, cookie=f"{COOKIE}={secret}").text


ISSUE = """
from codlet_sessions.api import sessions
print(sessions.issue("device:42").secret.expose())
"""


def test_a_changed_password_signs_out_of_the_page_that_is_asked_next(visitor, path, site):
    name = f"mary-{secrets.token_hex(4)}"
    run_code(site, MAKE.format(name, PASSWORD))
    assert f"Hello, {name}." in sign_in(visitor, name, path).text
    run_code(site, CHANGE_PASSWORD.format(name))
    page = visitor.get(path)
    assert NOBODY in page.text
    assert page.cookie_set(COOKIE)["max-age"] == "0"


MAKE = """
from django.contrib.auth.models import User
User.objects.create_user({!r}, password={!r})
"""

CHANGE_PASSWORD = """
from django.contrib.auth.models import User
mary = User.objects.get(username={!r})
mary.set_password("another one")
mary.save()
"""


def test_an_administrator_who_revokes_the_session_they_use_is_out(server, path):
    ada = enter_admin(server.address)
    session_id = session_id_on(ada.get(path))
    chosen = {"action": "revoke_selected", "_selected_action": session_id}
    question = ada.submit(ada.get(f"{SESSIONS}?q={session_id}"), "_selected_action", **chosen)
    page = ada.submit(question, "confirmed_sessions")
    assert (page.status, page.address.partition("?")[0]) == (200, f"{ada.home}admin/login/")
    assert page.cookie_set(COOKIE)["max-age"] == "0"
    assert NOBODY in ada.get(path).text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_nobody_stores_its_response(visitor):
    (answer,) = sign_in(visitor, "grace").way
    cookie = answer.cookie_set(COOKIE)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    assert int(cookie["max-age"]) == 14 * 24 * 60 * 60
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Cookie" in answer.headers["Vary"]


def test_signing_out_makes_the_cookie_worthless_and_clears_it(grace, path):
    stolen = f"{COOKIE}={grace.cookies[COOKIE]}"
    assert "Hello, grace." in grace.get(path, cookie=stolen).text
    page = grace.submit(grace.get(path), "csrfmiddlewaretoken")
    assert page.cookie_set(COOKIE)["max-age"] == "0"
    assert COOKIE not in grace.cookies
    assert NOBODY in grace.get(path, cookie=stolen).text


def test_signing_in_again_makes_the_cookie_before_worthless(grace, path):
    stolen = f"{COOKIE}={grace.cookies[COOKIE]}"
    assert "Hello, grace." in sign_in(grace, "grace", path).text
    assert NOBODY in grace.get(path, cookie=stolen).text


def test_a_session_revoked_by_another_process_is_out_on_the_next_request(grace, path, site):
    session_id = session_id_on(grace.get(path))
    run_code(site, f"from codlet_sessions.api import sessions; assert sessions.revoke('{session_id}')")
    page = grace.get(path)
    assert NOBODY in page.text
    assert page.cookie_set(COOKIE)["max-age"] == "0"


def test_a_session_revoked_in_the_admin_is_out_on_the_next_request(grace, path, server):
    ada, session_id = enter_admin(server.address), session_id_on(grace.get(path))
    chosen = {"action": "revoke_selected", "_selected_action": session_id}
    question = ada.submit(ada.get(f"{SESSIONS}?q={session_id}"), "_selected_action", **chosen)
    assert "Hello, grace." in grace.get(path).text
    ada.submit(question, "confirmed_sessions")
    assert NOBODY in grace.get(path).text


@pytest.mark.parametrize("value", ["not-a-secret", "A" * 64, "0" * 64, '"quoted"'])
def test_a_cookie_that_opens_nothing_is_nobody_and_is_cleared(visitor, path, value):
    page = visitor.get(path, cookie=f"{COOKIE}={value}")
    assert NOBODY in page.text
    assert page.cookie_set(COOKIE)["max-age"] == "0"


def test_a_wrong_password_begins_no_session(visitor):
    page = visitor.submit(visitor.get("/sign-in/"), "username", username="grace", password="wrong")
    assert "Please enter a correct username" in page.text
    assert page.cookie_set(COOKIE) is None


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(visitor, elsewhere):
    page = visitor.get(f"/sign-in/?next={elsewhere}")
    assert elsewhere not in page.text
    came = visitor.submit(page, "username", username="grace", password=PASSWORD, next=elsewhere)
    assert came.address == visitor.home


def test_a_link_cannot_sign_anybody_out(grace, path):
    assert grace.get("/sign-out/").status == 405
    assert "Hello, grace." in grace.get(path).text


def test_a_session_begun_on_one_server_holds_on_the_other(gunicorn_server, uvicorn_server, path):
    visitor = Visitor(gunicorn_server.address)
    sign_in(visitor, "grace")
    assert (
        "Hello, grace." in Visitor(uvicorn_server.address).get(path, cookie=f"{COOKIE}={visitor.cookies[COOKIE]}").text
    )
