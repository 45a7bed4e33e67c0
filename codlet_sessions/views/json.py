"""The same list, and the same endings, for programs. Every answer is JSON, and nobody stores it."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.generic import View

from codlet_sessions import inventory, questions
from codlet_sessions.recent import recent_sign_in_required_json
from codlet_sessions.signing_out import sign_out
from codlet_sessions.views.ending import EndingView
from codlet_sessions.visitors import visitor_of


class JsonListView(View):
    """``GET``: the user's active sessions."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them."""
        visitor = visitor_of(request)
        if visitor is None:
            return questions.ask_to_sign_in(request, json=True)
        return _answered({"sessions": [entry.as_json() for entry in inventory.entries_of(visitor)]})


class JsonEndingView(EndingView):
    """What ends sessions: by POST or DELETE."""

    http_method_names = ["post", "delete"]
    gate = staticmethod(recent_sign_in_required_json)


class JsonEndSessionView(JsonEndingView):
    """Ends one session of the user. Whoever ends the one in use is signed out."""

    def post(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        """End it; a 404 if the user has no such session, whoever else has."""
        visitor = visitor_of(request)
        if visitor is None or not inventory.end(visitor, session_id):
            return questions.refused("no_such_session", status=404)
        is_current = session_id == visitor.session.id
        if is_current:
            sign_out(request)
        return _answered({"ended": 1, "signed_out": is_current})

    delete = post


class JsonEndOthersView(JsonEndingView):
    """Ends all sessions of the user but the one in use."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """End them."""
        visitor = visitor_of(request)
        return _answered({"ended": inventory.end_others(visitor) if visitor else 0, "signed_out": False})

    delete = post


def _answered(facts: dict[str, Any]) -> HttpResponse:
    return questions.unstored(JsonResponse(facts))
