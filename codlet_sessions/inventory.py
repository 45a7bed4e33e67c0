"""The sessions of a visitor, as a page and a program show them: in words, and never with anything that opens one."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from codlet_sessions import conf
from codlet_sessions.api import sessions
from codlet_sessions.devices import Device, device_of
from codlet_sessions.records import ListedSession
from codlet_sessions.visitors import Visitor

logger = logging.getLogger("codlet_sessions")


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One session of the list.

    Attributes:
        session: The session.
        device: What its client says it is.
        place: Where its network address is, if the host knows of a way to tell; else None.
        is_current: Whether it is the one that the list was asked for in.

    """

    session: ListedSession
    device: Device
    place: str | None
    is_current: bool

    def as_json(self) -> dict[str, Any]:
        """Return the entry as a program gets it; moments are ISO 8601 in UTC."""
        session, device = self.session, self.device
        return {
            "id": str(session.id),
            "is_current": self.is_current,
            "device": device.name,
            "browser": device.browser,
            "system": device.system,
            "kind": device.kind,
            "user_agent": session.user_agent,
            "ip_address": session.ip_address,
            "place": self.place,
            "created_at": session.created_at.isoformat(),
            "signed_in_at": session.authenticated_at.isoformat(),
            "last_seen_at": session.last_seen_at and session.last_seen_at.isoformat(),
            "ends_at": session.ends_at.isoformat(),
        }


def entries_of(visitor: Visitor) -> list[Entry]:
    """
    Return the active sessions of ``visitor``: the one in use first, then the newest.

    One query, however many there are.

    Raises:
        StoreError: The store could not answer.

    """
    listed = sessions.list_active(visitor.subject_or_user)
    places = _places({session.ip_address for session in listed if session.ip_address})
    entries = [
        Entry(
            session,
            device_of(session.user_agent),
            places.get(session.ip_address or ""),
            session.id == visitor.session.id,
        )
        for session in listed
    ]
    return sorted(entries, key=lambda entry: not entry.is_current)


def end(visitor: Visitor, session_id: UUID) -> bool:
    """
    End a session of ``visitor`` for good (reason "requested").

    Returns:
        Whether there was one. An id of somebody else's session is answered as one that nobody has.

    Raises:
        StoreError: The store could not answer.

    """
    if all(session.id != session_id for session in sessions.list_active(visitor.subject_or_user)):
        return False
    sessions.revoke(session_id, by=visitor.subject_or_user)  # False if another request was first: it has ended, too
    return True


def end_others(visitor: Visitor) -> int:
    """
    End all sessions of ``visitor`` but the one in use (reason "requested"). Return how many those were.

    Raises:
        StoreError: The store could not answer.

    """
    return sessions.revoke_all(visitor.subject_or_user, visitor.session.id, by=visitor.subject_or_user)


def _places(addresses: Iterable[str]) -> dict[str, str | None]:
    place_of = conf.client_place()
    places: dict[str, str | None] = {}
    for address in addresses:
        try:
            places[address] = place_of(address)
        except Exception:  # the host's own; the list is worth more than a name in it
            logger.warning("CODLET_SESSIONS['CLIENT_PLACE'] failed.", exc_info=True)
    return places
