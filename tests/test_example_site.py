"""The example site under gunicorn and uvicorn, in sync and async views: the same in every pairing."""

from datetime import UTC, datetime, timedelta

import pytest

from example_project.visitor import Visitor
from tests.servers import COOKIE, PASSWORD, SESSIONS, enter_admin, run_code, session_id_on, sign_in

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
