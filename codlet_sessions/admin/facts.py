"""What the admin's pages say of a session that its row alone does not: its state, and the users it names."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.contrib.admin.sites import AdminSite
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet, State
from codlet_sessions.records import RevocationReason
from codlet_sessions.subjects import outdated_reason


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What a page says of one session.

    Attributes:
        state: Its state at the page's one moment.
        left_behind: Why an active one signs nobody in all the same: what became of its user. Its next use will end it.
        user_name: The user it speaks for; "" when its subject is none, or that user is gone.
        user_url: The user's page in the admin; "" when the viewer may not open it.
        revoker: Who revoked it: a user's name, or the subject as it was written down.

    """

    state: State
    left_behind: RevocationReason | None
    user_name: str
    user_url: str
    revoker: str

    @property
    def badge(self) -> str:
        """Which badge the session wears."""
        return str(State.EXPIRED.value if self.left_behind else self.state.value)

    @property
    def standing(self) -> str:
        """What the badge says."""
        return gettext("left behind") if self.left_behind else str(self.state.label)


def moment_of(request: HttpRequest) -> datetime:
    """Return the one moment that everything on the page is judged by."""
    moment: datetime = vars(request).setdefault("codlet_moment", sessions.clock())
    return moment


def find_facts(rows: Iterable[Session], request: HttpRequest, site: AdminSite) -> None:
    """Attach the `Facts` of each of ``rows``, for `facts_of`. One query, however many rows; none if nobody revoked."""
    rows, now = list(rows), moment_of(request)
    names = user_names({row.revoked_by for row in rows if row.revoked_by})
    for row in rows:
        state = State.of(row, now)
        is_a_users = state is State.ACTIVE and row.user_id is not None
        cast(Any, row).facts = Facts(
            state=state,
            left_behind=outdated_reason(row.user, row.auth_hash) if is_a_users else None,
            user_name=row.user.get_username() if row.user else "",
            user_url=_user_url(row.user, request, site) if row.user else "",
            revoker=names.get(row.revoked_by, row.revoked_by),
        )


def facts_of(session: Session) -> Facts:
    """Return what `find_facts` found out about ``session``."""
    return cast(Facts, cast(Any, session).facts)


def user_names(subjects: Iterable[str]) -> dict[str, str]:
    """Return the names of those ``subjects`` that are users, in one query."""
    clean = get_user_model()._meta.pk.clean  # and not to_python: a number too large for the column is nobody's key
    keys = {_value_or_none(clean, subject) for subject in subjects} - {None}
    users = _users().filter(pk__in=keys) if keys else ()
    return {str(user.pk): user.get_username() for user in users}


def matching(rows: SessionQuerySet, term: str) -> SessionQuerySet:
    """
    Return those of ``rows`` whose id, subject or user name is exactly ``term``.

    A user name is turned into its subject first, because the index is on the subject and not on the user. One query
    per index, because a database that is asked for "this id or that subject, newest first" may walk the whole table.
    """
    session_id = _value_or_none(Session._meta.pk.clean, term)
    if session_id is not None and (named := rows.filter(pk=session_id)).exists():
        return named
    return rows.filter(subject__in={term, *(str(user.pk) for user in _users_called(term))})


def _users() -> QuerySet[Any]:
    return get_user_model()._default_manager.all()


def _users_called(name: str) -> QuerySet[Any]:
    model = get_user_model()
    field: Any = model._meta.get_field(model.USERNAME_FIELD)
    value = _value_or_none(lambda text, _: field.to_python(text), name)
    return _users().filter(**{field.name: value})


def _value_or_none(parse: Callable[[str, None], Any], text: str) -> Any:
    try:
        return parse(text, None)
    except ValidationError:
        return None


def _user_url(user: Any, request: HttpRequest, site: AdminSite) -> str:
    model = get_user_model()
    if not site.is_registered(model) or not site.get_model_admin(model).has_view_or_change_permission(request, user):
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(name, args=[quote(user.pk)], current_app=site.name)
