"""What a store takes and gives: frozen values that know nothing of Django or of any database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar, cast
from uuid import UUID

SUPERSEDED_FOR = timedelta(minutes=1)  # longer than a request that began before the new cookie is under way

_Frozen = TypeVar("_Frozen")


def maker_of(kind: type[_Frozen]) -> Callable[..., _Frozen]:
    """
    Return what makes a ``kind``, a frozen dataclass with slots, of all of its values in their order.

    Several times as fast as ``kind`` itself, which has to go around its own ban for each attribute: these are set
    before the object is frozen. Two such objects come into being with each look-up.
    """
    names = [field.name for field in fields(cast(Any, kind))]
    draft: Any = make_dataclass("Draft", names, slots=True)

    def make(*values: object) -> Any:
        made = draft(*values)
        made.__class__ = kind
        return made

    return make


class LookupKey(str):
    """
    HMAC-SHA256 of a secret, as 64 lowercase hex characters: what the database holds in the secret's place.

    Not a credential, but nobody's business either: its ``repr`` is redacted, and no signal, log record or page has it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<lookup key, redacted>"


Candidates: TypeAlias = Sequence[tuple[LookupKey, str]]
"""The ``(lookup_key, key_version)`` pairs that one secret may be stored under, the active key's first."""


class RevocationReason(StrEnum):
    """Why a session was ended. Stored as text of at most 32 characters; a site may use words of its own."""

    REQUESTED = "requested"
    LOGOUT = "logout"
    ROTATED = "rotated"
    ADMINISTRATOR = "administrator"
    CREDENTIALS_CHANGED = "credentials_changed"
    USER_DEACTIVATED = "user_deactivated"
    USER_DELETED = "user_deleted"
    LIMIT = "limit"
    KEY_LOST = "key_lost"


