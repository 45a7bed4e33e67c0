"""The page of a user's sessions, by use and by attack; under our engine, and beside another."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from codlet_sessions.records import ClientFacts
from tests.test_recent import HERS, long_ago

LIST = "/account/sessions/"
LOGIN = "/accounts/login/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) Gecko/20100101 Firefox/146.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6"
    " Mobile/15E148 Safari/604.1"
)

NOBODYS = "01a20ff8-5d67-79d5-b354-f80e3e8737e8"


class Asgi:
    """A client that goes through the ASGI handler."""

    def __init__(self, **kwargs):
        self._client = AsyncClient(**kwargs)
        self.cookies = self._client.cookies

    def __getattr__(self, name):
        return async_to_sync(getattr(self._client, name))


@pytest.fixture(params=[Client, Asgi])
def make_client(request):
    return request.param


@pytest.fixture(params=["our engine", "another engine"])
def cookie(request, settings, transactional_db):
    """Whichever engine the site has: the cookie that our session is in."""
    settings.MIDDLEWARE = [
        path.replace("django.contrib.auth.middleware", "codlet_sessions.middleware") for path in settings.MIDDLEWARE
    ]
    if request.param == "another engine":
        return "codlet_session"
    settings.SESSION_ENGINE = "codlet_sessions.backends.db"
    return "sessionid"


@pytest.fixture
def mary(cookie):
    return User.objects.create_user("mary", password=HERS)


def sign_in(make_client, cookie, user, **facts):
    """A client with a session of ``user``."""
    client = make_client()
    client.cookies[cookie] = sessions.issue(user, client=ClientFacts(**facts)).secret.expose()
    return client


@pytest.fixture
def here(make_client, cookie, mary):
    return sign_in(make_client, cookie, mary, user_agent=FIREFOX, ip_address="203.0.113.0")


@pytest.fixture
def phone(cookie, mary):
    """Another session of mary's."""
    return sessions.issue(mary, client=ClientFacts(SAFARI, "198.51.100.0"))


@pytest.fixture
def theirs(cookie):
    """A session of somebody else."""
    return sessions.issue(User.objects.create_user("eve"))


def end(session_id):
    return f"{LIST}{session_id}/end/"


def test_the_page_shows_every_session_in_words_and_which_one_is_this(here, phone, settings):
    settings.CODLET_SESSIONS = {
        **settings.CODLET_SESSIONS,
        "CLIENT_PLACE": {"203.0.113.0": "Lisbon", "198.51.100.0": None}.get,
    }
    page = here.get(LIST)
    assert page.status_code == 200
    this, others = page.text.split("Other devices")
    assert "Firefox on Windows" in this.split("This device")[1]
    assert "Lisbon" in this
    assert "203.0.113.0" in this
    assert "Safari on iPhone" in others
    assert "198.51.100.0" in others
    moments = re.findall(r'<time datetime="([^"]+)">', page.text)
    assert len(moments) == 3
    assert all(moment.endswith("+00:00") for moment in moments)
    assert "no-store" in page["Cache-Control"]


def test_no_page_has_a_secret_or_a_lookup_key(here, phone, cookie):
    keys = {bytes(key).hex() if isinstance(key, bytes) else str(key) for key in _column("lookup_key")}
    for path in (LIST, f"{LIST}json/"):
        text = here.get(path).content.decode()
        assert here.cookies[cookie].value not in text
        assert phone.secret.expose() not in text
        assert not any(key in text for key in keys)


def _column(name):
    return Session.objects.values_list(name, flat=True)


