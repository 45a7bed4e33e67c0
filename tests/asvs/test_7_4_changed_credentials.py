"""ASVS 7.4: what ends sessions beside their owners: a changed password, a deactivated or deleted user."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.auth import acredentials_changed, credentials_changed
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.middleware import SessionMiddleware
from codlet_sessions.models import Session
from codlet_sessions.subjects import auth_hash_of, current_auth_hashes, outdated_reason
from tests.asvs.people import signed_in

PASSWORD = "a secret of hers"


@pytest.fixture
def other(ada):
    """Ada's session in another browser."""
    return signed_in(ada)


@pytest.fixture
def fates(other, grace):
    """What has become of Ada's other session and of Grace's, as ``(ada's, grace's)``."""
    hers = signed_in(grace)
    ids = [store.session_id for store in (other, hers)]

    def tell():
        reasons = dict(Session.objects.filter(pk__in=ids).values_list("pk", "revoked_reason"))
        return tuple(reasons[session_id] or "goes on" for session_id in ids)

    return tell


# 7.4.3: after a change of the password


def test_7_4_3_a_changed_password_ends_the_other_sessions_and_renews_this_one(browser, ada, fates):
    browser.get("enter/ada")
    before, row = browser.cookie, Session.objects.filter(revoked_at=None).latest("id")
    browser.get("change-password")
    assert fates() == ("credentials_changed", "goes on")
    assert browser.cookie != before
    assert browser.get("user").content == b"ada"
    assert sessions.validate(before) is None
    assert Session.objects.filter(revoked_at=None, user=ada).get().pk == row.pk


def test_7_4_3_whoever_forgets_to_update_the_session_auth_hash_keeps_the_session_too(browser, ada, fates):
    browser.get("enter/ada")
    before = browser.cookie
    browser.get("change-password-and-nothing-else")
    assert fates() == ("credentials_changed", "goes on")
    assert browser.cookie != before
    assert browser.get("user").content == b"ada"


def test_7_4_3_the_secret_is_renewed_once_and_not_twice(browser, ada, heard):
    browser.get("enter/ada")
    heard.clear()
    browser.get("change-password")
    assert [name for name, _facts in heard].count("session_rotated") == 1


def test_7_4_3_it_works_through_djangos_page(ada, fates):
    client = Client()
    client.force_login(ada)
    before = client.cookies["sessionid"].value
    page = {"old_password": PASSWORD, "new_password1": "another of hers", "new_password2": "another of hers"}
    response = client.post("/account/password/", page)
    assert response.status_code == 302
    assert fates() == ("credentials_changed", "goes on")
    assert client.cookies["sessionid"].value != before
    assert client.get("/s/user/").content == b"ada"


def test_7_4_3_it_works_through_djangos_reset_by_mail(ada, fates):
    ada.email = "ada@example.org"
    ada.save()
    client = Client()
    client.post("/account/reset/", {"email": ada.email})
    link = mail.outbox[-1].body.split("http://testserver")[1].split()[0]
    form = client.get(link, follow=True).request["PATH_INFO"]
    client.post(form, {"new_password1": "another of hers", "new_password2": "another of hers"})
    ada.refresh_from_db()
    assert ada.check_password("another of hers")
    assert fates() == ("credentials_changed", "goes on")


def test_7_4_3_it_works_through_the_admin(ada, fates):
    root = User.objects.create_superuser("root")
    client = Client()
    client.force_login(root)
    page = {"password1": "another of hers", "password2": "another of hers", "usable_password": "true"}
    response = client.post(f"/admin/auth/user/{ada.pk}/password/", page)
    assert response.status_code == 302
    assert fates() == ("credentials_changed", "goes on")
    assert Session.objects.get(subject=ada.pk).revoked_by == str(root.pk)
    assert client.get("/s/user/").content == b"root"


