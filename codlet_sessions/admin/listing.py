"""The admin's list of sessions, which never reads more of a big table than a page needs."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from codlet_sessions.admin.facts import State, find_facts, moment_of
from codlet_sessions.api import sessions
from codlet_sessions.models import Session, SessionQuerySet

if TYPE_CHECKING:
    _Paginator = Paginator[Session]
else:
    _Paginator = Paginator

# No key version is blank, so none of them can be taken for this.
_NOT_IN_THE_KEY_RING = " "


class BoundedPaginator(_Paginator):
    """
    Pages through the first `bound` rows, and counts no further than that.

    A count of a whole table reads the whole table, on every page.
    """

    bound = 10_000

    @property
    def count(self) -> int:
        """How many rows can be paged through."""
        return min(self._counted, self.bound)

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows than can be paged through."""
        return self._counted > self.bound

    @cached_property
    def _counted(self) -> int:
        rows = cast("QuerySet[Session]", self.object_list)
        return rows.order_by()[: self.bound + 1].count()


class SessionChangeList(ChangeList):
    """The newest sessions first, and the facts about those on the page."""

    paginator: BoundedPaginator

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the one order that an index gives: ids grow with time."""
        return ["-id"]

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, and what it says of its sessions."""
        super().get_results(request)
        find_facts(self.result_list, request, self.model_admin.admin_site)

    @property
    def cut_note(self) -> str:
        """What to tell people about the sessions that are not listed; "" when all are."""
        if not self.paginator.is_cut:
            return ""
        bound = number_format(self.paginator.bound, force_grouping=True)
        return gettext("The newest %(bound)s are listed; filter or search to narrow them down.") % {"bound": bound}


class StateFilter(admin.SimpleListFilter):
    """Active, expired or revoked: at the moment that the page's badges speak of."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        """Return the three states."""
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the sessions in the chosen state; none, if it is not a state."""
        if (value := self.value()) is None:
            return queryset
        if value not in State.values:
            return queryset.none()
        return State(value).among(cast(SessionQuerySet, queryset), moment_of(request))


class KeyVersionFilter(admin.SimpleListFilter):
    """The versions in the key ring: a DISTINCT over the table would read all of it."""

    title = _("key version")
    parameter_name = "key_version"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        """Return the key ring's versions, and one choice for all others."""
        versions = [(version, version) for version in sessions.hasher.key_ring.versions]
        return [*versions, (_NOT_IN_THE_KEY_RING, _("other (not in the key ring)"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the sessions stored under the chosen version."""
        if self.value() is None:
            return queryset
        if self.value() == _NOT_IN_THE_KEY_RING:
            return queryset.exclude(key_version__in=sessions.hasher.key_ring.versions)
        return queryset.filter(key_version=self.value())


class SubjectFilter(admin.SimpleListFilter):
    """The one subject that the address names: a user's page links here. There is nothing to choose otherwise."""

    title = _("subject")
    parameter_name = "subject"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        """Return the subject that the address names; without one, the filter is not shown."""
        value = self.value()
        return [] if value is None else [(value, value or _("anonymous"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the sessions of that subject, and of nobody whose name is only similar."""
        value = self.value()
        return queryset if value is None else cast(SessionQuerySet, queryset).of_subject(value)
