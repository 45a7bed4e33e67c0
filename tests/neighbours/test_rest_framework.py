"""Django REST framework: ``SessionAuthentication`` knows the user by our cookie, and asks for the CSRF token."""

import json
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

from example_project.visitor import Visitor
from tests.neighbours.visits import revoke_newest

NOTE = "/api/note/"


def post(visitor, note, **headers):
    """Post as a script on a page does; return the status and the answer."""
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    sent = {"Cookie": cookies, "Content-Type": "application/json", **headers}
    with closing(HTTPConnection(urlsplit(visitor.home).netloc, timeout=20)) as connection:
        connection.request("POST", NOTE, json.dumps({"note": note}), sent)
        response = connection.getresponse()
        return response.status, json.load(response)


def test_the_api_knows_the_user_by_the_cookie(grace):
    assert json.loads(grace.get(NOTE).text) == {"user": "grace", "note": None}


def test_the_api_refuses_whoever_has_no_cookie(wsgi_server):
    page = Visitor(wsgi_server.address).get(NOTE)
    assert (page.status, json.loads(page.text)["detail"]) == (403, "Authentication credentials were not provided.")


def test_a_post_with_the_csrf_token_goes_through_and_is_kept(grace):
    token = grace.cookies["csrftoken"]
    assert post(grace, "buy milk", **{"X-CSRFToken": token}) == (200, {"user": "grace", "note": "buy milk"})
    assert "grace has noted: buy milk." in grace.get("/notes/").text


def test_a_post_without_the_csrf_token_is_refused(grace):
    status, answer = post(grace, "buy milk")
    assert (status, answer["detail"]) == (403, "CSRF Failed: CSRF token missing.")
    assert "grace has noted: nothing." in grace.get("/notes/").text


def test_a_revoked_session_is_refused_by_the_next_request(grace, site):
    token = grace.cookies["csrftoken"]
    revoke_newest(site)
    assert post(grace, "buy milk", **{"X-CSRFToken": token})[0] == 403
    assert grace.get(NOTE).status == 403