def test_7_4_3_it_works_through_the_command(ada, fates, monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another of hers")
    call_command("changepassword", "ada", verbosity=0)
    assert fates() == ("credentials_changed", "goes on")


def test_7_4_3_it_works_in_async_code(ada, fates):
    async def change():
        ada.set_password("another of hers")
        await ada.asave()

    async_to_sync(change)()
    assert fates() == ("credentials_changed", "goes on")


def test_7_4_3_a_password_set_by_its_hash_is_seen_too(ada, fates):
    from django.contrib.auth.hashers import make_password

    ada.password = make_password("another of hers")
    ada.save(update_fields=["password"])
    assert fates() == ("credentials_changed", "goes on")


def test_7_4_3_what_no_signal_tells_is_noticed_when_the_session_is_used(browser, ada, heard):
    browser.get("enter/ada")
    User.objects.update(password="another")
    assert browser.get("user").content == b""
    assert Session.objects.get().revoked_reason == "credentials_changed"
    assert [facts["reason"] for name, facts in heard if name == "session_revoked"] == ["credentials_changed"]


def test_7_4_3_what_no_signal_tells_is_never_listed_as_active(ada, other):
    assert [session.id for session in sessions.list_active(ada)] == [other.session_id]
    User.objects.update(password="another")
    ada.refresh_from_db()
    assert sessions.list_active(ada) == []
    assert async_to_sync(sessions.alist_active)(ada) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"password": "another"}, "the password was changed"),
        ({"is_active": False}, "the user was deactivated"),
        (None, "the user was deleted"),
    ],
)
def test_7_4_3_nor_shown_as_active_in_the_admin(ada, other, change, reason):
    session_id = other.session_id
    User.objects.filter(pk=ada.pk)._raw_delete("default") if change is None else User.objects.update(**change)
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    page = client.get(f"/admin/codlet_sessions/session/?q={session_id}").content.decode()
    assert "left behind" in page
    assert reason in page
    assert 'codlet-state codlet-active"' not in page
    assert "left behind" in client.get(f"/admin/codlet_sessions/session/{session_id}/change/").content.decode()


