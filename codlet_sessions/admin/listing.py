"""The admin's list of sessions, which never reads more of a big table than a page needs."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext

from codlet_sessions.admin.facts import find_facts
from codlet_sessions.models import Session

if TYPE_CHECKING:
    _Paginator = Paginator[Session]
else:
    _Paginator = Paginator


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