class RejectionReason(StrEnum):
    """Why a cookie stands for no session. For signals and logs; the outside only ever sees "no session"."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    IDLE = "idle"
    REVOKED = "revoked"
    OUTDATED = "outdated"
    KEY_VERSION_MISMATCH = "key_version_mismatch"
    TAMPERED = "tampered"


@dataclass(frozen=True, slots=True)
class Cause:
    """
    Why a session is ended, by whom, and what becomes of what is known of its client.

    Attributes:
        reason: A `RevocationReason`, or a word of the site's own.
        revoked_by: A subject, or "" when nobody in particular did it.
        forgets_client: Whether the client's name and address are forgotten at once.

    """

    reason: str = RevocationReason.REQUESTED
    revoked_by: str = ""
    forgets_client: bool = True


REQUESTED = Cause()


@dataclass(frozen=True, slots=True)
class ActiveSessionRecord:
    """
    A session that was active when it was looked up.

    Attributes:
        id: Its public name, a version 7 UUID. Not a credential.
        subject: Who it speaks for: ``str(user.pk)``, or the string the site chose; "" while nobody has signed in.
        created_at: When it began.
        authenticated_at: When its subject last proved who that is.
        expires_at: The absolute end, which no activity moves.
        last_seen_at: When it was last used, as far as that was written down: see `codlet_sessions.timeouts`.
        idle_expires_at: When it ends if it is not used again; None if that has no end of its own.

    All moments are aware datetimes in UTC.

    """

    id: UUID
    subject: str
    created_at: datetime
    authenticated_at: datetime
    expires_at: datetime
    last_seen_at: datetime | None = None
    idle_expires_at: datetime | None = None

    @property
    def idle_time(self) -> timedelta | None:
        """How long the session may go unused; None for any length."""
        return None if self.idle_expires_at is None else self.idle_expires_at - (self.last_seen_at or self.created_at)

    @property
    def ends_at(self) -> datetime:
        """When the session ends if nobody uses it again, and nobody ends it: for a page that warns of it."""
        return self.expires_at if self.idle_expires_at is None else min(self.expires_at, self.idle_expires_at)


@dataclass(frozen=True, slots=True)
class Outline:
    """
    As much of a stored session as the contract of every store is about: less to read than a `SessionRecord`.

    Attributes:
        lookup_key, key_version: What it is stored under.
        revoked_at: When it was ended; None while it was not.
        session: What the outside may know of it, if it is active.

    """

    lookup_key: LookupKey = field(repr=False)
    key_version: str
    revoked_at: datetime | None
    session: ActiveSessionRecord

    def opens(self, key_version: str, now: datetime) -> bool:
        """Whether a candidate of ``key_version`` opens the session at ``now``, as `SessionRecord.judge` would say."""
        return self.key_version == key_version and self.revoked_at is None and now < self.session.ends_at


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """
    What is known of the client that signed in, as far as the host lets it be recorded.

    Attributes:
        user_agent: What it called itself, at most 256 characters.
        ip_address: Its network address, or the network it is in.
        device: What tells whether the subject has signed in from something like it before: a keyed digest, which says
            nothing to whoever has no key.

    """

    user_agent: str = ""
    ip_address: str | None = None
    device: str | None = field(default=None, repr=False)


NO_FACTS = ClientFacts()


@dataclass(frozen=True, slots=True)
class ListedSession(ActiveSessionRecord):
    """
    An active session as a list shows it to the one whose it is.

    Attributes:
        user_agent, ip_address: As in `ClientFacts`, at the last sign-in.

    """

    user_agent: str = ""
    ip_address: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """
    Why no candidate led to an active session.

    Attributes:
        reason: The inside reason.
        session_id, key_version: Of the row, when one was there after all.
        ends_for: Why the session, which nobody has ended yet, should be: what became of its user; "" otherwise.
        is_superseded: Whether the session gave way to a new one just now. Its browser may have the new cookie
            already while an older request is still under way: clearing the cookie then would clear the new one.

    """

    reason: RejectionReason
    session_id: UUID | None = None
    key_version: str = ""
    is_superseded: bool = False
    ends_for: str = ""

    @property
    def spares_the_cookie(self) -> bool:
        """Whether the browser should keep its cookie: it may be the new one, or open the session again one day."""
        return self.is_superseded or self.reason is RejectionReason.KEY_VERSION_MISMATCH


SUPERSEDED = Rejection(RejectionReason.UNKNOWN, is_superseded=True)

Verdict: TypeAlias = ActiveSessionRecord | Rejection
"""What a secret is worth."""


@dataclass(frozen=True, slots=True, eq=False)
class UserTable:
    """
    The table that users are in, as far as it is known to what reads their rows.

    Attributes:
        model: AUTH_USER_MODEL.
        columns: The names of its columns.
        is_active, password: Where among them these two are; None if the model does not say by them who may sign in.

    """

    model: Any
    columns: tuple[str, ...]
    is_active: int | None
    password: int | None


@dataclass(slots=True, eq=False)
class UserRow:
    """
    The user of a session, as values of a row: whoever wants to know whose session it is needs two of them.

    Attributes:
        table: Where the row is from.
        values: What its columns hold, in their order.
        using: The alias of the database.

    """

    table: UserTable
    values: Sequence[Any] = field(repr=False)
    using: str
    _user: Any = field(default=None, init=False, repr=False)

    @property
    def is_active(self) -> object:
        """Whether the user is active; None if only `as_user` can tell."""
        place = self.table.is_active
        return None if place is None else self.values[place]

    @property
    def password(self) -> object:
        """The user's password, as it is stored; None if only `as_user` can tell."""
        place = self.table.password
        return None if place is None else self.values[place]

    def as_user(self) -> Any:
        """Return the user: the object that Django would have made, and the same one each time."""
        if self._user is None:
            self._user = self.table.model.from_db(self.using, self.table.columns, self.values)
        return self._user


