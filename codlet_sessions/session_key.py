"""
The two names of a session: its secret, which is ``session_key`` by Django's contract, and its public id.

`KeyedSession` knows under which of them a session goes, and whether the browser does.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase

from codlet_sessions import conf
from codlet_sessions.adoption import ForeignSession
from codlet_sessions.ids import uuid7
from codlet_sessions.records import SessionRecord
from codlet_sessions.secrets import SessionSecret

if TYPE_CHECKING:

    class _SessionBase(SessionBase):
        """Django's, with what its stubs leave out."""

        def _get_session(self, no_load: bool = False) -> dict[str, Any]: ...
        async def _aget_session(self, no_load: bool = False) -> dict[str, Any]: ...
        def _validate_session_key(self, key: str | None) -> bool: ...
else:
    _SessionBase = SessionBase


class KeyedSession(_SessionBase):
    """
    A session and its key.

    Attributes:
        has_new_secret: Whether the session goes under a secret that the browser has not been told.

    """

    has_new_secret = False

    def __init__(self, session_key: str | None = None) -> None:
        # Without Django's own, which looks a serializer up that nobody needs: this is made for nearly every request.
        self._session_key = session_key
        self.accessed = self.modified = False

    @cached_property
    def serializer(self) -> Any:
        """The class that SESSION_SERIALIZER names: for Django's ``encode()`` and ``decode()``."""
        return type(conf.serializer())

    # Kept where nothing that lists an object's attributes shows its text.

    def _get_session_key(self) -> str | None:
        return None if self._secret is None else self._secret.expose()

    def _set_session_key(self, value: str | None) -> None:
        self._secret = SessionSecret(str(value)) if self._validate_session_key(value) else None
        self._record: SessionRecord | None = None
        self._foreign: ForeignSession | None = None
        self._next_id: UUID | None = None
        self.has_new_secret = False

    session_key = property(_get_session_key)
    _session_key = property(_get_session_key, _set_session_key)

    def _get_new_session_key(self) -> str:
        return SessionSecret.generate().expose()  # not looked for first: 256 random bits have not been used before

    async def _aget_new_session_key(self) -> str:
        return SessionSecret.generate().expose()

    @property
    def _id(self) -> UUID:
        """The id of the row, also before that is written."""
        if self._record is not None:
            return self._record.id
        if self._foreign is not None:
            return self._foreign.session_id
        self._next_id = self._next_id or uuid7()
        return self._next_id

    @property
    def _is_unread(self) -> bool:
        """Whether the browser's key has not been looked up: after ``clear()`` there is data without that."""
        return not (self._secret is None or self.has_new_secret or self._record or self._foreign)

    def _secret_of(self, session_key: str | None) -> SessionSecret | None:
        if session_key is None:
            return self._secret if self._foreign is None else SessionSecret(self._foreign.key)
        return SessionSecret(session_key)

    def _secret_to_begin_with(self) -> SessionSecret:
        is_unused = self.has_new_secret and self._record is None
        return self._secret if is_unused and self._secret is not None else self._renew_key()

    def _renew_key(self) -> SessionSecret:
        secret, foreign, session_id = SessionSecret.generate(), self._foreign, self._next_id
        self._session_key = secret.expose()
        self._foreign, self._next_id = foreign, session_id  # the same session, under another secret
        self.has_new_secret = True
        return secret
