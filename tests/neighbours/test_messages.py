"""``django.contrib.messages`` with its session storage."""

import pytest

from codlet_sessions.api import get_keeper
from codlet_sessions.models import Session
from codlet_sessions.secrets import SessionSecret

pytestmark = pytest.mark.usefixtures("our_engine")

MESSAGE = "It is noted."


@pytest.fixture(autouse=True)
def messages_in_the_session(settings):
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"


def test_a_message_survives_a_redirect_and_is_shown_once(client):
    page = client.post("/notes/", {"note": "buy milk"}, follow=True)
    assert page.redirect_chain == [("/notes/", 302)]
    assert page.text.count(MESSAGE) == 1
    assert MESSAGE not in client.get("/notes/").text


def test_a_message_that_nobody_has_seen_yet_waits_in_the_session(client):
    client.post("/notes/", {"note": "buy milk"})
    assert list(client.cookies) == ["sessionid"]
    assert MESSAGE in data_of(client)["_messages"]
    client.get("/notes/")
    assert "_messages" not in data_of(client)


def test_messages_that_pile_up_are_shown_together(client):
    client.post("/notes/", {"note": "buy milk"})
    client.post("/notes/", {"note": "buy bread"})
    assert client.get("/notes/").text.count(MESSAGE) == 2
    assert Session.objects.count() == 1


def data_of(client):
    """What is in the row that the client's cookie opens."""
    keeper = get_keeper()
    return keeper.data_of(keeper.open(SessionSecret(client.cookies["sessionid"].value)))
