"""The page that asks a user for the password again, and leads back to where the user was."""

import json
from typing import Any

from django.contrib.auth.views import RedirectURLMixin
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.generic import View

from codlet_sessions import carrying, questions
from codlet_sessions.proofs import prove
from codlet_sessions.visitors import Visitor, visitor_of
from codlet_sessions.writes import SessionOver


@method_decorator(sensitive_post_parameters(carrying.PASSWORD, "password"), name="dispatch")
class ConfirmView(RedirectURLMixin, View):
    """
    Asks for the password (GET) and confirms the sign-in with it (POST), then goes on to ``next``.

    ``next`` must be on this site; without it, or with another, the list of sessions is next. A program may post
    ``{"password": …}`` as JSON, and gets JSON: ``{"authenticated_at": …}``, or a 403 with ``{"error": …}``.
    """

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask."""
        visitor = visitor_of(request)
        return self._sign_in_first() if visitor is None else self._ask(visitor, is_wrong=False)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Confirm."""
        visitor = visitor_of(request)
        if visitor is None:
            return self._sign_in_first()
        try:
            is_proven = prove(request, visitor, _password_in(request))
        except (SessionInterrupted, SessionOver):  # it has ended meanwhile
            return self._sign_in_first()
        if not is_proven:
            return self._ask(visitor, is_wrong=True)
        return self._go_on(visitor)

    def get_default_redirect_url(self) -> str:
        """Return where to go when nobody said: to the list of sessions."""
        return reverse("codlet_sessions:session_list")

    def _ask(self, visitor: Visitor, *, is_wrong: bool) -> HttpResponse:
        if self._is_json:
            return questions.refused("wrong_password" if is_wrong else "recent_sign_in_required")
        context: dict[str, Any] = {
            "is_wrong": is_wrong,
            "redirect_field_name": self.redirect_field_name,
            "redirect_to": self.get_redirect_url(),
            "action": questions.confirm_url(),
            "login_url": questions.login_url_back_to(self.get_success_url()),
        }
        return questions.page(self.request, visitor, context)

    def _sign_in_first(self) -> HttpResponse:
        if self._is_json:
            return questions.ask_to_sign_in(self.request, json=True)
        return questions.unstored(HttpResponseRedirect(questions.login_url_back_to(self.get_success_url())))

    def _go_on(self, visitor: Visitor) -> HttpResponse:
        if not self._is_json:
            return questions.unstored(HttpResponseRedirect(self.get_success_url()))
        confirmed = visitor_of(self.request) or visitor
        moment = confirmed.session.authenticated_at.isoformat()
        return questions.unstored(JsonResponse({"authenticated_at": moment}))

    @property
    def _is_json(self) -> bool:
        return questions.wants_json(self.request)


@sensitive_variables()
def _password_in(request: HttpRequest) -> str:
    if request.content_type != "application/json":
        return request.POST.get(carrying.PASSWORD) or request.POST.get("password", "")
    try:
        sent = json.loads(request.body)
    except (ValueError, RecursionError):
        return ""
    password = sent.get("password") if isinstance(sent, dict) else None
    return password if isinstance(password, str) else ""
