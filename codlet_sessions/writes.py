"""What a write into a session asks for, what it leaves behind, and that it came too late."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.sessions.backends.base import UpdateError

from codlet_sessions.errors import CodletSessionError
from codlet_sessions.records import ClientFacts, SessionRecord
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.subjects import Subject


class SessionOver(CodletSessionError, UpdateError):
    """
    A write found that its session has ended, or goes on under another secret: nothing was written.

    Attributes:
        is_superseded: Whether the same browser has moved on, by signing in or out in another request.
        is_harmless: Whether nobody loses anything by it: it is superseded, or there was nothing new to write.

    """

    def __init__(self, message: str, *, is_superseded: bool = False) -> None:
        super().__init__(message)
        self.is_superseded = is_superseded
        self.is_harmless = is_superseded


@dataclass(frozen=True, slots=True)
class Beginning:
    """
    What a new session starts with beside its data.

    Attributes:
        created_at, expires_at: Its first and its last moment.
        signed_in_at: When its subject proved who that is; for an anonymous one, when it began.
        subject: Who that is, if the data does not say.
        is_persistent: Whether the browser keeps the cookie when it closes; None leaves that to the host's settings.
        client: What is to be known of the client, if somebody signed in.

    """

    created_at: datetime
    expires_at: datetime
    signed_in_at: datetime
    subject: Subject | None = None
    is_persistent: bool | None = None
    client: ClientFacts | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """
    What a write changes beside the data.

    Attributes:
        secret: The session goes on under this one, and the one before is dead.
        expires_at: Its end moves to this moment.
        signed_in_at: Somebody has just proved who they are.
        subject: Who that was, if the data does not say.
        is_persistent: Whether the browser keeps the cookie when it closes, if that is to change.
        client: What is to be known of the client that signed in.

    """

    secret: SessionSecret | None = None
    expires_at: datetime | None = None
    signed_in_at: datetime | None = None
    subject: Subject | None = None
    is_persistent: bool | None = None
    client: ClientFacts | None = None

    @property
    def moves_the_end_at_most(self) -> bool:
        """Whether nothing is lost if it is not made."""
        return self.secret is None and self.signed_in_at is None and self.subject is None


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left behind: the row, and the data in it, with what other requests had written."""

    record: SessionRecord
    data: Mapping[str, Any]
