"""Users who are no longer there, found out about when a session of theirs is used."""

from typing import Any

from asgiref.sync import sync_to_async

from codlet_sessions.engine import EngineSession
from codlet_sessions.records import RevocationReason
from codlet_sessions.subjects import outdated_reason, user_as_it_is


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
    return outdated_reason(user_as_it_is(user_id), None)
