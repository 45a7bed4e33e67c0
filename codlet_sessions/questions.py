"""What is answered in the place of a view: sign in, or say again who you are. Nobody stores these answers."""

from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme

from codlet_sessions import carrying, conf
from codlet_sessions.carrying import Carried
from codlet_sessions.visitors import Visitor

CONFIRM_TEMPLATE: Final = "codlet_sessions/confirm.html"
_HTML, _JSON = "text/html", "application/json"
_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


def wants_json(request: HttpRequest) -> bool:
    """
    Return whether ``request`` is better answered with JSON than with a page.

    Its sender says so, or has sent what no form of a page can send, so that no page could send it again.
    """
    if request.get_preferred_type([_HTML, _JSON]) == _JSON:
        return True
    return request.method not in _SAFE and not carrying.is_form(request)


def ask_to_sign_in(request: HttpRequest, *, json: bool) -> HttpResponse:
    """Send whoever is not signed in to LOGIN_URL and back, as Django's ``login_required`` does; tell JSON where."""
    if json:
        return refused("sign_in_required", login_url=conf.login_url())
    return unstored(HttpResponseRedirect(login_url_back_to(_address(request))))


def ask_elsewhere(request: HttpRequest) -> HttpResponse:
    """Send whoever has signed in too long ago to the page that asks for the password, and back."""
    query = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()}, safe="/")
    return unstored(HttpResponseRedirect(f"{confirm_url()}?{query}"))


def ask_here(request: HttpRequest, visitor: Visitor, carried: Carried) -> HttpResponse:
    """
    Answer with the page that asks for the password and sends what was ``carried`` again, to the same address.

    A 403, because the request was not carried out: whoever looks at the status only must not think that it was. (401
    would have to name a scheme of HTTP authentication, by which nobody signs in here.)
    """
    context = {
        "carried": carried,
        "is_wrong": carried.password is not None,
        "action": request.get_full_path(),
        "login_url": login_url_back_to(way_back(request)),
    }
    return page(request, visitor, context, status=403)


def page(request: HttpRequest, visitor: Visitor, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Render the page that asks for the password of ``visitor``."""
    common = {"visitor": visitor, "password_field": carrying.PASSWORD, "left_behind_field": carrying.LEFT_BEHIND}
    return unstored(render(request, CONFIRM_TEMPLATE, {**common, **context}, status=status))


def refused(error: str, status: int = 403, **facts: Any) -> HttpResponse:
    """Answer with JSON that names the ``error``: a word for programs, which is not translated."""
    return unstored(JsonResponse({"error": error, **facts}, status=status))


def needs_recent_sign_in() -> HttpResponse:
    """Tell a program where its user can confirm the sign-in; it still has what it sent, and sends it again then."""
    return refused("recent_sign_in_required", confirm_url=confirm_url())


def confirm_url() -> str:
    """
    Return the path of the page that asks for the password.

    Raises:
        ImproperlyConfigured: The site's URLs do not include ours.

    """
    try:
        return reverse("codlet_sessions:confirm")
    except NoReverseMatch:
        raise ImproperlyConfigured(
            "There is no page to confirm a sign-in on: put path('account/sessions/', include('codlet_sessions.urls'))"
            " into your urlpatterns."
        ) from None


def way_back(request: HttpRequest) -> str:
    """Return the page that a form was sent from, if it is one of this site; else the address it was sent to."""
    referer = request.META.get("HTTP_REFERER", "")
    is_here = url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure())
    return referer if referer and is_here else request.get_full_path()


def login_url_back_to(url: str) -> str:
    """Return the address of the page to sign in on that leads to ``url`` afterwards."""
    return redirect_to_login(url, conf.login_url(), REDIRECT_FIELD_NAME).url


def unstored(response: HttpResponse) -> HttpResponse:
    """Return ``response``, marked as one that nobody keeps a copy of."""
    add_never_cache_headers(response)
    return response


def _address(request: HttpRequest) -> str:
    """Return the address of ``request``: in full only if the page to sign in on is at another host."""
    login, here = urlsplit(conf.login_url()), urlsplit(request.build_absolute_uri())
    is_elsewhere = bool(login.netloc) and (login.scheme or here.scheme, login.netloc) != (here.scheme, here.netloc)
    return request.build_absolute_uri() if is_elsewhere else request.get_full_path()
