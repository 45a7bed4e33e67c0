"""The cookie: written, cleared and described in one place."""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control, patch_vary_headers

from codlet_sessions.secrets import SessionSecret

SERVER_ERROR: Final = 500  # from here on a response changes no cookie: what it was to say may have been rolled back


@dataclass(frozen=True, slots=True)
class CookiePolicy:
    """
    How the session cookie looks (RFC 6265bis; ASVS 5.0 3.3). It is HttpOnly always.

    Attributes:
        name, path, domain, samesite: As in Django's SESSION_COOKIE_* settings.
        secure: False only under ``COOKIE_PROFILE = "local-development"``.
        persistent: Whether the browser keeps the cookie when it closes.

    """

    name: str
    path: str = "/"
    domain: str | None = None
    samesite: Literal["Lax", "Strict", "None", False] | None = "Lax"
    secure: bool = True
    persistent: bool = True

    def take(self, request: HttpRequest) -> SessionSecret | None:
        """
        Remove the cookie's value from ``request.COOKIES`` and return it, or None when the browser sent none.

        Removed, because whatever shows ``request.COOKIES`` (Django's error reports, debugging tools) would show a live
        secret. ``request.META["HTTP_COOKIE"]`` still has it: Django's own reports hide that one. Not checked for form.
        """
        value = request.COOKIES.pop(self.name, None)
        return None if value is None else SessionSecret(value)

    def put(self, response: HttpResponseBase, secret: SessionSecret, remaining: timedelta | None) -> None:
        """
        Hand ``secret`` to the browser for the ``remaining`` life of its session; until it closes, when that is None.

        Nobody may store the response.
        """
        response.set_cookie(
            self.name,
            secret.expose(),
            max_age=None if remaining is None else math.ceil(remaining.total_seconds()),
            path=self.path,
            domain=self.domain,
            samesite=self.samesite,
            secure=self.secure,
            httponly=True,
        )
        self._forbid_storing(response)

    def clear(self, response: HttpResponseBase) -> None:
        """Have the browser forget the cookie: same name, path, domain and SameSite, or it would keep it."""
        response.delete_cookie(self.name, path=self.path, domain=self.domain, samesite=self.samesite)
        self._forbid_storing(response)

    def vary(self, response: HttpResponseBase) -> None:
        """Tell caches that this response depends on who asked."""
        if response.has_header("Vary"):
            patch_vary_headers(response, ("Cookie",))
        else:
            response.headers["Vary"] = "Cookie"

    def _forbid_storing(self, response: HttpResponseBase) -> None:
        self.vary(response)
        patch_cache_control(response, no_store=True, private=True)  # some caches know only the one, some only the other
