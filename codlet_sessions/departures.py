"""Users who are no longer there, found out about when a session of theirs is used."""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import router

from codlet_sessions.engine import EngineSession
from codlet_sessions.records import RevocationReason
from codlet_sessions.subjects import may_sign_in


def departure(session: object) -> RevocationReason | None:
    """
    Return why nobody could be signed in on ``session`` any longer; None if an authentication backend just said no.

    One query, if somebody has signed in on it. Reads the primary: a replica may not know of a user who has just come.
    """
    session_user = session.user_id() if isinstance(session, EngineSession) else None
    return None if session_user is None else _why_gone(session_user)


async def adeparture(session: object) -> RevocationReason | None:
    """Tell as `departure` does, from async code."""
    session_user = session.user_id() if isinstance(session, EngineSession) else None
    return None if session_user is None else await sync_to_async(_why_gone)(session_user)


def _why_gone(user_id: Any) -> RevocationReason | None:
    model = get_user_model()
    user = model._base_manager.using(router.db_for_write(model)).filter(pk=user_id).first()
    if user is None:
        return RevocationReason.USER_DELETED
    return None if may_sign_in(user) else RevocationReason.USER_DEACTIVATED
