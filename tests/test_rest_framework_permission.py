"""The permission for Django REST framework."""

from datetime import timedelta
from types import ModuleType

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from codlet_sessions.contrib.rest_framework import RecentSignIn
from tests.engine.conftest import ada, engine, grace  # noqa: F401
from tests.site import views
from tests.test_recent import long_ago


class ByName(BaseAuthentication):
    """Whoever says a name in a header: what a token does."""

    def authenticate(self, request):
        name = request.headers.get("X-Name")
        return (User.objects.get(username=name), None) if name else None


class Api(APIView):
    authentication_classes = [ByName, SessionAuthentication]
    permission_classes = [RecentSignIn]

    def get(self, request):
        return Response({"user": request.user.username})

    post = get


class StrictApi(Api):
    permission_classes = [RecentSignIn.within(60)]


class OtherStrictApi(Api):
    class OfThisMinute(RecentSignIn):
        max_age = timedelta(minutes=1)

    permission_classes = [OfThisMinute]


@pytest.fixture
def client(ada, settings):  # noqa: F811
    settings.ROOT_URLCONF = ModuleType("urls")
    settings.ROOT_URLCONF.urlpatterns = [
        path("enter/<str:username>/", views.enter),
        path("api/", Api.as_view()),
        path("strict/", StrictApi.as_view()),
        path("other-strict/", OtherStrictApi.as_view()),
        path("account/sessions/", include("codlet_sessions.urls")),
    ]
    client = Client()
    client.get("/enter/ada/")
    return client


@pytest.mark.parametrize("page", ["/api/", "/strict/", "/other-strict/"])
def test_a_recent_sign_in_is_let_in_and_an_old_one_is_told_where_to_confirm(client, page):
    assert client.get(page).json() == {"user": "ada"}
    long_ago()
    answer = client.get(page)
    assert answer.status_code == 403
    assert answer.json() == {"error": "recent_sign_in_required", "confirm_url": "/account/sessions/confirm/"}


def test_how_long_is_what_the_permission_says(client):
    long_ago(seconds=70)
    assert [client.get(page).status_code for page in ("/api/", "/strict/", "/other-strict/")] == [200, 403, 403]


def test_after_the_password_the_same_request_goes_through(client):
    long_ago()
    client.post("/account/sessions/confirm/", '{"password": "a secret of hers"}', content_type="application/json")
    assert client.post("/api/", '{"a": 1}', content_type="application/json").status_code == 200


def test_whoever_is_not_signed_in_is_refused_as_rest_framework_does(client):
    answer = Client().get("/api/")
    assert (answer.status_code, answer.json()) == (403, {"detail": "Authentication credentials were not provided."})


def test_the_session_of_another_user_than_the_request_speaks_for_counts_for_nothing(client, grace):  # noqa: F811
    assert client.get("/api/", headers={"x-name": "grace"}).status_code == 403
    assert Client().get("/api/", headers={"x-name": "grace"}).status_code == 403
    assert client.get("/api/", headers={"x-name": "ada"}).status_code == 200


def test_an_age_that_is_none_is_refused(engine):  # noqa: F811
    with pytest.raises(ValueError, match="not longer than nothing"):
        RecentSignIn.within(0)