@pytest.mark.parametrize("path", [LIST, f"{LIST}json/"])
def test_other_peoples_ended_and_expired_sessions_are_not_shown(here, mary, theirs, path):
    ended = sessions.issue(mary)
    sessions.revoke(ended.id)
    expired = sessions.issue(mary)
    Session.objects.filter(pk=expired.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    text = here.get(path).content.decode()
    assert not any(str(issued.id) in text for issued in (ended, expired, theirs))


def test_a_session_is_ended_and_the_page_says_so(here, phone, mary):
    answer = here.post(end(phone.id))
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    row = Session.objects.get(pk=phone.id)
    assert (row.revoked_reason, row.revoked_by) == ("requested", str(mary.pk))
    page = here.get(LIST)
    assert "The session was ended." in page.text
    assert str(phone.id) not in page.text
    assert "You are not signed in anywhere else." in page.text


def test_all_others_are_ended_and_this_one_stays(here, phone, mary, theirs):
    sessions.issue(mary)
    here.post(f"{LIST}end-others/")
    assert "2 other sessions were ended." in here.get(LIST).text
    assert [row.revoked_reason for row in Session.objects.filter(user=mary)].count("requested") == 2
    assert sessions.validate(theirs.secret)


def test_ending_the_session_in_use_signs_out_and_leads_to_the_sign_in_page(here, mary, cookie):
    (session,) = sessions.list_active(mary)
    answer = here.post(end(session.id))
    assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    assert answer.cookies[cookie]["max-age"] == 0
    assert Session.objects.get().revoked_reason == "requested"
    assert here.get(LIST)["Location"] == f"{LOGIN}?next={LIST}"


def test_signing_out_needs_no_password(here, mary, cookie):
    long_ago()
    (session,) = sessions.list_active(mary)
    assert here.post(end(session.id))["Location"] == LOGIN
    assert here.get(LIST).status_code == 302


def test_a_program_signs_out_without_a_password(here, mary):
    long_ago()
    (session,) = sessions.list_active(mary)
    assert here.delete(f"{LIST}json/{session.id}/").json() == {"ended": 1, "signed_out": True}


def test_the_session_of_somebody_else_is_answered_as_one_that_there_is_not(here, theirs, mary):
    gone = sessions.issue(mary)
    sessions.revoke(gone.id)
    for session_id in (theirs.id, uuid4(), gone.id):
        assert here.post(end(session_id)).status_code == 404
        answer = here.post(f"{LIST}json/{session_id}/")
        assert (answer.status_code, answer.json()) == (404, {"error": "no_such_session"})
    assert here.post(end(theirs.id)).content == here.post(end(uuid4())).content
    assert sessions.validate(theirs.secret)


@pytest.mark.parametrize("path", ["{}/end/", "end-others/", "json/{}/", "json/others/"])
def test_nothing_is_ended_by_a_link(here, phone, path):
    for method in ("get", "head", "put", "patch", "options"):
        assert getattr(here, method)(LIST + path.format(phone.id)).status_code == 405
    assert sessions.validate(phone.secret)


@pytest.mark.parametrize("path", ["{}/end/", "end-others/", "json/{}/", "json/others/"])
def test_nothing_is_ended_without_a_csrf_token(make_client, here, phone, path):
    strict = make_client(enforce_csrf_checks=True)
    strict.cookies.update(here.cookies)
    assert strict.post(LIST + path.format(phone.id)).status_code == 403
    if path.startswith("json"):
        assert strict.delete(LIST + path.format(phone.id)).status_code == 403
    assert sessions.validate(phone.secret)


@pytest.mark.parametrize("path", ["{}/end/", "end-others/"])
def test_nothing_is_ended_without_a_recent_sign_in_but_after_the_password(here, phone, path):
    long_ago()
    path = LIST + path.format(phone.id)
    asked = here.post(path)
    assert asked.status_code == 403
    assert "Confirm your password" in asked.text
    assert sessions.validate(phone.secret)
    assert here.post(path, {"codlet_password": "wrong"}).status_code == 403
    assert sessions.validate(phone.secret)
    answer = here.post(path, {"codlet_password": HERS})
    assert answer["Location"] == LIST
    assert sessions.validate(phone.secret) is None
    assert here.get(LIST).status_code == 200


@pytest.mark.parametrize("path", ["json/{}/", "json/others/"])
@pytest.mark.parametrize("method", ["post", "delete"])
def test_a_program_without_a_recent_sign_in_is_told_so_in_json(here, phone, path, method):
    long_ago()
    answer = getattr(here, method)(LIST + path.format(phone.id))
    assert (answer.status_code, answer.json()["error"]) == (403, "recent_sign_in_required")
    assert sessions.validate(phone.secret)


@pytest.mark.parametrize("method", ["post", "delete"])
def test_a_program_ends_one_and_all_others(here, phone, mary, method, cookie):
    assert getattr(here, method)(f"{LIST}json/{phone.id}/").json() == {"ended": 1, "signed_out": False}
    sessions.issue(mary)
    assert getattr(here, method)(f"{LIST}json/others/").json() == {"ended": 1, "signed_out": False}
    (own,) = sessions.list_active(mary)
    answer = getattr(here, method)(f"{LIST}json/{own.id}/")
    assert answer.json() == {"ended": 1, "signed_out": True}
    assert answer.cookies[cookie]["max-age"] == 0


def test_the_list_as_json(here, phone, mary):
    answer = here.get(f"{LIST}json/")
    assert "no-store" in answer["Cache-Control"]
    this, other = answer.json()["sessions"]
    assert (this["is_current"], this["device"], this["kind"]) == (True, "Firefox on Windows", "desktop")
    row = Session.objects.get(pk=phone.id)
    assert other == {
        "id": str(phone.id),
        "is_current": False,
        "device": "Safari on iPhone",
        "browser": "Safari",
        "system": "iPhone",
        "kind": "phone",
        "user_agent": SAFARI,
        "ip_address": "198.51.100.0",
        "place": None,
        "created_at": row.created_at.isoformat(),
        "signed_in_at": row.authenticated_at.isoformat(),
        "last_seen_at": row.last_seen_at.isoformat(),
        "ends_at": phone.record.ends_at.isoformat(),
    }


@pytest.mark.parametrize("path", ["", "end-others/", f"{NOBODYS}/end/"])
def test_whoever_is_not_signed_in_is_sent_to_sign_in(make_client, cookie, path):
    client = make_client()
    answer = client.post(LIST + path) if path else client.get(LIST)
    assert (answer.status_code, answer["Location"]) == (302, f"{LOGIN}?next={LIST}{path}")


@pytest.mark.parametrize("path", ["json/", "json/others/", f"json/{NOBODYS}/"])
def test_a_program_that_is_not_signed_in_is_told_so_in_json(make_client, cookie, path):
    client = make_client()
    answer = client.post(LIST + path) if path != "json/" else client.get(LIST + path)
    assert (answer.status_code, answer.json()) == (403, {"error": "sign_in_required", "login_url": LOGIN})


def test_a_client_that_calls_itself_a_script_is_text_on_the_page(here, mary):
    attack = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    sessions.issue(mary, client=ClientFacts(attack, None))
    page = here.get(LIST)
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;" in page.text
    assert here.get(f"{LIST}json/")["Content-Type"] == "application/json"


def test_a_client_that_says_nothing_is_an_unknown_device(here, mary):
    sessions.issue(mary)
    assert "Unknown device" in here.get(LIST).text


def test_a_host_whose_places_fail_still_has_a_list(here, phone, settings, caplog):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "CLIENT_PLACE": lambda address: 1 / 0}
    assert "Safari on iPhone" in here.get(LIST).text
    assert "CLIENT_PLACE" in caplog.text


