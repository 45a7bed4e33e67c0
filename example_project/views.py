"""The page that shows your session: whom it speaks for, and what it holds."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from codlet_sessions.records import ActiveSessionRecord
from codlet_sessions.requests import SessionRequest


def who(request: SessionRequest) -> HttpResponse:
    """Show who you are, since when, and how often you have looked; or invite you to sign in."""
    name = request.user.get_username()  # first, because Django ends a session whose password has changed
    session = request.codlet_session
    if session is not None:  # or whoever looks in would be given a session and a cookie
        request.session["visits"] = request.session.get("visits", 0) + 1
    return _page(request, session, name)


async def awho(request: SessionRequest) -> HttpResponse:
    """Show the same from an async view."""
    name = (await request.auser()).get_username()
    session = await request.acodlet_session()
    if session is not None:
        await request.session.aset("visits", await request.session.aget("visits", 0) + 1)
    return _page(request, session, name)


def _page(request: HttpRequest, session: ActiveSessionRecord | None, name: str) -> HttpResponse:
    return render(request, "example_project/who.html", {"session": session, "name": name})
