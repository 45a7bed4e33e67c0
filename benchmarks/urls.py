"""Views that ask for as much as their names say."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def nothing(request: HttpRequest) -> HttpResponse:
    """Ask for nothing."""
    return HttpResponse("nobody asked")


def user(request: HttpRequest) -> HttpResponse:
    """Ask who it is."""
    return HttpResponse(request.user.get_username())


urlpatterns = [path("nothing/", nothing), path("user/", user)]
