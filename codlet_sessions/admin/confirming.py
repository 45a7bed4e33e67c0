"""From a revocation that somebody asked for to what became of it: the page in between, and the words afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext

from codlet_sessions.admin.facts import find_facts
from codlet_sessions.admin.history import History
from codlet_sessions.admin.pages import page_context
from codlet_sessions.admin.plans import Step
from codlet_sessions.errors import StoreError
from codlet_sessions.models import Session
from codlet_sessions.records import ActiveSessionRecord

CONFIRMATION_TEMPLATE: Final = "admin/codlet_sessions/session/revoke_confirmation.html"


class Plan(Protocol):
    """A revocation: see `codlet_sessions.admin.plans` for what each of these means."""

    history_note: str

    @property
    def session_count(self) -> int: ...  # noqa: D102

    @property
    def whose(self) -> str: ...  # noqa: D102

    @property
    def listed(self) -> list[Session]: ...  # noqa: D102

    @property
    def note(self) -> str: ...  # noqa: D102

    def includes(self, own: ActiveSessionRecord) -> bool: ...  # noqa: D102

    def carry_out(self, by: Any) -> Iterator[Step]: ...  # noqa: D102

    def report(self, ended: int, asked: int) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Way:
    """
    Where the confirmation page stands, and where it leads.

    Attributes:
        list_url: The list that it belongs to.
        confirm_url: Where its button posts ``posted`` to.
        back_url: Where "Cancel" leads.
        posted: The hidden fields, by name and value; a name may come more than once.

    """

    list_url: str
    confirm_url: str
    back_url: str
    posted: Sequence[tuple[str, str]]


def ask(model_admin: "ModelAdmin[Any]", request: HttpRequest, plan: Plan, way: Way) -> HttpResponse:
    """Return the page that shows what ``plan`` would end, and asks whether it shall."""
    find_facts(plan.listed, request, model_admin.admin_site)
    own = getattr(request, "codlet_session", None)
    context = {
        **page_context(model_admin, request, gettext("Revoke sessions"), way.list_url),
        "plan": plan,
        "sessions": ngettext("%d active session", "%d active sessions", plan.session_count) % plan.session_count,
        "unlisted_count": plan.session_count - len(plan.listed),
        "own": own if own and plan.includes(own) else None,
        "way": way,
    }
    template = getattr(model_admin, "confirmation_template", CONFIRMATION_TEMPLATE)
    return TemplateResponse(request, template, context)


def carry_out(model_admin: "ModelAdmin[Any]", request: HttpRequest, plan: Plan, asked: int) -> None:
    """End what ``plan`` says, write the history, and leave a message about how many of ``asked`` it were."""
    history = History(request.user.pk, plan.history_note)
    try:
        with history:
            for step in plan.carry_out(request.user):
                history.add(*step)
    except StoreError as error:
        report = plan.report(history.ended, history.ended)
        advice = gettext("The others may still be active: %s Please try again.") % error
        model_admin.message_user(request, f"{report} {advice}", messages.ERROR)
    else:
        level = messages.SUCCESS if history.ended else messages.WARNING
        model_admin.message_user(request, plan.report(history.ended, asked), level)
