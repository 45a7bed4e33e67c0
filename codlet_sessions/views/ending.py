"""What the views have in common that end sessions, for people and for programs."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.generic import View

from codlet_sessions.recent import recent_sign_in_required
from codlet_sessions.visitors import visitor_of


class EndingView(View):
    """
    Ends sessions, after a recent sign-in (ASVS 5.0 7.5.2).

    The session in use is ended without one: that is signing out, which nobody should need a password for.
    """

    http_method_names = ["post"]
    gate: Callable[[Callable[..., Any]], Callable[..., Any]] = staticmethod(recent_sign_in_required)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look at the method first, so that a link is answered before anybody is asked for a password."""
        if str(request.method).lower() not in self.http_method_names:
            return self.http_method_not_allowed(request, *args, **kwargs)
        view: Callable[..., Any] = super().dispatch
        gated = view if _is_in_use(request, kwargs.get("session_id")) else self.gate(view)
        response: HttpResponse = gated(request, *args, **kwargs)
        return response


def _is_in_use(request: HttpRequest, session_id: UUID | None) -> bool:
    visitor = visitor_of(request)
    return visitor is not None and visitor.session.id == session_id
