"""The page that draws how many sessions there were, day by day. It reads the censuses, never the table of sessions."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import router
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from codlet_sessions.admin.charts import Chart, Series, days_until, stacked_bars
from codlet_sessions.admin.facts import moment_of
from codlet_sessions.admin.pages import page_context
from codlet_sessions.admin.tallies import by_key, by_state, figures
from codlet_sessions.api import sessions
from codlet_sessions.census import count_sessions, day_of
from codlet_sessions.models import Census, Session
from codlet_sessions.querysets import CensusQuerySet, SessionQuerySet

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    _ModelAdmin = admin.ModelAdmin[Session]
else:
    _ModelAdmin = object

PERIODS: Final[dict[str, "StrOrPromise"]] = {"30": _("30 days"), "90": _("90 days"), "400": _("400 days")}
COUNTED_LIVE: Final = 100_000
"""How large the table may be to be counted for the page, while nobody has taken a census."""

_HEIGHT, _SMALL_HEIGHT = 260, 170


class Drawing(NamedTuple):
    """One chart with its legend and the same numbers as a table."""

    id: str
    title: str
    chart: Chart
    legend: list[tuple[Series, str]]
    names: list[str]
    figures: list[tuple[date, list[str]]]


class OverTimeAdmin(_ModelAdmin):
    """Adds the page "Sessions over time" to an admin of sessions, for whoever may look at them."""

    over_time_template = "admin/codlet_sessions/session/over_time.html"

    def get_urls(self) -> list[URLPattern]:
        """Return the page besides those that there are."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_over_time"
        return [path("over-time/", self.admin_site.admin_view(self.over_time_view), name=name), *super().get_urls()]

    def over_time_view(self, request: HttpRequest) -> HttpResponse:
        """Draw the sessions of the last days. One query for the censuses, however many sessions there are."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        period = request.GET.get("days", "")
        period = period if period in PERIODS else "90"
        days = days_until(day_of(moment_of(request)), int(period))
        rows = list(CensusQuerySet(Census, using=router.db_for_write(Census)).since(days[0]))
        taken = bool(rows)
        rows = rows or _counted_now(request)
        list_url = reverse("admin:codlet_sessions_session_changelist", current_app=self.admin_site.name)
        context = {
            **page_context(self, request, gettext("Sessions over time"), list_url),
            "drawings": _drawings(rows, days) if rows else [],
            "is_live": not taken,
            "under_old_keys": _under_old_keys(rows),
            "periods": [(value, label, value == period) for value, label in PERIODS.items()],
        }
        return TemplateResponse(request, self.over_time_template, context)


def _counted_now(request: HttpRequest) -> list[Census]:
    every = SessionQuerySet(Session, using=router.db_for_write(Session))
    is_small = every.order_by()[: COUNTED_LIVE + 1].count() <= COUNTED_LIVE
    return count_sessions(now=moment_of(request)) if is_small else []


def _drawings(rows: Sequence[Census], days: Sequence[date]) -> list[Drawing]:
    states, keys = by_state(rows), by_key(rows, sessions.hasher.key_ring)
    return [
        _drawing("states", gettext("By state"), states, days, _HEIGHT),
        _drawing("keys", gettext("Active sessions by key version"), keys, days, _SMALL_HEIGHT),
    ]


def _drawing(name: str, title: str, series: Sequence[Series], days: Sequence[date], height: int) -> Drawing:
    def describe(day: date) -> str:
        counts = ", ".join(f"{_grouped(one.counts.get(day, 0))} {one.name}" for one in series)
        return f"{date_format(day, 'DATE_FORMAT')}: {counts}"

    chart = stacked_bars(series, days, height, say_count=abbreviated, say_day=_short, describe=describe)
    table = [(row.day, list(map(_grouped, row.counts))) for row in figures(series)]
    latest = table[0][1] if table else ["0"] * len(series)
    # The legend reads from top to bottom, as the bars do.
    legend = list(zip(series, latest, strict=True))[::-1]
    return Drawing(f"codlet-{name}", title, chart, legend, [one.name for one in series], table)


def _under_old_keys(rows: Sequence[Census]) -> dict[str, Any] | None:
    """Return how many of the active sessions that were counted last are not under the active key."""
    latest = max((row.day for row in rows), default=None)
    active_key = sessions.hasher.key_ring.active_version
    series = by_key([row for row in rows if row.day == latest], sessions.hasher.key_ring)
    counts = {one.name: sum(one.counts.values()) for one in series}
    every = sum(counts.values())
    if not every:
        return None
    old = every - counts[active_key]
    percent = number_format(100 * old / every, 1 if 0 < old < every else 0)
    return {"day": latest, "old": _grouped(old), "all": _grouped(every), "percent": percent, "key": active_key}


def abbreviated(count: int) -> str:
    """Return a round number briefly: 1500 as "1.5k", 20000000 as "20M"."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return number_format(count / size, 0 if count % size == 0 else 1) + unit
    return str(count)


def _grouped(count: int) -> str:
    return number_format(count, force_grouping=True)


def _short(day: date) -> str:
    return date_format(day, "j M")
