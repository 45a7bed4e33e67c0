"""The sessions of a user, on the user's page in the admin, and the ways to end them all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from codlet_sessions.admin.confirming import Way, ask, carry_out
from codlet_sessions.admin.facts import moment_of
from codlet_sessions.admin.permissions import may_end_sessions, may_view_sessions
from codlet_sessions.admin.user_page import Button, rows, with_sessions
from codlet_sessions.admin.user_plans import OfUsers

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = object

MAX_USERS: Final = 500
"""How many users' sessions can be ended at once: each costs a statement, and SQLite allows 999 parameters."""

_CONFIRMED: Final = "end_all_sessions"
_ORIGIN: Final = "from_user"


class SessionsOfUserAdmin(_ModelAdmin):
    """
    A mixin for an admin of AUTH_USER_MODEL: shows the sessions of a user, and ends them all.

    A user's page gets a section with the newest active sessions, below the form and in no way part of it, and a
    button that ends all; the list of users gets an action. Looking needs ``codlet_sessions.view_session``, ending
    ``codlet_sessions.revoke_session`` besides. The admin of AUTH_USER_MODEL on the default site has the mixin already,
    unless it was registered too late; it comes first among the bases: ``class UserAdmin(SessionsOfUserAdmin, …)``.
    """

    def __init__(self, model: type[Any], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        if self.actions is not None and "end_sessions_of_users" not in self.actions:  # None: the site wants none
            self.actions = [*self.actions, "end_sessions_of_users"]

    def has_end_sessions_permission(self, request: HttpRequest) -> bool:
        """Whoever may look at sessions and holds ``codlet_sessions.revoke_session``."""
        return may_end_sessions(request, self.admin_site)

    @admin.action(permissions=["end_sessions"], description=_("End all sessions of selected users"))
    def end_sessions_of_users(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """Ask whether all sessions of the selected users shall end."""
        return self._end_sessions(request, list(queryset.order_by("pk")[: MAX_USERS + 1]))

    def get_urls(self) -> list[URLPattern]:
        """Return the page that asks, and ends when it is confirmed, besides those that there are."""
        view = self.admin_site.admin_view(self.end_sessions_view)
        return [path("end-sessions/", view, name=_url_name(self, "end_sessions")), *super().get_urls()]

    def end_sessions_view(self, request: HttpRequest) -> HttpResponse:
        """Ask whether all sessions of the posted users shall end, or end them when that was confirmed."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (self.has_view_or_change_permission(request) and self.has_end_sessions_permission(request)):
            raise PermissionDenied
        keys = [self._key_of(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME)[: MAX_USERS + 1]]
        return self._end_sessions(request, list(self.get_queryset(request).filter(pk__in=keys)))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """Show the user's sessions below the form, to whoever may look at them."""
        response = super().render_change_form(request, context, add, change, form_url, obj)
        is_shown = obj is not None and change and not context.get("is_popup")
        if not (is_shown and isinstance(response, TemplateResponse) and may_view_sessions(request, self.admin_site)):
            return response
        button = self._button(request, obj) if self.has_end_sessions_permission(request) else None
        return with_sessions(response, request, obj, self.admin_site, button)

    def _end_sessions(self, request: HttpRequest, users: Sequence[Any]) -> HttpResponse:
        if not all(self.has_view_or_change_permission(request, user) for user in users):
            raise PermissionDenied
        plan, origin = OfUsers(users, rows(), moment_of(request)), _origin(request, users)
        back_url = self._url(request, "change", origin) if origin else self._url(request, "changelist")
        if len(users) > MAX_USERS:
            bound = number_format(MAX_USERS, force_grouping=True)
            text = gettext("Nothing was ended: select %(bound)s users at most.") % {"bound": bound}
            self.message_user(request, text, messages.ERROR)
        elif _CONFIRMED in request.POST:
            carry_out(self, request, plan, asked=len(users))
        elif plan.session_count:
            return ask(self, request, plan, self._way(request, users, origin, back_url))
        else:
            nothing = gettext("None of these users has an active session: there is nothing to end.")
            self.message_user(request, nothing, messages.WARNING)
        return HttpResponseRedirect(back_url)

    def _way(self, request: HttpRequest, users: Sequence[Any], origin: str, back_url: str) -> Way:
        chosen = [(ACTION_CHECKBOX_NAME, str(user.pk)) for user in users]
        posted = [*chosen, (_CONFIRMED, "yes"), (_ORIGIN, origin)]
        return Way(self._url(request, "changelist"), self._url(request, "end_sessions"), back_url, posted)

    def _button(self, request: HttpRequest, user: Any) -> Button:
        key = str(user.pk)
        return Button(self._url(request, "end_sessions"), [(ACTION_CHECKBOX_NAME, key), (_ORIGIN, key)])

    def _url(self, request: HttpRequest, page: str, *keys: str) -> str:
        name = f"admin:{_url_name(self, page)}"
        url = reverse(name, args=[quote(key) for key in keys], current_app=self.admin_site.name)
        filters: Any = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
        return str(add_preserved_filters(filters, url))

    def _key_of(self, text: str) -> Any:
        try:
            return self.opts.pk.clean(text, cast(Any, None))
        except ValidationError:
            raise BadRequest("The users are not named by their primary keys.") from None


def _url_name(model_admin: SessionsOfUserAdmin, page: str) -> str:
    return f"{model_admin.opts.app_label}_{model_admin.opts.model_name}_{page}"


def _origin(request: HttpRequest, users: Sequence[Any]) -> str:
    # The user's page that the button is on, and no other address; on the list, there is none.
    origin = request.POST.get(_ORIGIN, "")
    return origin if origin in [str(user.pk) for user in users] else ""