@pytest.mark.parametrize("number", [1, 25])
def test_the_list_costs_three_queries_however_many_there_are(here, mary, number, django_assert_num_queries):
    for _ in range(number):
        sessions.issue(mary, client=ClientFacts(FIREFOX, "203.0.113.0"))
    for path in (LIST, f"{LIST}json/"):
        with django_assert_num_queries(3):
            here.get(path)


@pytest.mark.parametrize(
    ("path", "queries"), [("{}/end/", 4), ("json/{}/", 4), ("end-others/", 3), ("json/others/", 3)]
)
def test_ending_costs_one_statement_more_than_knowing_what_to_end(
    here, mary, phone, path, queries, django_assert_num_queries
):
    for _ in range(5):
        sessions.issue(mary)
    with django_assert_num_queries(queries):
        here.post(LIST + path.format(phone.id))
    assert sessions.validate(phone.secret) is None


def test_a_user_with_another_password_by_now_sees_nothing(here, mary):
    User.objects.update(password="another")
    assert here.get(LIST)["Location"].startswith(LOGIN)


def test_a_device_sees_the_sessions_of_the_device(make_client, cookie):
    client = sign_in(make_client, cookie, "device:42")
    other = sessions.issue("device:42", client=ClientFacts("meter/1.0", None))
    page = client.get(LIST)
    assert "meter/1.0" in page.text
    client.post(end(other.id))
    assert Session.objects.get(pk=other.id).revoked_by == "device:42"


def test_beside_another_engine_two_answers_to_who_this_is_are_none(settings, transactional_db):
    mary, eve = (User.objects.create_user(name) for name in ("mary", "eve"))
    client = Client()
    client.force_login(eve)  # into Django's session
    client.cookies["codlet_session"] = sessions.issue(mary).secret.expose()
    assert client.get(LIST)["Location"] == f"{LOGIN}?next={LIST}"
    assert client.get("/s/gated/").status_code == 302


def test_beside_another_engine_ending_this_device_ends_its_session_too(settings, transactional_db):
    mary = User.objects.create_user("mary")
    client = Client()
    client.force_login(mary)
    issued = sessions.issue(mary)
    client.cookies["codlet_session"] = issued.secret.expose()
    client.post(end(issued.id))
    assert client.get("/s/user/").text != str(mary.pk)
    assert "_auth_user_id" not in client.session


def test_a_site_without_messages_has_the_page_all_the_same(here, phone, settings):
    settings.MIDDLEWARE = [path for path in settings.MIDDLEWARE if "messages" not in path]
    here.post(end(phone.id))
    assert here.get(LIST).status_code == 200
    assert sessions.validate(phone.secret) is None


def test_each_part_of_the_page_can_be_replaced_by_the_host(here, settings, tmp_path):
    folder = tmp_path / "codlet_sessions" / "includes"
    folder.mkdir(parents=True)
    (folder / "place.html").write_text("a map of {{ entry.session.ip_address }}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert "a map of 203.0.113.0" in here.get(LIST).text
