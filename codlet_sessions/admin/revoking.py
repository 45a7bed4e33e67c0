"""The admin's way to end sessions: ask, show what would happen, do it, say what happened."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from codlet_sessions.admin.confirming import CONFIRMATION_TEMPLATE, Way, ask, carry_out
from codlet_sessions.admin.facts import facts_of, moment_of
from codlet_sessions.admin.pages import IS_BEFORE_6_1
from codlet_sessions.admin.plans import OfSessions, OfSubjects, among
from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet, State

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    _ModelAdmin = admin.ModelAdmin[Session]
else:
    _ModelAdmin = object

Plan: TypeAlias = OfSessions | OfSubjects

_CONFIRMED: Final = "confirmed_sessions"
_ORIGIN: Final = "from_session"

_ActionLocation: Any = getattr(admin, "ActionLocation", None)


def _revocation(*, one: "StrOrPromise", many: "StrOrPromise") -> Callable[[Callable[..., Any]], Any]:
    action: Any = admin.action
    if IS_BEFORE_6_1:
        declare = action(permissions=["revoke"], description=many)
    else:
        places = [_ActionLocation.CHANGE_FORM, _ActionLocation.CHANGE_LIST]
        declare = action(permissions=["revoke"], description=one, description_plural=many, location=places)
    return cast("Callable[[Callable[..., Any]], Any]", declare)


class RevokingAdmin(_ModelAdmin):
    """
    Adds two actions to an admin of sessions: end the selected, and end all of the selected subjects.

    Both go to a confirmation page first. What it shows is what it posts back, session by session, so that a session
    that began in between is not ended unseen.
    """

    actions = ("revoke_selected", "revoke_subjects")
    confirmation_template = CONFIRMATION_TEMPLATE

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever holds ``codlet_sessions.revoke_session``."""
        return bool(request.user.has_perm("codlet_sessions.revoke_session"))

    @_revocation(one=_("Revoke this session"), many=_("Revoke selected sessions"))
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse:
        """End the selected sessions."""
        return self._revoke(request, queryset, OfSessions)

    @_revocation(one=_("Revoke all sessions of this subject"), many=_("Revoke all sessions of the selected subjects"))
    def revoke_subjects(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse:
        """End every session of whoever the selected ones speak for."""
        return self._revoke(request, queryset, OfSubjects)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Session | None = None,
    ) -> HttpResponse:
        """Offer the actions beside an active session, and beside no other."""
        if obj is None or facts_of(obj).state is not State.ACTIVE:
            context["action_form"] = None
        elif IS_BEFORE_6_1 and self.has_revoke_permission(request):
            context |= {"revocations": _tools_for(obj), "action_checkbox_name": ACTION_CHECKBOX_NAME}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _revoke(self, request: HttpRequest, queryset: QuerySet[Session], kind: type[Plan]) -> HttpResponse:
        confirmed, table = _confirmed_ids(request), cast(SessionQuerySet, self.get_queryset(request))
        chosen = among(table, confirmed) if confirmed else self._listed(queryset)
        plan = kind(chosen, table, moment_of(request))
        if confirmed:
            carry_out(self, request, plan, asked=len(confirmed))
        elif plan.session_count:
            return self._ask(request, plan)
        else:
            nothing = gettext("None of these sessions is active: there is nothing to revoke.")
            self.message_user(request, f"{nothing} {plan.note}", messages.WARNING)
        return HttpResponseRedirect(self._way_back(request))

    def _listed(self, queryset: QuerySet[Session]) -> list[Session]:
        # "Select all" means all that the list pages through.
        return list(queryset.order_by("-id")[: cast(Any, self.paginator).bound])

    def _ask(self, request: HttpRequest, plan: Plan) -> HttpResponse:
        list_url = self._with_filters(request, "changelist")
        way = Way(list_url, list_url, self._way_back(request), self._posted(plan, _origin(request)))
        return ask(self, request, plan, way)

    def _posted(self, plan: Plan, origin: str) -> list[tuple[str, str]]:
        ids = [str(row.id) for row in plan.marked]
        return [
            ("action", plan.action),
            (ACTION_CHECKBOX_NAME, ids[0]),  # without which Django takes this for no action
            (_CONFIRMED, " ".join(ids)),  # one field, because DATA_UPLOAD_MAX_NUMBER_FIELDS is 1000
            (_ORIGIN, origin),
        ]

    def _way_back(self, request: HttpRequest) -> str:
        origin = _origin(request)
        return self._with_filters(request, "change", origin) if origin else self._with_filters(request, "changelist")

    def _with_filters(self, request: HttpRequest, page: str, *ids: str) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
        url = reverse(name, args=[quote(some_id) for some_id in ids], current_app=self.admin_site.name)
        filters: Any = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
        return str(add_preserved_filters(filters, url))


def _tools_for(session: Session) -> list[tuple[str, str]]:
    tools = [(OfSessions.action, gettext("Revoke this session"))]
    if session.subject:
        tools.append((OfSubjects.action, gettext("Revoke all sessions of this subject")))
    return tools


def _confirmed_ids(request: HttpRequest) -> Sequence[UUID]:
    try:
        return [UUID(text) for text in request.POST.get(_CONFIRMED, "").split()]
    except ValueError:
        raise BadRequest("The sessions to revoke are not named by their ids.") from None


def _origin(request: HttpRequest) -> str:
    # The session's page that the action was started on; on the list, there is none.
    on_its_page = request.resolver_match.kwargs.get("object_id", "") if request.resolver_match else ""
    return request.POST.get(_ORIGIN) or on_its_page
