"""What the pages about recent sign-ins and about the list of sessions show runs, and is all there is."""

import re
from types import ModuleType

import pytest
from django.test import Client
from django.urls import path, reverse

from codlet_sessions import urls
from codlet_sessions.models import Session
from codlet_sessions.views import LoginView
from tests.documentation import PAGES, TOP, codes
from tests.engine.conftest import ada, engine  # noqa: F401
from tests.site import views
from tests.test_docs import run
from tests.test_recent import HERS, long_ago

RECENT, INVENTORY = PAGES["recent"], PAGES["inventory"]
TEMPLATES = TOP / "codlet_sessions" / "templates" / "codlet_sessions"


@pytest.fixture
def client(ada, settings):  # noqa: F811
    shown = run(RECENT.example("python", saying="# views.py"))
    api = run(RECENT.example("python", saying="# api.py"))
    settings.ROOT_URLCONF = ModuleType("urls")
    settings.ROOT_URLCONF.urlpatterns = [
        *run(RECENT.example("python", saying="# urls.py")).urlpatterns,
        *run(INVENTORY.example("python", saying="LoginView")).urlpatterns,
        path("enter/<str:username>/", views.enter),
        path("change_email/", shown.change_email),
        path("transfer/", shown.transfer),
        path("delete/", shown.DeleteAccount.as_view()),
        path("api/", api.ApiKeys.as_view()),
    ]
    client = Client()
    client.get("/enter/ada/")
    return client


def test_the_views_of_the_page_ask_for_the_password_and_go_on(client):
    for address, sent in (("change_email", {"email": "a@b.org"}), ("transfer", {"amount": "7"}), ("delete", {})):
        long_ago()
        assert client.post(f"/{address}/", sent).status_code == 403
        answer = client.post(f"/{address}/", {**sent, "codlet_password": HERS})
        assert list(answer.json().values()) == [*sent.values(), True][:1]


def test_the_api_of_the_page_wants_a_recent_sign_in(client):
    assert client.post("/api/").json() == {"created": True}
    long_ago()
    assert client.post("/api/").json()["confirm_url"] == "/account/sessions/confirm/"


def test_the_urls_of_the_pages_lead_to_the_pages(client):
    assert reverse("codlet_sessions:session_list") == "/account/sessions/"
    assert client.get("/account/sessions/").status_code == 200
    assert client.get("/accounts/login/").resolver_match.func.view_class is LoginView
    assert Session.objects.count() == 1


def test_the_json_of_the_page_is_what_is_sent(client):
    (sent,) = client.get("/account/sessions/json/").json()["sessions"]
    (sentence,) = re.findall(r"A session has (.*?); moments", INVENTORY.text, re.DOTALL)
    kinds = ["desktop", "phone", "tablet", "unknown"]
    assert [name for name in codes(sentence) if name not in kinds] == list(sent)


def test_every_template_is_in_the_table_and_no_other():
    there = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html")}
    assert set(INVENTORY.column("template, in `codlet_sessions/`")) == there


def test_every_colour_is_on_the_page():
    style = (TOP / "codlet_sessions" / "static" / "codlet_sessions" / "pages.css").read_text()
    assert set(re.findall(r"^ +(--codlet-[\w-]+):", style, re.MULTILINE)) == set(
        re.findall(r"--codlet-[\w-]+", INVENTORY.text)
    )


def test_every_name_that_the_page_gives_is_one_of_the_urls():
    names = {one.name for one in urls.urlpatterns}
    assert {"session_list", "json_list", "json_end_session", "json_end_others"} <= names
    assert set(re.findall(r"`(?:codlet_sessions:)?(json_\w+)`", INVENTORY.text)) <= names
