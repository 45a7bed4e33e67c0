"""A session at its birth: the only value that carries a secret."""

from datetime import timedelta
from uuid import UUID

from django.http.response import HttpResponseBase
from django.utils import timezone

from codlet_sessions.cookies import CookiePolicy
from codlet_sessions.errors import SecretSpent
from codlet_sessions.records import ActiveSessionRecord
from codlet_sessions.secrets import SessionSecret


class IssuedSession:
    """
    A session that has just been issued, with its secret until a response has taken it.

    Attributes:
        record: What `SessionManager.validate` would return for it.

    """

    __slots__ = ("_cookie", "_is_persistent", "_secret", "record")

    def __init__(
        self,
        record: ActiveSessionRecord,
        secret: SessionSecret,
        cookie: CookiePolicy,
        persistent: bool | None = None,
    ) -> None:
        self.record = record
        self._secret: SessionSecret | None = secret
        self._cookie = cookie
        self._is_persistent = cookie.persistent if persistent is None else persistent

    @property
    def id(self) -> UUID:
        """The session's public name. Not a credential."""
        return self.record.id

    @property
    def secret(self) -> SessionSecret:
        """
        The secret, for a client that takes it otherwise than by cookie: ``issued.secret.expose()``.

        Raises:
            SecretSpent: A response has taken it.

        """
        if self._secret is None:
            raise SecretSpent(f"The secret of session {self.id} is gone: a response has taken it to the browser.")
        return self._secret

    def set_cookie(self, response: HttpResponseBase) -> None:
        """
        Put the secret into the response's cookie and forget it. The response becomes ``Cache-Control: no-store``.

        Raises:
            SecretSpent: A response has taken it.

        """
        self._cookie.put(response, self.secret, self._lifetime if self._is_persistent else None)
        self._secret = None

    @property
    def _lifetime(self) -> timedelta:
        return self.record.expires_at - timezone.now()

    def __repr__(self) -> str:
        return f"<IssuedSession {self.id}>"
