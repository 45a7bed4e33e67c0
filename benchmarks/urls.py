"""Views that ask for as much as their names say, and the pages that grow with the table."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth import login as sign_in
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def nothing(request: HttpRequest) -> HttpResponse:
    """Ask for nothing."""
    return HttpResponse("nobody asked")


def subject(request: HttpRequest) -> HttpResponse:
    """Ask whose session it is, without the user's row."""
    return HttpResponse(request.codlet_session.subject)


def data(request: HttpRequest) -> HttpResponse:
    """Ask what the session holds, without the user's row."""
    return HttpResponse(request.session["_auth_user_id"])


def user(request: HttpRequest) -> HttpResponse:
    """Ask who it is."""
    return HttpResponse(request.user.get_username())


def login(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign in a user whose row costs no query."""
    user = get_user_model()(pk=pk, username="somebody")
    user.set_unusable_password()
    sign_in(request, user, "django.contrib.auth.backends.ModelBackend")
    return HttpResponse("welcome")


async def anothing(request: HttpRequest) -> HttpResponse:
    """Ask for nothing."""
    return HttpResponse("nobody asked")


async def asubject(request: HttpRequest) -> HttpResponse:
    """Ask whose session it is, without the user's row."""
    return HttpResponse((await request.acodlet_session()).subject)


async def adata(request: HttpRequest) -> HttpResponse:
    """Ask what the session holds, without the user's row."""
    return HttpResponse(await request.session.aget("_auth_user_id"))


async def auser(request: HttpRequest) -> HttpResponse:
    """Ask who it is."""
    return HttpResponse((await request.auser()).get_username())


urlpatterns = [
    path("nothing/", nothing),
    path("subject/", subject),
    path("data/", data),
    path("user/", user),
    path("login/<int:pk>/", login),
    path("a/nothing/", anothing),
    path("a/subject/", asubject),
    path("a/data/", adata),
    path("a/user/", auser),
    path("admin/", admin.site.urls),
    path("account/sessions/", include("codlet_sessions.urls")),
]
