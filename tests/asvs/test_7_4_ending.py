"""ASVS 7.4.1, 7.4.4, 7.4.5 and 7.6.2: a session that was ended is over, whoever ended it; none begins by itself."""

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client

from codlet_sessions.api import sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import Session
from codlet_sessions.writes import SessionOver
from tests.admin_pages import Forms, text_of
from tests.asvs.people import signed_in


def test_7_4_1_after_signing_out_the_token_opens_nothing(browser, ada):
    browser.get("enter/ada")
    token = browser.cookie
    browser.get("leave")
    browser.cookie = token
    assert browser.get("user").content == b""
    assert sessions.validate(token) is None
    assert SessionStore(token).load() == {}


def test_7_4_1_nor_after_it_expired(browser, ada, pass_time):
    browser.get("enter/ada")
    token = browser.cookie
    pass_time(days=15)
    browser.cookie = token
    assert browser.get("user").content == b""


def test_7_4_1_and_no_request_under_way_brings_it_back(browser, ada):
    browser.get("enter/ada")
    under_way = SessionStore(browser.cookie)
    under_way["late"] = True
    token = browser.cookie
    browser.get("leave")
    with pytest.raises(SessionOver):
        under_way.save()
    browser.cookie = token
    assert browser.get("user").content == b""
    assert Session.objects.get().data == ""


def test_7_4_4_signing_out_is_a_post_that_ends_the_session_on_the_server(ada):
    User.objects.update(is_staff=True)
    client = Client()
    client.force_login(ada)
    assert client.get("/admin/logout/").status_code == 405
    assert len(sessions.list_active(ada)) == 1
    client.post("/admin/logout/")
    assert Session.objects.get().revoked_reason == "logout"


def administrator():
    grace = User.objects.create_user("grace", is_staff=True)
    names = ("view_session", "revoke_session", "view_user", "change_user")
    grace.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(grace)
    return grace, client


def test_7_4_5_an_administrator_ends_all_sessions_of_a_user(ada):
    stores = [signed_in(ada) for _ in range(3)]
    grace, client = administrator()
    page = {"action": "end_sessions_of_users", "_selected_action": [ada.pk], "index": 0}
    address, posted = Forms(text_of(client.post("/admin/auth/user/", page))).with_field("end_all_sessions")
    client.post(address, posted)
    assert sessions.list_active(ada) == []
    rows = Session.objects.filter(subject=ada.pk)
    assert set(rows.values_list("revoked_reason", "revoked_by")) == {("administrator", str(grace.pk))}
    assert [SessionStore(store.session_key).load() for store in stores] == [{}, {}, {}]
    assert len(sessions.list_active(grace)) == 1


def test_7_4_5_and_all_sessions_of_everybody(ada):
    signed_in(ada)
    grace, _client = administrator()
    call_command("revoke_sessions", "--all")
    assert sessions.list_active(ada) == sessions.list_active(grace) == []


def test_7_6_2_no_session_begins_until_somebody_does_something(browser):
    for page in ("untouched", "both", "user", "recall"):
        response = browser.get(page)
        assert not response.cookies
    assert not Session.objects.exists()
