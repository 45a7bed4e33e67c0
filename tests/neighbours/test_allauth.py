"""django-allauth: its own pages for signing in and out."""

import json

from example_project.visitor import Visitor
from tests.neighbours.visits import SIGN_IN
from tests.servers import PASSWORD, run_code

NEWEST = """
import json
from codlet_sessions.models import Session
row = Session.objects.latest("id")
print(json.dumps([row.user.username, row.subject == str(row.user.pk)]))
"""


def newest_row(site):
    """Whose the newest session is, and whether its subject says the same."""
    return json.loads(run_code(site, NEWEST))


def test_signing_in_begins_a_session_with_subject_and_user(grace, site):
    assert "grace has noted: nothing." in grace.get("/notes/").text
    assert len(grace.cookies["sessionid"]) == 64
    assert newest_row(site) == ["grace", True]


def test_signing_out_ends_the_session_and_its_farewell_is_in_another(grace):
    stolen = f"sessionid={grace.cookies['sessionid']}"
    page = grace.submit(grace.get("/accounts/logout/"), "csrfmiddlewaretoken")
    assert "You have signed out." in page.text
    assert "Nobody has noted: nothing." in page.text
    assert "Nobody has noted: nothing." in grace.get("/notes/", cookie=stolen).text


def test_a_wrong_password_signs_nobody_in(wsgi_server):
    visitor = Visitor(wsgi_server.address)
    page = visitor.submit(visitor.get(SIGN_IN), "password", login="grace", password="wrong")
    assert "are not correct" in page.text
    assert "Nobody has noted" in visitor.get("/notes/").text


def test_a_note_from_before_signing_in_is_kept(wsgi_server):
    visitor = Visitor(wsgi_server.address)
    visitor.submit(visitor.get("/notes/"), "note", note="buy milk")
    before = f"sessionid={visitor.cookies['sessionid']}"
    visitor.submit(visitor.get(SIGN_IN), "password", login="grace", password=PASSWORD)
    assert "grace has noted: buy milk." in visitor.get("/notes/").text
    assert "Nobody has noted: nothing." in visitor.get("/notes/", cookie=before).text


def test_whoever_changes_their_password_stays_signed_in_under_a_new_cookie(wsgi_server):
    mia = Visitor(wsgi_server.address)
    mia.submit(mia.get("/accounts/signup/"), "password1", username="mia", password1=PASSWORD, password2=PASSWORD)
    before = f"sessionid={mia.cookies['sessionid']}"
    assert "mia has noted" in mia.get("/notes/", cookie=before).text
    change = {"oldpassword": PASSWORD, "password1": "another one", "password2": "another one"}
    mia.submit(mia.get("/accounts/password/change/"), "oldpassword", **change)
    assert "mia has noted" in mia.get("/notes/").text
    assert "Nobody has noted" in mia.get("/notes/", cookie=before).text
