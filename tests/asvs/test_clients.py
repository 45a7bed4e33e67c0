"""What is recorded of the client that signs in, and for how long."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from codlet_sessions import signals
from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from tests.asvs.people import signed_in

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
NEWER_FIREFOX = FIREFOX.replace("133", "134")
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


def configure(settings, **wanted):
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, **wanted}


def enter(browser, agent=FIREFOX, address="203.0.113.77", page="enter/ada", **headers):
    facts = {"REMOTE_ADDR": address} if not browser.is_async else {}
    return browser.get(page, headers={"user-agent": agent, **headers}, **facts)


def recorded():
    return Session.objects.values_list("user_agent", "ip_address").latest("id")


def test_a_sign_in_is_recorded_with_the_network_and_not_the_address(browser, ada):
    enter(browser)
    assert recorded() == (FIREFOX, "127.0.0.0" if browser.is_async else "203.0.113.0")


@pytest.mark.parametrize(
    ("facts", "address", "kept"),
    [
        ("truncated", "203.0.113.77", "203.0.113.0"),
        ("truncated", "2001:db8:1234:5678::9", "2001:db8:1234::"),
        ("truncated", "::ffff:203.0.113.77", "203.0.113.0"),
        ("full", "203.0.113.77", "203.0.113.77"),
        ("full", "fe80::1%eth0", "fe80::1"),
        ("full", "", None),
        ("full", "unix:", None),
        ("nothing", "203.0.113.77", None),
    ],
)
def test_the_host_decides_how_much(client, ada, settings, facts, address, kept):
    configure(settings, CLIENT_FACTS=facts)
    client.get("/s/enter/ada/", headers={"user-agent": FIREFOX}, REMOTE_ADDR=address)
    assert recorded() == ("" if facts == "nothing" else FIREFOX, kept)


def test_a_header_is_believed_only_if_the_host_says_so(client, ada, settings):
    client.get("/s/enter/ada/", headers={"x-forwarded-for": "198.51.100.1"}, REMOTE_ADDR="203.0.113.77")
    assert recorded()[1] == "203.0.113.0"
    configure(settings, CLIENT_ADDRESS=lambda request: request.headers["x-forwarded-for"])
    client.get("/s/enter/ada/", headers={"x-forwarded-for": "198.51.100.1"}, REMOTE_ADDR="203.0.113.77")
    assert recorded()[1] == "198.51.100.0"


def test_a_visitor_who_does_not_sign_in_is_not_recorded(browser):
    enter(browser, page="remember/blue")
    assert recorded() == ("", None)


def test_any_subject_is_recorded_also_beside_another_engine(browser, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    browser.cookie_name = "codlet_session"
    enter(browser, page="sign-in/device:42")
    assert recorded()[0] == FIREFOX
    (listed,) = sessions.list_active("device:42")
    assert listed.user_agent == FIREFOX


def test_what_is_recorded_is_bounded_and_writable(browser, ada):
    enter(browser, agent="x" * 1000)
    assert recorded()[0] == "x" * 256


@given(st.text(alphabet=st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=300))
def test_any_text_may_come_for_an_address(text):
    from codlet_sessions.clients import _as_allowed

    network = _as_allowed(text)
    assert network is None or network.endswith((".0", ":"))


@pytest.mark.parametrize("how", ["revoke", "revoke_all", "logout"])
def test_it_is_forgotten_when_the_session_ends(browser, ada, how):
    enter(browser)
    if how == "logout":
        browser.get("leave")
    elif how == "revoke":
        sessions.revoke(Session.objects.get().pk)
    else:
        sessions.revoke_all(ada)
    assert recorded() == ("", None)


def test_it_is_forgotten_after_the_hosts_retention(browser, ada, settings, pass_time, capsys):
    configure(settings, CLIENT_RETENTION=timedelta(days=10))
    enter(browser)
    expired = signed_in(ada)
    Session.objects.filter(pk=expired.session_id).update(user_agent=SAFARI)
    browser.get("leave")
    assert recorded() != ("", None) or Session.objects.filter(user_agent=FIREFOX).exists()
    Session.objects.filter(revoked_at__isnull=False).update(
        revoked_at=Session.objects.get(revoked_at__isnull=False).revoked_at - timedelta(days=9)
    )
    call_command("purge_sessions", pause=0)
    assert Session.objects.exclude(user_agent="").count() == 2
    Session.objects.filter(revoked_at__isnull=False).update(
        revoked_at=Session.objects.get(revoked_at__isnull=False).revoked_at - timedelta(days=2)
    )
    call_command("purge_sessions", pause=0)
    assert Session.objects.exclude(user_agent="").count() == 1
    pass_time(days=18)
    call_command("purge_sessions", pause=0, retain_expired=100)
    assert not Session.objects.exclude(user_agent="").exists()
    assert "the clients of 1 more" in capsys.readouterr().out


# a device that is new


@pytest.fixture
def told(engine):
    """What `new_device` told."""
    told = []

    def note(sender, signal, **facts):
        told.append(facts)

    signals.new_device.connect(note)
    yield told
    signals.new_device.disconnect(note)


def test_a_sign_in_from_something_new_is_told_and_from_something_known_is_not(browser, ada, told):
    enter(browser)
    enter(browser)
    enter(browser, agent=NEWER_FIREFOX)
    assert told == []  # the first sign-in ever is new in every way
    enter(browser, agent=SAFARI)
    assert told == []  # that was the same session, on which she signed in again
    browser.get("leave")
    enter(browser, agent=FIREFOX)
    (first,) = told
    assert (first["subject"], first["user_agent"]) == (str(ada.pk), FIREFOX)
    assert str(first["session_id"]) == browser.get("both").json()["id"]
    assert set(first) == {"session_id", "subject", "user_agent", "ip_address"}


def test_a_device_is_known_after_its_session_ended_and_its_name_was_forgotten(browser, ada, told):
    enter(browser)
    browser.get("leave")
    enter(browser)
    browser.get("leave")
    enter(browser, agent=SAFARI)
    assert [facts["user_agent"] for facts in told] == [SAFARI]


def test_a_device_of_one_subject_is_new_to_another(browser, ada, grace, told):
    enter(browser)
    browser.get("leave")
    enter(browser, agent=SAFARI, page="enter/grace")
    browser.get("leave")
    enter(browser, page="enter/grace")
    assert [facts["subject"] for facts in told] == [str(grace.pk)]


def test_a_rotated_key_makes_no_new_devices(browser, ada, told, settings):
    enter(browser)
    browser.get("leave")
    keys = settings.CODLET_SESSIONS["KEYS"]
    configure(settings, KEYS={"2026-12": "the key of december, 32 bytes and more", **keys})
    enter(browser)
    assert told == []


def test_devices_are_told_beside_another_engine(browser, settings, told):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    browser.cookie_name = "codlet_session"
    enter(browser, page="sign-in/device:42")
    enter(browser, page="sign-in/device:42")
    enter(browser, agent=SAFARI, page="sign-in/device:42")
    assert [facts["user_agent"] for facts in told] == [SAFARI]


def test_without_facts_no_device_is_known(browser, ada, told, settings):
    configure(settings, CLIENT_FACTS="nothing")
    enter(browser)
    browser.get("leave")
    enter(browser, agent=SAFARI)
    assert told == []
    assert not Session.objects.exclude(device=None).exists()


def test_a_store_that_does_not_answer_fails_no_sign_in(browser, ada, told, monkeypatch, caplog):
    from codlet_sessions.errors import StoreUnavailable
    from codlet_sessions.stores.orm import OrmSessionStore

    def refuse(*anything):
        raise StoreUnavailable("read-only")

    async def arefuse(*anything):
        raise StoreUnavailable("read-only")

    monkeypatch.setattr(OrmSessionStore, "is_new_device", refuse)
    monkeypatch.setattr(OrmSessionStore, "ais_new_device", arefuse)
    enter(browser)
    browser.get("leave")
    enter(browser, page="sign-in/device:42")
    assert browser.get("both").json()["subject"] == "device:42"
    assert "could not be found out: read-only" in caplog.text
