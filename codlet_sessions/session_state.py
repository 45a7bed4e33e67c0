"""What one request knows of the session that ``request.session`` shows: no query is made here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeAlias

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.exceptions import SessionInterrupted
from django.utils import timezone

from codlet_sessions import conf
from codlet_sessions.adoption import ForeignSession
from codlet_sessions.api import get_keeper
from codlet_sessions.failures import RemembersFailure
from codlet_sessions.records import ActiveSessionRecord, Rejection, SessionRecord
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.session_key import KeyedSession
from codlet_sessions.subjects import Subject, subject_in
from codlet_sessions.writes import Beginning, Change, SessionOver, Written

_CUSTOM_EXPIRY = "_session_expiry"  # where Django's set_expiry() puts it


Found: TypeAlias = ForeignSession | SessionRecord | Rejection | None


class SessionState(RemembersFailure, KeyedSession):
    """
    The row and the data of a session, as far as they are known, and what they mean.

    Attributes:
        spares_cookie: Whether the browser should keep a cookie that opened nothing: it may be a newer one by now.
        may_be_adopted: Whether a session of the engine before may be taken over when it is saved. For whoever will
            hand the new cookie to the browser: our middleware.
        end_has_moved: Whether a save has moved the end of the session, which the browser's cookie knows otherwise.

    """

    keeps_codlet_rows: ClassVar[bool] = True
    """By this `codlet_sessions.conf` knows the engines of this package."""

    def __init__(self, session_key: str | None = None) -> None:
        self.spares_cookie = False
        self.may_be_adopted = False
        self.end_has_moved = False
        self._signed_in_at: datetime | None = None
        self._given_subject: Subject | None = None
        self._began_here = False
        self._was_written = False
        self._in_doubt = False
        self._committed: SessionRecord | None = None
        super().__init__(session_key)

    @property
    def awaits_adoption(self) -> bool:
        """Whether this session was found in the engine of ``ADOPT_FROM`` and has no row here yet."""
        return self._foreign is not None

    @property
    def _stays_where_it_is(self) -> bool:
        return not (self.may_be_adopted or self.has_new_secret)

    def is_stored(self) -> bool:
        """Return whether this object has written its session, and nothing has changed since."""
        if self._record is None or not self._was_written or self._in_doubt or self._signed_in_at is not None:
            return False
        return get_keeper().holds(self._record, self._data)

    def who(self) -> ActiveSessionRecord | None:
        """Return whom this session, once it is loaded, speaks for; None while nobody has signed in."""
        if self._record is None and self._given_subject is None and SESSION_KEY not in self._data:
            return None
        keeper = get_keeper()
        record = self._record or self._draft(SessionSecret(""), self._data)
        subject = (self._given_subject or keeper.subject_of(record, self._data)).name
        if not subject:
            return None
        signed_in_at = self._signed_in_at or record.authenticated_at or record.created_at
        return replace(record.as_active(), subject=subject, authenticated_at=signed_in_at)

    def is_of(self, user: Any) -> bool:
        """Return whether Django's ``login()`` has put ``user`` into the data of this session, now or before."""
        return user is not None and subject_in(self._data).user_id == user.pk

    def is_empty(self) -> bool:
        """Return whether there is no data, and no key that a row stands behind or may stand behind."""
        if not hasattr(self, "_session_cache"):
            return self._secret is None
        has_no_row = self._secret is None or (self.has_new_secret and self._record is None)
        return has_no_row and not self._data and self._given_subject is None

    def remaining(self) -> timedelta:
        """Return how long this session, once it is saved, goes on at the longest."""
        return self._record.expires_at - get_keeper().now() if self._record is not None else timedelta()

    @property
    def _data(self) -> dict[str, Any]:
        data: dict[str, Any] = getattr(self, "_session_cache", {})
        return data

    def _loaded(self, found: Found) -> dict[str, Any]:
        data: dict[str, Any] = {}
        if isinstance(found, ForeignSession):
            data = dict(found.data)
        elif isinstance(found, SessionRecord):
            data = get_keeper().data_of(found)
        if not hasattr(self, "_session_cache"):  # else somebody wants a look: changes are told by the first answer
            self._found(found)
        return data

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
        beginning = Beginning(now, self._first_end(now), self._first_sign_in(now), self._given_subject)
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
        self._record, self._signed_in_at, self._given_subject = written.record, None, None
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
        return Change(secret, self._next_end(record, get_keeper().now()), self._signed_in_at, self._given_subject)

    def _first_end(self, now: datetime) -> datetime:
        if self._foreign is not None and self._signed_in_at is None and not self._has_other_expiry(self._foreign.data):
            return self._foreign.expires_at
        return self._end_from(now)

    def _first_sign_in(self, now: datetime) -> datetime:
        if self._signed_in_at is not None or self._foreign is None:
            return now
        # When that was, the engine before does not say: at the latest when the session got its end, and in any case
        # before now, by which `codlet_sessions.adoption` tells that nobody has signed in since.
        got_its_end = self._foreign.expires_at - timedelta(seconds=self.get_session_cookie_age())
        return min(now - timedelta.resolution, got_its_end)

    def _next_end(self, record: SessionRecord, now: datetime) -> datetime | None:
        """Return the end that a write gives to the session of ``record``, or None when that stays as it is."""
        custom = self._data.get(_CUSTOM_EXPIRY)
        slides = conf.saves_every_request() or (isinstance(custom, int | float) and custom > 0)
        if slides or self._signed_in_at or self._has_other_expiry(get_keeper().data_of(record)):
            return self._end_from(now)
        return None

    def _has_other_expiry(self, loaded: Mapping[str, Any]) -> bool:
        return bool(self._data.get(_CUSTOM_EXPIRY) != loaded.get(_CUSTOM_EXPIRY))

    def _end_from(self, now: datetime) -> datetime:
        end: datetime = self.get_expiry_date(modification=now, expiry=self._data.get(_CUSTOM_EXPIRY))
        return end.astimezone(UTC) if timezone.is_aware(end) else timezone.make_aware(end)

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


def _has_come_as_far(actual: SessionRecord, record: SessionRecord) -> bool:
    is_same = actual.data_version == record.data_version and actual.data == record.data
    return is_same or actual.data_version > record.data_version or actual.revoked_at is not None
