"""Signing out of a session that has just been ended."""

from django.contrib import auth as django_auth
from django.http import HttpRequest

from codlet_sessions import auth


def sign_out(request: HttpRequest) -> None:
    """
    Sign out whoever sent ``request``, and have the response clear the cookie.

    Beside another engine, of its session as well: whoever ends "this device" must not be found signed in on it.
    """
    auth.logout(request)
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        django_auth.logout(request)
