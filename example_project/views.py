"""Pages that begin a session, show it and end it."""

from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from codlet_sessions.auth import login, logout
from codlet_sessions.requests import SessionRequest
from example_project.people import aname_of, name_of


def who(request: SessionRequest) -> HttpResponse:
    """Show who you are and since when, or invite you to sign in."""
    session = request.codlet_session
    return _who(request, session, session and name_of(session.subject))


async def awho(request: SessionRequest) -> HttpResponse:
    """Show the same from an async view."""
    session = await request.acodlet_session()
    return _who(request, session, session and await aname_of(session.subject))


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for a name and a password, and begin a session for whoever they belong to."""
    form = AuthenticationForm(request, data=request.POST or None, label_suffix="")
    if form.is_valid():
        login(request, form.get_user())
        return redirect(_next_page(request))
    return render(request, "example_project/sign_in.html", {"form": form, "next": _next_page(request)})


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session. A POST, so that no image or prefetched link can do it."""
    logout(request)
    return redirect("who")


def _who(request: HttpRequest, session: object, name: str | None) -> HttpResponse:
    return render(request, "example_project/who.html", {"session": session, "name": name})


def _next_page(request: HttpRequest) -> str:
    """Return the address of ours that the request asks to go on to; any other address is ignored."""
    page = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if is_ours else resolve_url("who")
