"""The admin: signing in on its own page, using it, signing out, and what is in the database meanwhile."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from codlet_sessions.api import get_manager
from codlet_sessions.models import Session
from codlet_sessions.secrets import SessionSecret

pytestmark = pytest.mark.usefixtures("our_engine")

PASSWORD = "ada's password"


@pytest.fixture
def ada(db):
    return User.objects.create_superuser("ada", password=PASSWORD)


@pytest.fixture
def admin(client, ada):
    """A client that has signed in on the admin's page, as ada."""
    answers = {"username": "ada", "password": PASSWORD, "next": "/admin/"}
    page = client.post("/admin/login/?next=/admin/", answers, follow=True)
    assert page.redirect_chain == [("/admin/", 302)]
    return client


def test_whoever_signs_in_at_the_admin_can_use_it(admin, ada):
    page = admin.post("/admin/auth/group/add/", {"name": "Editors"}, follow=True)
    assert Group.objects.get().name == "Editors"
    assert "was added successfully" in page.text
    assert Session.objects.get().user == ada


def test_whoever_signs_out_of_the_admin_is_out(admin):
    stolen = admin.cookies["sessionid"].value
    assert admin.post("/admin/logout/").status_code == 200
    assert Session.objects.get().revoked_reason == "logout"
    admin.cookies["sessionid"] = stolen
    assert "/admin/login/" in admin.get("/admin/")["Location"]


def test_an_administrator_sees_the_session_they_are_here_with(admin):
    assert str(Session.objects.get().pk) in admin.get("/admin/codlet_sessions/session/").text


def test_an_administrator_who_ends_all_their_own_sessions_is_out_too(admin, ada):
    url = "/admin/auth/user/end-sessions/"
    question = admin.post(url, {"_selected_action": ada.pk})
    assert "Your own session" in question.text
    assert admin.post(url, {"_selected_action": ada.pk, "end_all_sessions": "yes"}).status_code == 302
    assert Session.objects.get().revoked_reason == "administrator"
    assert "/admin/login/" in admin.get("/admin/")["Location"]


def test_the_cookie_is_in_no_row_of_any_table(admin):
    secret = admin.cookies["sessionid"].value
    lookup_key, _version = get_manager().hasher.lookup_key(SessionSecret(secret))
    rows = " ".join(map(repr, all_rows()))
    assert repr(bytes.fromhex(lookup_key)) in rows
    assert secret not in rows
    assert repr(bytes.fromhex(secret)) not in rows


def all_rows():
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            yield from ([_plain(value) for value in row] for row in cursor.fetchall())


def _plain(value):
    return bytes(value) if isinstance(value, memoryview) else value
