"""Django's test client: what a host's tests do with sessions, they do with ours."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from codlet_sessions.models import Session

pytestmark = pytest.mark.usefixtures("our_engine")


@pytest.fixture
def grace(db):
    return User.objects.create_user("grace")


def test_force_login_signs_in(client, grace):
    client.force_login(grace)
    assert "grace has noted" in client.get("/notes/").text
    row = Session.objects.get()
    assert (row.user, row.subject) == (grace, str(grace.pk))


def test_aforce_login_signs_in(async_client, grace):
    async_to_sync(async_client.aforce_login)(grace)
    assert async_to_sync(async_client.get)("/async-notes/").json()["user"] == "grace"
    row = Session.objects.get()
    assert (row.user, row.subject) == (grace, str(grace.pk))


def test_force_login_as_somebody_else_ends_the_session_of_the_first(client, grace):
    client.force_login(grace)
    client.post("/notes/", {"note": "buy milk"})
    client.force_login(User.objects.create_user("heidi"))
    assert "heidi has noted: nothing." in client.get("/notes/").text
    assert Session.objects.get(user=grace).revoked_reason == "logout"


def test_login_by_name_and_password_signs_in(client):
    User.objects.create_user("ada", password="by name")
    assert client.login(username="ada", password="by name")
    assert Session.objects.get().user.username == "ada"


def test_a_new_client_s_session_takes_data_that_the_page_sees(client):
    session = client.session
    session["note"] = "buy milk"
    session.save()
    assert "Nobody has noted: buy milk." in client.get("/notes/").text
    assert Session.objects.get().subject == ""


def test_a_signed_in_client_s_session_takes_data_and_stays_signed_in(client, grace):
    client.force_login(grace)
    session = client.session
    session["note"] = "buy milk"
    session.save()
    assert "grace has noted: buy milk." in client.get("/notes/").text
    assert Session.objects.count() == 1


def test_what_a_page_writes_is_in_the_client_s_session(client, grace):
    client.force_login(grace)
    client.post("/notes/", {"note": "buy milk"})
    assert client.session["note"] == "buy milk"


def test_data_put_into_a_client_s_session_is_still_there_after_force_login(client, grace):
    session = client.session
    session["note"] = "buy milk"
    session.save()
    client.force_login(grace)
    assert "grace has noted: buy milk." in client.get("/notes/").text
    assert Session.objects.count() == 1


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_asession_takes_data_that_the_page_sees(async_client, grace, is_signed_in):
    async def note():
        if is_signed_in:
            await async_client.aforce_login(grace)
        session = await async_client.asession()
        await session.aset("note", "buy milk")
        await session.asave()
        return (await async_client.get("/async-notes/")).json()

    assert async_to_sync(note)() == {"user": "grace" if is_signed_in else "", "note": "buy milk"}
    assert Session.objects.count() == 1


def test_logout_revokes_the_session_and_forgets_the_cookie(client, grace):
    client.force_login(grace)
    stolen = client.cookies["sessionid"].value
    client.logout()
    assert "sessionid" not in client.cookies
    assert Session.objects.get().revoked_reason == "logout"
    client.cookies["sessionid"] = stolen
    assert "Nobody has noted" in client.get("/notes/").text


def test_alogout_revokes_the_session_and_forgets_the_cookie(async_client, grace):
    async_to_sync(async_client.aforce_login)(grace)
    stolen = async_client.cookies["sessionid"].value
    async_to_sync(async_client.alogout)()
    assert "sessionid" not in async_client.cookies
    assert Session.objects.get().revoked_reason == "logout"
    async_client.cookies["sessionid"] = stolen
    assert async_to_sync(async_client.get)("/async-notes/").json()["user"] == ""
