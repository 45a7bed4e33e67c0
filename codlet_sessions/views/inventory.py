"""The page of a user's sessions, and the forms on it that end them (ASVS 5.0 7.5.2)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import TemplateView

from codlet_sessions import conf, inventory, questions
from codlet_sessions.recent import is_recent
from codlet_sessions.signing_out import sign_out
from codlet_sessions.views.ending import EndingView
from codlet_sessions.visitors import visitor_of


class SessionListView(TemplateView):
    """Shows a user's active sessions, in words, the one in use first. Three queries, however many there are."""

    http_method_names = ["get", "head", "options"]
    template_name = "codlet_sessions/session_list.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show them; whoever is not signed in goes to LOGIN_URL first."""
        visitor = visitor_of(request)
        if visitor is None:
            return questions.ask_to_sign_in(request, json=False)
        entries = inventory.entries_of(visitor)
        context = self.get_context_data(
            visitor=visitor,
            current=next((entry for entry in entries if entry.is_current), None),
            others=[entry for entry in entries if not entry.is_current],
            will_ask=not is_recent(visitor),
            notices=messages.get_messages(request),
        )
        return questions.unstored(self.render_to_response(context))


class EndSessionView(EndingView):
    """Ends one session of the user. Whoever ends the one in use is signed out."""

    def post(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        """End it, and show the others; a 404 if the user has no such session, whoever else has."""
        visitor = visitor_of(request)
        if visitor is None or not inventory.end(visitor, session_id):
            raise Http404
        if session_id == visitor.session.id:
            sign_out(request)
            return questions.unstored(HttpResponseRedirect(conf.login_url()))
        messages.success(request, _("The session was ended. That device is signed out."), fail_silently=True)
        return redirect("codlet_sessions:session_list")


class EndOthersView(EndingView):
    """Ends all sessions of the user but the one in use."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """End them, and show what is left."""
        visitor = visitor_of(request)
        count = inventory.end_others(visitor) if visitor else 0
        said = ngettext("%(count)d other session was ended.", "%(count)d other sessions were ended.", count)
        messages.success(request, said % {"count": count}, fail_silently=True)
        return redirect("codlet_sessions:session_list")
