"""The door that every request comes through."""

import logging
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from codlet_sessions import api, conf
from codlet_sessions.requests import FAILURES, attach, session_of

logger = logging.getLogger("codlet_sessions")

UNAVAILABLE_TEMPLATE = "codlet_sessions/unavailable.html"
_RETRY_AFTER = 30  # seconds


class SessionMiddleware(DjangoSessionMiddleware):
    """
    Gives each request ``request.codlet_session`` and ``await request.acodlet_session()``; stands in Django's place.

    Both are lazy: a request that asks for neither costs no query, and under ASGI no thread hop. ``request.session``
    is what SESSION_ENGINE makes of it, as with Django's middleware, which this is a subclass of.

    When the store or the keys do not answer, the response is a 503 made from ``codlet_sessions/unavailable.html``,
    and the cookie stays as it is (ASVS 5.0 16.5.3: fail securely).

    Raises:
        ImproperlyConfigured, KeysUnavailable: At start-up: there is no usable key, or ``CODLET_SESSIONS`` is wrong.

    """

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        api.get_manager()  # no key, no service: said when the server starts, not when the first visitor comes

    def process_request(self, request: HttpRequest) -> None:
        """Attach both sessions to the request. Reads its cookies and nothing else."""
        super().process_request(request)
        attach(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save Django's session if it changed, and write what browser and caches must know into the response."""
        response = super().process_response(request, _or_unavailable(request, response))
        session_of(request).answer(response)
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        """Handle a request without leaving the event loop, unless Django's session has to be saved."""
        self.process_request(request)
        response = await cast(Any, self.get_response(request))
        if _django_session_will_be_saved(request):
            return await sync_to_async(self.process_response)(request, response)
        return self.process_response(request, response)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a view's `StoreError` or `KeysUnavailable` with the 503. A view that raised changes no cookie."""
        session_of(request).forget()
        return _unavailable(exception) if isinstance(exception, FAILURES) else None


def _django_session_will_be_saved(request: HttpRequest) -> bool:
    session = getattr(request, "session", None)  # a view may have deleted it
    return session is not None and (conf.saves_every_request() or session.modified)


def _or_unavailable(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    # Another middleware may have asked for the session: Django has turned what it raised into a plain 500 by now.
    failure = session_of(request).failure
    return response if failure is None or response.status_code != 500 else _unavailable(failure)


def _unavailable(failure: Exception) -> HttpResponse:
    logger.error("Answered 503: %s", failure, exc_info=failure)
    try:
        # Without the request: a context processor may need the very thing that is down.
        body: str = render_to_string(UNAVAILABLE_TEMPLATE)
    except TemplateDoesNotExist:  # a host without template engines
        body = _("The service is unavailable for the moment. Please try again.")
    return HttpResponse(body, status=503, headers={"Retry-After": str(_RETRY_AFTER), "Cache-Control": "no-store"})
