"""The section on a user's page that lists the user's sessions."""

from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlencode

from django.contrib.admin.sites import AdminSite
from django.db import router
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from codlet_sessions.admin.facts import find_facts, moment_of
from codlet_sessions.admin.pages import STYLES
from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet
from codlet_sessions.subjects import subject_of

MAX_SHOWN: Final = 20
"""How many of a user's sessions the user's page shows."""

_TEMPLATE: Final = "admin/codlet_sessions/user/change_form.html"


class Button(NamedTuple):
    """Where a button posts to and what, by name and value."""

    url: str
    posted: list[tuple[str, str]]


def rows() -> SessionQuerySet:
    """Return all sessions, from where they are written, without what nobody may see."""
    every = SessionQuerySet(Session, using=router.db_for_write(Session))
    return every.select_related("user").defer("lookup_key", "data")


def with_sessions(
    response: TemplateResponse, request: HttpRequest, user: Any, site: AdminSite, button: Button | None
) -> TemplateResponse:
    """
    Add the section to a user's page that has not been rendered yet. One query, however many sessions there are.

    The page stays the host's own: ours extends whichever template it was going to be.

    Args:
        response: The user's page.
        request: The request; everything on the page is judged by its one moment.
        user: Whose page it is.
        site: The admin site that the links stay on.
        button: What ends all of them; None when the viewer may not.

    """
    subject, now = subject_of(user).name, moment_of(request)
    active = list(rows().of_subject(subject).active(now).order_by("-id")[: MAX_SHOWN + 1])
    find_facts(active, request, site)
    context = cast("dict[str, Any]", response.context_data)
    context["codlet_sessions"] = {
        "listed": active[:MAX_SHOWN],
        "is_cut": len(active) > MAX_SHOWN,
        "knows_clients": any(row.user_agent or row.ip_address for row in active),
        "own": getattr(request, "codlet_session", None),
        "list_url": _list_url(subject, site),
        "button": button,
        "host_template": response.resolve_template(response.template_name),
    }
    context["media"] = context["media"] + STYLES
    response.template_name = _TEMPLATE
    return response


def _list_url(subject: str, site: AdminSite) -> str:
    if not site.is_registered(Session):
        return ""
    url = reverse("admin:codlet_sessions_session_changelist", current_app=site.name)
    return f"{url}?{urlencode({'subject': subject})}"