UNKNOWN_USER: Final = object()


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """
    A session as a store keeps it.

    Attributes:
        id: A version 7 UUID.
        lookup_key: What the secret hashes to under the key named ``key_version``.
        subject: At most 255 characters, compared exactly.
        created_at, expires_at: Aware datetimes in UTC. At ``expires_at`` itself the session is over.
        authenticated_at: When the subject last proved who it is; ``created_at`` when not given.
        user_id: The primary key of the subject's row of AUTH_USER_MODEL, when it has one.
        revoked_at: When the session was ended; None while it was not.
        revoked_reason: Why it was ended; "" while it was not.
        data: What ``request.session`` holds, sealed to this record (see `codlet_sessions.sealing`); "" once revoked.
        data_version: How often the data or the secret was replaced: what a conditional UPDATE compares.
        last_seen_at, idle_expires_at: As in `ActiveSessionRecord`; ``created_at`` and None when not given.
        auth_hash: What the user's credentials came to at the sign-in (see `codlet_sessions.subjects`), if known.
        is_persistent: Whether the browser keeps the cookie when it closes; None leaves that to the host's settings.
        client: What was recorded of the client; a look-up does not read it.
        user: The `UserRow` that ``user_id`` leads to, None if there is none; `UNKNOWN_USER` if the store did not look
            for it.

    """

    id: UUID
    lookup_key: LookupKey = field(repr=False)
    key_version: str
    subject: str
    created_at: datetime
    expires_at: datetime
    authenticated_at: datetime | None = None
    user_id: object = None
    revoked_at: datetime | None = None
    revoked_reason: str = ""
    data: str = field(default="", repr=False)
    data_version: int = 0
    last_seen_at: datetime | None = None
    idle_expires_at: datetime | None = None
    auth_hash: str | None = field(default=None, repr=False)
    is_persistent: bool | None = None
    client: ClientFacts | None = field(default=None, compare=False)
    user: Any = field(default=UNKNOWN_USER, compare=False, repr=False)

    @property
    def length(self) -> timedelta:
        """How long the session lasts from a sign-in."""
        return self.expires_at - (self.authenticated_at or self.created_at)

    @property
    def idle_time(self) -> timedelta | None:
        """How long the session may go unused; None for any length."""
        return self.as_active().idle_time

    def is_active(self, now: datetime) -> bool:
        """Whether the session is neither expired nor idle for too long nor revoked at ``now``."""
        return self.revoked_at is None and now < self.expires_at and not self.is_idle(now)

    def is_idle(self, now: datetime) -> bool:
        """Whether nobody has used the session for longer than it may be left alone."""
        return self.idle_expires_at is not None and now >= self.idle_expires_at

    def judge(self, key_version: str, now: datetime) -> "SessionRecord | Rejection":
        """
        Say what a candidate of ``key_version`` that found this record is worth at ``now``.

        A record is only ever vouched for by the key it was stored under (codlet RFC-004, section 12.2).
        """
        if self.key_version != key_version:
            return self.rejected(RejectionReason.KEY_VERSION_MISMATCH)
        if self.is_active(now):
            return self
        if self.revoked_at is None:
            return self.rejected(RejectionReason.IDLE if now < self.expires_at else RejectionReason.EXPIRED)
        is_superseded = self.revoked_reason == RevocationReason.ROTATED and now - self.revoked_at < SUPERSEDED_FOR
        return self.rejected(RejectionReason.REVOKED, is_superseded=is_superseded)

    def as_active(self) -> ActiveSessionRecord:
        """Return what the outside may know of this session."""
        return active_of(
            self.id,
            self.subject,
            self.created_at,
            self.authenticated_at,
            self.expires_at,
            self.last_seen_at,
            self.idle_expires_at,
        )

    def as_listed(self) -> ListedSession:
        """Return what the one whose session it is may know of it."""
        client = self.client or NO_FACTS
        known = {field.name: getattr(self.as_active(), field.name) for field in fields(ActiveSessionRecord)}
        return ListedSession(**known, user_agent=client.user_agent, ip_address=client.ip_address)

    def rejected(self, reason: RejectionReason, *, is_superseded: bool = False, ends_for: str = "") -> Rejection:
        """Return the rejection of a cookie that led to this record."""
        return Rejection(reason, self.id, self.key_version, is_superseded, ends_for)


_active: Final = maker_of(ActiveSessionRecord)
outline_of: Final = maker_of(Outline)
record_of: Final = maker_of(SessionRecord)


def active_of(
    session_id: UUID,
    subject: str,
    created_at: datetime,
    authenticated_at: datetime | None,
    expires_at: datetime,
    last_seen_at: datetime | None,
    idle_expires_at: datetime | None,
) -> ActiveSessionRecord:
    """Return what the outside may know of an active session, of what a store has of it."""
    signed_in_at, seen_at = authenticated_at or created_at, last_seen_at or created_at
    return _active(session_id, subject, created_at, signed_in_at, expires_at, seen_at, idle_expires_at)


Finding: TypeAlias = SessionRecord | ActiveSessionRecord | Rejection
"""What a store has under some candidates: the whole record, if it keeps it whole."""


def first_verdict(
    candidates: Candidates, found: Mapping[LookupKey, SessionRecord], now: datetime
) -> SessionRecord | Rejection:
    """
    Judge the records that were ``found`` under any of ``candidates``, and return the first one that is active.

    When none is, return why the first of them is not; when nothing was found, that it is unknown.
    """
    rejection: Rejection | None = None
    for lookup_key, key_version in candidates:
        if (record := found.get(lookup_key)) is None:
            continue
        match = record.judge(key_version, now)
        if isinstance(match, SessionRecord):
            return match
        rejection = rejection or match
    return rejection or Rejection(RejectionReason.UNKNOWN)


def first_active(
    candidates: Candidates, found: Mapping[LookupKey, Outline], now: datetime
) -> ActiveSessionRecord | None:
    """Return the first session that was ``found`` under any of ``candidates`` and that the candidate opens."""
    for lookup_key, key_version in candidates:
        outline = found.get(lookup_key)
        if outline is not None and outline.opens(key_version, now):
            return outline.session
    return None
