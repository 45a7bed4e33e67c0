"""What the list of sessions can be narrowed down to. No filter asks the table what there is to choose."""

from typing import Any, Final, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from codlet_sessions.admin import reasons
from codlet_sessions.admin.facts import moment_of
from codlet_sessions.api import sessions
from codlet_sessions.querysets import SessionQuerySet, State

# No key version and no reason is blank, so none of them can be taken for these.
_NOT_IN_THE_KEY_RING: Final = " "
_WORDS_OF_THE_SITE: Final = " "


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


class ReasonFilter(admin.SimpleListFilter):
    """The reasons that have a label, and one choice for the site's own: a DISTINCT would read the whole table."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        """Return the reasons that have a label, and one choice for all others."""
        return [*reasons.LABELS.items(), (_WORDS_OF_THE_SITE, _("another reason"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the sessions that were ended for the chosen reason."""
        if self.value() is None:
            return queryset
        revoked = cast(SessionQuerySet, queryset).revoked()
        if self.value() == _WORDS_OF_THE_SITE:
            return revoked.exclude(revoked_reason__in=list(reasons.LABELS))
        return revoked.filter(revoked_reason=self.value())


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
