"""Who may see and end sessions on pages that are not theirs. Where sessions have an admin, it decides."""

from typing import Any

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest

from codlet_sessions.models import Session


def may_view_sessions(request: HttpRequest, site: AdminSite) -> bool:
    """Return whether the viewer may look at sessions: ``codlet_sessions.view_session``."""
    sessions_admin = _admin_of_sessions(site)
    if sessions_admin is None:
        return bool(request.user.has_perm("codlet_sessions.view_session"))
    return bool(sessions_admin.has_view_permission(request))


def may_end_sessions(request: HttpRequest, site: AdminSite) -> bool:
    """Return whether the viewer may end sessions, too: ``codlet_sessions.revoke_session`` besides."""
    sessions_admin = _admin_of_sessions(site)
    may_revoke = getattr(sessions_admin, "has_revoke_permission", None) or (
        lambda request: request.user.has_perm("codlet_sessions.revoke_session")
    )
    return may_view_sessions(request, site) and bool(may_revoke(request))


def _admin_of_sessions(site: AdminSite) -> Any:
    return site.get_model_admin(Session) if site.is_registered(Session) else None
