"""What one request knows of the session that ``request.session`` shows: no query is made here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeAlias

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.exceptions import SessionInterrupted
from django.utils import timezone

from codlet_sessions import conf
from codlet_sessions.adoption import ForeignSession
from codlet_sessions.api import get_keeper
from codlet_sessions.failures import RemembersFailure
from codlet_sessions.keeper import CUSTOM_EXPIRY
from codlet_sessions.records import (
    ActiveSessionRecord,
    ClientFacts,
    Rejection,
    RevocationReason,
    SessionRecord,
    UserRow,
)
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.session_key import KeyedSession
from codlet_sessions.subjects import Subject, outdated_reason, subject_in, subject_of
from codlet_sessions.writes import Beginning, Change, SessionOver, Written

Found: TypeAlias = ForeignSession | SessionRecord | Rejection | None


class SessionState(RemembersFailure, KeyedSession):
    """
    The row and the data of a session, as far as they are known, and what they mean.

    Attributes:
        spares_cookie: Whether the browser should keep a cookie that opened nothing: it may be a newer one by now.
        may_be_adopted: Whether a session of the engine before may be taken over when it is saved. For whoever will
            hand the new cookie to the browser: our middleware.
        end_has_moved: Whether a save has moved the end of the session, which the browser's cookie knows otherwise.
        awaits_credentials: Whether the user has other credentials than the session began with, and it goes on.
        needs_user: Whether whoever loads the session is about to ask for its user: it may then come from elsewhere.

    """

    keeps_codlet_rows: ClassVar[bool] = True
    """By this `codlet_sessions.conf` knows the engines of this package."""

    # What is the same for every session that has just been made stands here: one is made for nearly every request.
    spares_cookie = False
    may_be_adopted = False
    end_has_moved = False
    needs_user = False
    _client: ClientFacts | None = None
    _reason_to_end: str = RevocationReason.LOGOUT
    _is_persistent: bool | None = None
    _signed_in_at: datetime | None = None
    _given_subject: Subject | None = None
    _began_here = False
    _was_written = False
    _in_doubt = False
    awaits_credentials = False
    _committed: SessionRecord | None = None

    @property
    def awaits_adoption(self) -> bool:
        """Whether this session was found in the engine of ``ADOPT_FROM`` and has no row here yet."""
        return self._foreign is not None

    @property
    def _stays_where_it_is(self) -> bool:
        return not (self.may_be_adopted or self.has_new_secret)

    def is_stored(self) -> bool:
        """Return whether this object has written its session, and nothing has changed since."""
        is_known = self._record is not None and self._was_written and not self._in_doubt
        if self._record is None or not is_known or self._signed_in_at is not None or self._is_persistent is not None:
            return False
        return get_keeper().holds(self._record, self._data)

    def who(self) -> ActiveSessionRecord | None:
        """Return whom this session, once it is loaded, speaks for; None while nobody has signed in."""
        if self._record is None and self._given_subject is None and SESSION_KEY not in self._data:
            return None
        if self._record is not None and not self.modified and self._signed_in_at is None:
            return self._record.as_active() if self._record.subject else None
        keeper = get_keeper()
        record = self._record or self._draft(SessionSecret(""), self._data)
        subject = (self._given_subject or keeper.subject_of(record, self._data)).name
        if not subject:
            return None
        signed_in_at = self._signed_in_at or record.authenticated_at or record.created_at
        return replace(record.as_active(), subject=subject, authenticated_at=signed_in_at)

    def is_of(self, user: Any) -> bool:
        """Return whether Django's ``login()`` has put ``user`` into the data of this session, now or before."""
        return user is not None and self.user_id() == user.pk

    def is_outdated(self, user: Any) -> bool:
        """Return whether this session of ``user``, which must be loaded, began under other credentials."""
        known = subject_in(self._data).auth_hash or (None if self._record is None else self._record.auth_hash)
        return outdated_reason(user, known) is not None

    def note_credentials(self, user: Any) -> None:
        """Take down that ``user``, whose session this is, has other credentials: it will get a new secret."""
        self.awaits_credentials = self.modified = True
        self._put_credentials(user)  # so that request.user, if somebody asks now, is still signed in

    def take_back_sign_in(self) -> None:
        """Be the session that was there before somebody signed in, whose sign-in is refused."""
        for key in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY):
            self._data.pop(key, None)
        self._signed_in_at = self._given_subject = self._client = None

    def note_commit(self) -> None:
        """Take down that the transaction that this was written in is over, if it was not the caller's."""
        if self._in_doubt and not get_keeper().store.in_transaction:
            self._in_doubt, self._committed = False, self._record

    def _whose_credentials(self) -> Any:
        """Return the primary key of the user whose credentials have changed in this session, if it is still theirs."""
        awaits, self.awaits_credentials = self.awaits_credentials, False
        if not awaits or self._record is None:  # signed out since, perhaps
            return None
        return get_keeper().subject_of(self._record, self._data).user_id

    def _put_credentials(self, user: Any) -> None:
        if SESSION_KEY not in self._data:
            self._given_subject = subject_of(user)
        elif hasattr(user, "get_session_auth_hash"):
            self._data[HASH_SESSION_KEY] = user.get_session_auth_hash()

    def _leave(self, interrupted: SessionInterrupted) -> None:
        """Be no session any longer: it ended, or went on elsewhere, while this request was under way."""
        over = interrupted.__cause__
        self._session_cache: dict[str, Any] = {}
        self._session_key = None
        self._given_subject, self.modified = None, False
        self.spares_cookie = isinstance(over, SessionOver) and over.is_superseded

    def joined_user(self) -> Any:
        """Return the user whose row came with this session's: None if there was none, or `UNKNOWN_USER`."""
        came = None if self._record is None else self._record.user
        return came.as_user() if isinstance(came, UserRow) else came

    def loaded_data(self) -> Mapping[str, Any]:
        """Return the data of this session, as far as it has been loaded. Counts as no access of a view's."""
        return self._data

    def user_id(self) -> object:
        """Return the primary key of the user that Django's ``login()`` has put into the data, or None."""
        return subject_in(self._data).user_id

    def is_empty(self) -> bool:
        """Return whether there is no data, and no key that a row stands behind or may stand behind."""
        if not (hasattr(self, "_session_cache") or self._record or self._foreign):
            return self._secret is None
        has_no_row = self._secret is None or (self.has_new_secret and self._record is None)
        return has_no_row and not self._data and self._given_subject is None

    def get_session_cookie_age(self) -> int:
        """Return how long a session lasts, in seconds: SESSION_COOKIE_AGE, or less under ``ABSOLUTE_TIMEOUT``."""
        return int(conf.timeouts().lifetime.total_seconds())

    def get_expire_at_browser_close(self) -> bool:
        """Return whether the browser forgets the cookie when it closes: by `set_persistent`, or Django's settings."""
        known = self._is_persistent if self._is_persistent is not None else self._record and self._record.is_persistent
        return bool(super().get_expire_at_browser_close()) if known is None else not known

    async def aget_expire_at_browser_close(self) -> bool:
        """Return `get_expire_at_browser_close`, from async code."""
        await self._aget_session()
        return self.get_expire_at_browser_close()

    def set_persistent(self, value: bool) -> None:
        """
        Have the browser keep the cookie when it closes, or forget it then: what a "remember me" asks for.

        The session is the same, and ends when it would: there is no second token (ASVS 5.0 7.3.2). This goes before
        what ``set_expiry()`` says of the browser.
        """
        self._is_persistent, self.modified = value, True

    def remaining(self) -> timedelta:
        """Return how long this session, once it is saved, goes on at the longest."""
        return self._record.expires_at - get_keeper().now() if self._record is not None else timedelta()

    @contextmanager
    def ending_for(self, reason: str) -> Iterator[None]:
        """Write down ``reason``, if the session ends meanwhile, and not that its owner signed out."""
        self._reason_to_end = reason
        try:
            yield
        finally:
            self._reason_to_end = RevocationReason.LOGOUT

    @property
    def _data(self) -> dict[str, Any]:
        self._take_data()
        data: dict[str, Any] = getattr(self, "_session_cache", {})
        return data

    @property
    def is_unsettled(self) -> bool:
        """Whether there is data that was not loaded by the key: after ``clear()``, which Django does without."""
        return self._is_unread and hasattr(self, "_session_cache")

    @property
    def _awaits_look_up(self) -> bool:
        return self._is_unread and not hasattr(self, "_session_cache")

    def _take_data(self) -> None:
        """Take the data out of what has been found, if nobody has asked for it so far."""
        found = self._record or self._foreign
        if found is not None and not hasattr(self, "_session_cache"):
            self._session_cache = _data_in(found)

    def _loaded(self, found: Found) -> dict[str, Any]:
        if not hasattr(self, "_session_cache"):  # else somebody wants a look: changes are told by the first answer
            self._found(found)
        return _data_in(found)

    def _found(self, found: Found) -> None:
        if isinstance(found, ForeignSession):
            self._foreign = found
        elif isinstance(found, SessionRecord):
            if self._secret is not None and not self._secret.is_well_formed():
                self._session_key = None  # another request has adopted it: the secret goes to the browser with that
            self._record = self._committed = found
        else:
            self._session_key = None
            self.spares_cookie = found is not None and found.spares_the_cookie

    def _draft(self, secret: SessionSecret, data: Mapping[str, Any]) -> SessionRecord:
        keeper = get_keeper()
        now = keeper.now()
        beginning = Beginning(
            now,
            self._first_end(now),
            self._first_sign_in(now),
            self._given_subject,
            self._is_persistent,
            self._client,
        )
        return keeper.draft(self._id, secret, data, beginning)

    def _row_of(self, session_key: str | None) -> SessionRecord | None:
        if session_key is not None and session_key != self.session_key:
            return None
        self._was_written = False  # whoever asks is about to end it
        return self._record

    def _began(self, written: Written) -> None:
        self._foreign, self._next_id, self._began_here, self.modified = None, None, True, True
        self._was_saved(written)

    def _was_written_there(self, foreign: ForeignSession) -> None:
        self._session_key = foreign.key
        self._foreign = foreign

    def _may_part_from(self, foreign: ForeignSession) -> bool:
        """Whether this may go on as a session of its own: not if that would bring a signed-in one back to life."""
        return self._signed_in_at is not None or not subject_in(foreign.data).name

    def _was_adopted(self, written: Written, draft: SessionRecord) -> None:
        if written.record.lookup_key == draft.lookup_key:
            self._began(written)
        else:  # by another request, and the secret is on the way to the browser with its answer
            self._session_key = None
            self._was_saved(written)

    def _was_saved(self, written: Written) -> None:
        if self._record is not None and self._record.expires_at != written.record.expires_at:
            self.end_has_moved = True
        if self._is_persistent is not None:
            self.end_has_moved = True  # the browser must be told
        self._record = written.record
        self._signed_in_at = self._given_subject = self._is_persistent = self._client = None
        self._was_written = True
        self._in_doubt = get_keeper().store.in_transaction
        if not self._in_doubt:
            self._committed = written.record
        if written.data is not self._data:  # other requests' changes have come in
            self._data.clear()
            self._data.update(written.data)

    def _believe(self, actual: SessionRecord | None) -> None:
        """
        Go by ``actual``, the row as it is now that the transaction this was written in may have been rolled back.

        Data is then written anew, as Django does. A secret that was given out in it, to whoever signed in, is not: that
        is rolled back with the rest.
        """
        self._in_doubt, record, committed = False, self._record, self._committed
        if record is None or (actual is not None and _has_come_as_far(actual, record)):
            return
        if record.subject if committed is None else record.lookup_key != committed.lookup_key:
            self._began_here = False  # as if it had never begun: nobody misses what it held
            raise SessionOver(f"What was done with session {record.id} was rolled back.", is_superseded=True)
        self._record = committed

    def _was_rotated(self, written: Written, secret: SessionSecret) -> None:
        self._session_key = secret.expose()
        self._was_saved(written)
        self.has_new_secret = True

    def _change(self, record: SessionRecord, secret: SessionSecret | None = None) -> Change:
        return Change(
            secret,
            self._next_end(record, get_keeper().now()),
            self._signed_in_at,
            self._given_subject,
            self._is_persistent,
            self._client,
        )

    def _first_end(self, now: datetime) -> datetime:
        if self._foreign is not None and self._signed_in_at is None and not self._has_other_expiry(self._foreign.data):
            return get_keeper().manager.timeouts.capped(self._foreign.expires_at, self._first_sign_in(now))
        return self._end_from(now, now)

    def _first_sign_in(self, now: datetime) -> datetime:
        if self._signed_in_at is not None or self._foreign is None:
            return now
        # When that was, the engine before does not say: at the latest when the session got its end, and in any case
        # before now, by which `codlet_sessions.adoption` tells that nobody has signed in since.
        got_its_end = self._foreign.expires_at - timedelta(seconds=self.get_session_cookie_age())
        return min(now - timedelta.resolution, got_its_end)

    def _next_end(self, record: SessionRecord, now: datetime) -> datetime | None:
        """Return the end that a write gives to the session of ``record``, or None when that stays as it is."""
        if get_keeper().is_on_terms(record, self._data):
            return self._signed_in_at + record.length if self._signed_in_at else None
        custom = self._data.get(CUSTOM_EXPIRY)
        slides = conf.saves_every_request() or (isinstance(custom, int | float) and custom > 0)
        if slides or self._signed_in_at or self._has_other_expiry(get_keeper().data_of(record)):
            return self._end_from(now, self._signed_in_at or record.authenticated_at or record.created_at)
        return None

    def _has_other_expiry(self, loaded: Mapping[str, Any]) -> bool:
        return bool(self._data.get(CUSTOM_EXPIRY) != loaded.get(CUSTOM_EXPIRY))

    def _end_from(self, now: datetime, signed_in_at: datetime) -> datetime:
        end: datetime = self.get_expiry_date(modification=now, expiry=self._data.get(CUSTOM_EXPIRY))
        end = end.astimezone(UTC) if timezone.is_aware(end) else timezone.make_aware(end)
        return get_keeper().manager.timeouts.capped(end, signed_in_at)

    @contextmanager
    def _parting_if_over(self, *, is_sign_in: bool) -> Iterator[None]:
        """Go on as another session when this one has ended or moved on, unless that would bring it back to life."""
        try:
            yield
        except SessionOver as over:
            if self._record is not None and self._record.subject and not is_sign_in:
                raise SessionInterrupted("The session ended, or got a new secret, in another request.") from over
            self._renew_key()

    @contextmanager
    def _grading_harm(self) -> Iterator[None]:
        try:
            yield
        except SessionOver as over:
            if self._began_here:  # by this very request: what it held is lost, whoever ended it
                over.is_harmless = False
            raise


def _data_in(found: Found) -> dict[str, Any]:
    if isinstance(found, ForeignSession):
        return dict(found.data)
    return get_keeper().data_of(found) if isinstance(found, SessionRecord) else {}


def _has_come_as_far(actual: SessionRecord, record: SessionRecord) -> bool:
    is_same = actual.data_version == record.data_version and actual.data == record.data
    return is_same or actual.data_version > record.data_version or actual.revoked_at is not None
