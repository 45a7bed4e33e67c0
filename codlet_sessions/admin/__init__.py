"""
Sessions in the admin: to be looked at and revoked, by those who may.

Nothing here adds, edits or deletes: a session is begun by signing in, and its row is the record of what happened.
Neither lookup keys nor session data are read from the database, let alone shown.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from django.contrib import admin
from django.db import router
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from codlet_sessions.admin.equipping import equip_while_discovering
from codlet_sessions.admin.facts import facts_of, find_facts, matching
from codlet_sessions.admin.filters import KeyVersionFilter, ReasonFilter, StateFilter, SubjectFilter
from codlet_sessions.admin.listing import BoundedPaginator, SessionChangeList
from codlet_sessions.admin.over_time import OverTimeAdmin
from codlet_sessions.admin.reasons import RAN_OUT, in_words
from codlet_sessions.admin.revoking import RevokingAdmin
from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet, State

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Session]
else:
    _ModelAdmin = admin.ModelAdmin

_NEVER_READ: Final = ("lookup_key", "data")
_NEVER_SHOWN: Final = (*_NEVER_READ, "auth_hash", "device")


@admin.register(Session)
class SessionAdmin(OverTimeAdmin, RevokingAdmin, _ModelAdmin):
    """Lists, shows, draws and revokes sessions. Looking needs ``view_session``, revoking ``revoke_session`` besides."""

    list_display = ("short_id", "state", "speaks_for", "created", "expires", "why_it_ended", "by_whom", "key_version")
    list_filter = (StateFilter, ReasonFilter, KeyVersionFilter, SubjectFilter)
    ordering = ("-id",)
    paginator = BoundedPaginator
    search_fields = ("subject",)  # get_search_results() says what is searched; this shows the box
    search_help_text = _("The whole id, subject or user name.")
    show_facets = admin.ShowFacets.NEVER  # each would be a COUNT over the whole table
    show_full_result_count = False
    sortable_by = ()

    class Media:
        css: ClassVar = {"all": ["codlet_sessions/admin.css"]}

    # What may be done

    def has_add_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        """Nobody: who wants a session signs in."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        """Nobody: a session is what happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        """Nobody: ``purge_sessions`` deletes, when it is time."""
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Whatever Django allows, but for what is never shown: ``?lookup_key__startswith=`` would tell it by and by."""
        return lookup.split(LOOKUP_SEP)[0] not in _NEVER_SHOWN and super().lookup_allowed(lookup, value, request)

    # What is read

    def get_queryset(self, request: HttpRequest) -> SessionQuerySet:
        """Return all sessions, from where they are written: a replica may not know yet what has been revoked."""
        rows = super().get_queryset(request).using(router.db_for_write(Session))
        return cast(SessionQuerySet, rows.select_related("user").defer(*_NEVER_READ))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Session], search_term: str
    ) -> tuple[QuerySet[Session], bool]:
        """Return the sessions whose id, subject or user name is exactly ``search_term``."""
        term = search_term.strip()
        return (matching(cast(SessionQuerySet, queryset), term) if term else queryset), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Session | None:
        """Return one session, with the facts about it."""
        session = super().get_object(request, object_id, from_field)
        find_facts([session] if session else [], request, self.admin_site)
        return session

    # What is shown

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SessionChangeList]:
        """Return our own list."""
        return SessionChangeList

    def get_fieldsets(self, request: HttpRequest, obj: Session | None = None) -> list[tuple[Any, Any]]:
        """Return what a session's page shows: of its revocation only if there was one."""
        revocation = (_("Revocation"), {"fields": ["revoked_at", "reason", "by_whom"]})
        return [
            (None, {"fields": ["id", "state", "speaks_for", "key_version"]}),
            (
                _("Times"),
                {"fields": ["created_at", "authenticated_at", "last_seen_at", "idle_expires_at", "expires_at"]},
            ),
            *([revocation] if obj and obj.revoked_at else []),
            (_("Client"), {"fields": ["ip_address", "user_agent"]}),
        ]

    @admin.display(description=_("id"))
    def short_id(self, session: Session) -> str:
        """Return the end of the id: its beginning is the time, and much the same in neighbouring rows."""
        return format_html('<span class="codlet-id" title="{}">…{}</span>', session.id, session.id.hex[-8:])

    @admin.display(description=_("state"))
    def state(self, session: Session) -> str:
        """Return the state, as a badge."""
        facts = facts_of(session)
        return format_html('<span class="codlet-state codlet-{}">{}</span>', facts.badge, facts.standing)

    @admin.display(description=_("subject"))
    def speaks_for(self, session: Session) -> str:
        """Return the subject, and its user's name with the way there."""
        facts = facts_of(session)
        if not session.subject:
            return format_html('<span class="codlet-quiet">{}</span>', _("anonymous"))
        if not facts.user_name:
            return session.subject if session.user_id is None else _with_aside(session.subject, _("deleted user"))
        name = (
            format_html('<a href="{}">{}</a>', facts.user_url, facts.user_name) if facts.user_url else facts.user_name
        )
        return _with_aside(name, session.subject)

    @admin.display(description=_("created"))
    def created(self, session: Session) -> str:
        """Return when the session began."""
        return _on_two_lines(session.created_at)

    @admin.display(description=_("expires"))
    def expires(self, session: Session) -> str:
        """Return when the session ends by itself."""
        return _on_two_lines(session.expires_at)

    @admin.display(description=_("why it ended"))
    def why_it_ended(self, session: Session) -> str | None:
        """Return why the session is over, in words, and since when; None while it is active."""
        if session.revoked_at is None:
            facts = facts_of(session)
            return in_words(facts.left_behind) if facts.left_behind else _end_in_words(facts.state)
        return _with_aside(self.reason(session), date_format(_local(session.revoked_at), "DATETIME_FORMAT"))

    @admin.display(description=_("reason"))
    def reason(self, session: Session) -> str:
        """Return why the session was revoked, in words."""
        return in_words(session.revoked_reason)

    @admin.display(description=_("by whom"))
    def by_whom(self, session: Session) -> str | None:
        """Return who ended the session: a user's name, or a subject as it was written down."""
        return facts_of(session).revoker or None


def _end_in_words(state: State) -> str | None:
    return str(RAN_OUT) if state is State.EXPIRED else None


def _local(moment: datetime) -> datetime:
    return cast(datetime, cast(Any, timezone).template_localtime(moment))  # which leaves naive moments alone


def _with_aside(text: str, aside: object) -> str:
    return format_html('{} <span class="codlet-quiet">{}</span>', text, aside)


def _on_two_lines(moment: datetime) -> str:
    date, time = date_format(_local(moment), "DATE_FORMAT"), date_format(_local(moment), "TIME_FORMAT")
    return format_html('<span class="codlet-date">{}</span> <span class="codlet-quiet">{}</span>', date, time)


equip_while_discovering()