def test_7_4_3_a_session_beside_another_engine_ends_and_goes_on_likewise(ada, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    settings.MIDDLEWARE = [
        path.replace("codlet_sessions.middleware.Auth", "django.contrib.auth.middleware.Auth")
        for path in settings.MIDDLEWARE
    ]
    here, there = sessions.issue(ada), sessions.issue(ada)
    secret = here.secret.expose()

    def view(request):
        ada.set_password("another of hers")
        ada.save()
        return HttpResponse()

    response = SessionMiddleware(view)(RequestFactory(headers={"cookie": f"codlet_session={secret}"}).get("/"))
    renewed = response.cookies["codlet_session"].value
    assert sessions.validate(secret) is None
    assert sessions.validate(renewed).id == here.id
    assert sessions.validate(there.secret) is None
    assert [session.id for session in sessions.list_active(ada)] == [here.id]


def test_7_4_3_and_under_asgi(ada, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    here, there = sessions.issue(ada), sessions.issue(ada)
    secret = here.secret.expose()

    async def view(request):
        ada.set_password("another of hers")
        await ada.asave()
        return HttpResponse()

    browser = AsyncRequestFactory()
    browser.cookies["codlet_session"] = secret
    request = browser.get("/")
    response = async_to_sync(SessionMiddleware(view))(request)
    assert sessions.validate(response.cookies["codlet_session"].value).id == here.id
    assert sessions.validate(there.secret) is None


def test_7_4_3_another_factor_is_the_hosts_to_report(browser, ada, fates):
    browser.get("enter/ada")
    before = browser.cookie
    browser.get("change-factor")
    assert fates() == ("credentials_changed", "goes on")
    assert browser.cookie != before
    assert browser.get("user").content == b"ada"
    assert sessions.validate(before) is None


@pytest.mark.parametrize("report", [credentials_changed, async_to_sync(acredentials_changed)], ids=["sync", "async"])
def test_7_4_3_a_factor_changed_outside_of_any_request_ends_every_session(ada, fates, report):
    signed_in(ada)
    assert report(ada) == 2
    assert fates() == ("credentials_changed", "goes on")


def test_7_4_3_a_change_that_is_rolled_back_ends_nothing(ada, fates):
    with transaction.atomic():
        ada.set_password("another of hers")
        ada.save()
        assert fates() == ("credentials_changed", "goes on")
        transaction.set_rollback(True)
    assert fates() == ("goes on", "goes on")


def test_7_4_3_a_rotated_secret_key_changes_no_credentials(ada, fates, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another " * 10, [settings.SECRET_KEY]
    ada.first_name = "Ada"
    ada.save()
    assert fates() == ("goes on", "goes on")
    assert len(sessions.list_active(ada)) == 1


def test_whatever_else_is_saved_of_a_user_ends_nothing_and_renews_nothing(browser, ada, fates):
    browser.get("enter/ada")
    before = browser.cookie
    browser.get("change-name")
    assert fates() == ("goes on", "goes on")
    assert browser.cookie == before


def test_a_sign_in_a_new_user_and_a_fixture_cost_no_query(ada):
    with CaptureQueriesContext(connections["default"]) as queries:
        ada.save(update_fields=["last_login"])
        User.objects.create_user("new")
        ada.save_base(raw=True)
    assert not [query for query in queries if "codlet_sessions" in query["sql"]]


def test_any_other_save_of_a_user_costs_one_update(ada):
    with CaptureQueriesContext(connections["default"]) as queries:
        ada.save()
    assert [query["sql"].split()[0] for query in queries if "codlet_sessions" in query["sql"]] == ["UPDATE"]


def test_two_requests_at_once_do_not_take_each_other_for_the_one_that_made_the_change(ada, grace):
    """The session under way belongs to its own task."""

    async def view(request):
        who = request.headers["whoami"]
        user = await get_user_model().objects.aget(username=who)
        await asyncio.sleep(0.05)
        user.set_password("another")
        await user.asave()
        await asyncio.sleep(0.05)
        return HttpResponse()

    stores = {user.username: signed_in(user) for user in (ada, grace)}
    middleware = SessionMiddleware(view)

    async def both():
        requests = []
        for name, store in stores.items():
            factory = AsyncRequestFactory()
            factory.cookies["sessionid"] = store.session_key
            requests.append(factory.get("/", headers={"whoami": name}))
        return await asyncio.gather(*map(middleware, requests))

    responses = async_to_sync(both)()
    renewed = [sessions.validate(response.cookies["sessionid"].value) for response in responses]
    assert [session.subject for session in renewed] == [str(ada.pk), str(grace.pk)]


# 7.4.2: a user who is gone


def test_7_4_2_a_deactivated_user_has_no_session_left_not_even_this_one(browser, ada, fates, heard):
    browser.get("enter/ada")
    ada.is_active = False
    ada.save()
    assert fates() == ("user_deactivated", "goes on")
    assert browser.get("user").content == b""
    assert not Session.objects.filter(subject=ada.pk, revoked_at=None).exists()
    assert ("subject_revoked", "user_deactivated") in [(name, facts.get("reason")) for name, facts in heard]


def test_7_4_2_whoever_deactivates_themselves_is_out(browser, ada):
    browser.get("enter/ada")
    browser.get("deactivate")
    assert browser.get("user").content == b""
    assert Session.objects.get().revoked_reason == "user_deactivated"


def test_7_4_2_a_deleted_user_has_no_session_left(ada, fates):
    ada.delete()
    assert fates() == ("user_deleted", "goes on")


def test_7_4_2_users_deleted_by_a_query_have_none_left(ada, fates):
    User.objects.filter(username="ada").delete()
    assert fates() == ("user_deleted", "goes on")


@pytest.mark.parametrize("reason", ["user_deactivated", "user_deleted"])
def test_7_4_2_what_no_signal_tells_is_noticed_when_the_session_is_used(browser, ada, reason):
    browser.get("enter/ada")
    users = User.objects.filter(pk=ada.pk)
    users.update(is_active=False) if reason == "user_deactivated" else users._raw_delete("default")
    assert browser.get("user").content == b""
    assert Session.objects.get().revoked_reason == reason


def test_7_4_2_a_backend_that_lets_inactive_users_in_is_believed(browser, ada, settings):
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    ada.is_active = False
    ada.save()
    session = signed_in(ada)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session.save()
    browser.cookie = session.session_key
    ada.save()
    assert browser.get("user").content == b"ada"
    assert len(sessions.list_active(ada)) == 1


def test_7_4_2_a_backend_that_just_says_no_ends_nothing(browser, ada, settings):
    browser.get("enter/ada")
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
    assert browser.get("user").content == b""
    assert Session.objects.get().revoked_at is None


def test_a_stranger_costs_no_query_for_being_nobody(browser, ada):
    with CaptureQueriesContext(connections["default"]) as queries:
        browser.get("user")
    assert len(queries) == 0


# the command


def test_7_4_2_the_command_ends_what_no_signal_told_each_for_its_reason(ada, grace, fates, capsys):
    left, right = User.objects.create_user("left"), User.objects.create_user("right")
    ids = [signed_in(user).session_id for user in (left, right)]
    User.objects.filter(username="ada").update(password="another")
    User.objects.filter(username="left").update(is_active=False)
    User.objects.filter(username="right")._raw_delete("default")
    sessions.issue("device:42")
    call_command("revoke_sessions", outdated=True, dry_run=True)
    assert fates() == ("goes on", "goes on")
    call_command("revoke_sessions", outdated=True)
    assert fates() == ("credentials_changed", "goes on")
    ended = Session.objects.filter(pk__in=ids).order_by("id").values_list("revoked_reason", flat=True)
    assert list(ended) == ["user_deactivated", "user_deleted"]
    assert len(sessions.list_active("device:42")) == 1
    would, did = capsys.readouterr().out.splitlines()
    assert would.startswith("Would end 3 sessions (")
    assert did == would.replace("Would end", "Ended")
    assert "credentials_changed: 1" in did


def test_a_session_adopted_or_saved_anew_knows_the_credentials_it_began_under(ada):
    store = SessionStore()
    store.update({"_auth_user_id": str(ada.pk), "_auth_user_hash": "anything"})
    store.save()
    first = Session.objects.get().auth_hash
    store["_auth_user_hash"] = "something else"
    store.save()
    assert first != Session.objects.get().auth_hash
    store.flush()
    store["value"] = 1
    store.save()
    assert Session.objects.latest("id").auth_hash is None


def test_what_a_change_leaves_behind_can_be_ended_by_hand(face, ada, grace):
    first, hers = signed_in(ada), signed_in(grace)
    User.objects.filter(pk=ada.pk).update(password="another")
    ada.refresh_from_db()
    second = signed_in(ada)
    assert face.revoke_outdated(ada) == 1
    assert face.revoke_outdated(ada) == 0
    assert [SessionStore(store.session_key).get("_auth_user_id") for store in (first, second, hers)] == [
        None,
        str(ada.pk),
        str(grace.pk),
    ]
    User.objects.filter(pk=ada.pk).update(is_active=False)
    ada.refresh_from_db()
    assert face.revoke_outdated(ada, by=grace) == 1
    assert Session.objects.filter(revoked_reason="user_deactivated", revoked_by=str(grace.pk)).count() == 1


def test_under_our_engine_a_session_that_was_issued_goes_on_after_a_change_too(browser, ada, fates):
    browser.cookie = sessions.issue(ada).secret.expose()
    before = browser.cookie
    browser.get("change-password-of/ada")
    assert fates() == ("credentials_changed", "goes on")
    assert browser.cookie != before
    assert browser.who() == str(ada.pk)
    assert len(sessions.list_active(User.objects.get(pk=ada.pk))) == 1


def test_a_model_that_knows_no_session_auth_hash_has_no_credentials_that_could_change():
    class Person:
        is_active = True

    assert (auth_hash_of(Person()), current_auth_hashes(Person())) == (None, None)
    assert outdated_reason(Person(), "a" * 32) is None


def test_our_authentication_beside_another_engine_is_djangos(browser, ada, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    browser.get("enter/ada")
    assert browser.get("user").content == b"ada"
    User.objects.update(password="another")
    assert browser.get("user").content == b""


def test_the_tables_of_a_site_that_goes_back_are_as_they_were(ada):
    call_command("migrate", "codlet_sessions", "0002", verbosity=0)
    try:
        with connections["default"].cursor() as cursor:
            description = connections["default"].introspection.get_table_description(cursor, Session._meta.db_table)
        assert "auth_hash" not in {column.name for column in description}
    finally:
        call_command("migrate", "codlet_sessions", verbosity=0)
    assert len(sessions.list_active(ada)) == 0
