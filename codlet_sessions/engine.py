"""
Django's session contract, on rows of the `Session` table: what every engine of this package is made of.

Both faces are written by hand, because a face that is derived from the other loses what somebody overrides.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.sessions.exceptions import SessionInterrupted

from codlet_sessions import conf
from codlet_sessions.api import get_keeper, predecessor_for
from codlet_sessions.errors import FAILURES
from codlet_sessions.purge import purge
from codlet_sessions.records import ActiveSessionRecord, ClientFacts, Rejection, SessionRecord
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.session_state import Found, SessionState
from codlet_sessions.subjects import Subject, outdated_reason, user_as_it_is
from codlet_sessions.turns import TakesTurns
from codlet_sessions.writes import SessionOver, Written


class EngineSession(TakesTurns, SessionState):
    """
    One session as one request has it: loaded at most once, written by conditional UPDATEs.

    No row is written before there is data, unless somebody calls `save` or `create` on an empty session. A key that
    leads to no active session is never adopted: the session goes on without one, and gets a new one when it is saved.

    Args:
        session_key: The cookie's value, or None.

    """

    _loads_its_own_way: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._loads_its_own_way = (cls.load, cls.aload) != (EngineSession.load, EngineSession.aload)

    def exists(self, session_key: str | None) -> bool:
        """Return whether ``session_key`` opens an active session. No query when it is malformed; no signal."""
        return get_keeper().finds(SessionSecret(session_key or ""))

    async def aexists(self, session_key: str | None) -> bool:
        """Look as `exists` does, from async code."""
        return await get_keeper().afinds(SessionSecret(session_key or ""))

    def load(self) -> dict[str, Any]:
        """
        Return the data of the active session that the key opens; nothing, and no key any longer, if it opens none.

        One query, or none when the key is malformed.

        Raises:
            StoreError, KeysUnavailable: There was no answer. Never "no session".

        """
        return self._loaded(self._find())

    async def aload(self) -> dict[str, Any]:
        """Load as `load` does, from async code."""
        return self._loaded(await self._afind())

    def read(self) -> ActiveSessionRecord | None:
        """
        Look the session up if it has not been, and return whom it speaks for; None while nobody has signed in.

        Its data stays as it came until somebody asks for that.
        """
        self.accessed = True
        if self._loads_its_own_way:
            self._get_session()
        elif self._awaits_look_up:
            self._found(self._find())
        return self.who()

    async def aread(self) -> ActiveSessionRecord | None:
        """Read as `read` does, from async code."""
        self.accessed = True
        if self._loads_its_own_way:
            await self._aget_session()
        elif self._awaits_look_up:
            await self._take_turn()
            try:
                if self._awaits_look_up:
                    self._found(await self._afind())
            finally:
                self._end_turn()
        return self.who()

    def settle(self) -> None:
        """Look the key up if the session is unsettled."""
        if self.is_unsettled:
            self._found(self._find())

    async def asettle(self) -> None:
        """Settle as `settle` does, from async code."""
        if self.is_unsettled:
            self._found(await self._afind())

    @property
    def session_id(self) -> UUID:
        """
        The public name of this session, for logs and pages: the id of its row, also before that is written.

        Loads the session if it has not been; in async code, await `asession_id` instead.
        """
        if self._is_unread:
            self._get_session()
            self.settle()
        return self._id

    async def asession_id(self) -> UUID:
        """Return `session_id`, from async code."""
        if self._is_unread:
            await self._aget_session()
            await self.asettle()
        return self._id

    def _get_session(self, no_load: bool = False) -> dict[str, Any]:
        self._take_data()
        return super()._get_session(no_load)

    _session = property(_get_session)  # what Django's own methods go by, whose property knows its own function alone

    async def _aget_session(self, no_load: bool = False) -> dict[str, Any]:
        self._take_data()
        if hasattr(self, "_session_cache"):
            return await super()._aget_session(no_load)
        await self._take_turn()  # or a second task's late answer would replace what the first has changed by now
        try:
            self._take_data()
            return await super()._aget_session(no_load)
        finally:
            self._end_turn()

    def create(self) -> None:
        """
        Begin a session under a new key, and write its row at once, as Django's contract asks.

        It holds what this one holds, unless that has ended meanwhile.

        Raises:
            SessionOver: Somebody had signed in on this session, and it has ended.
            StoreError, KeysUnavailable: The store could not be asked.

        """
        if self._record is not None and self._record.subject:
            get_keeper().check(self._record)
        self._take_data()
        self._renew_key()
        self.save(must_create=True)

    async def acreate(self) -> None:
        """Create as `create` does, from async code."""
        if self._record is not None and self._record.subject:
            await get_keeper().acheck(self._record)
        self._take_data()
        self._renew_key()
        await self.asave(must_create=True)

    def save(self, must_create: bool = False) -> None:
        """
        Write the session: one INSERT if it is new or ``must_create``, else one conditional UPDATE.

        What another request wrote since this one loaded is kept, by top-level key. A session of the engine before is
        written where it is, unless its cookie can be replaced (see `may_be_adopted`).

        Raises:
            SessionOver: The session has ended meanwhile; nothing was written. It is Django's ``UpdateError``.
            StoreError, KeysUnavailable: The store could not be asked, and nothing was written.

        """
        data = self._get_session(no_load=must_create)
        if not must_create:
            self.settle()
        with self._remembering_failure(), self._grading_harm():
            if self._in_doubt and self._record is not None:
                self._believe(get_keeper().store.read_session(self._record.id))
            if self._foreign is not None and self._stays_where_it_is and not must_create:
                self._was_written_there(self._foreign.predecessor.write(self._foreign, data))
            elif must_create or self._record is None:
                self._insert(data)
            else:
                self._was_saved(get_keeper().save(self._record, data, self._change(self._record)))

    async def asave(self, must_create: bool = False) -> None:
        """Save as `save` does, from async code."""
        data = await self._aget_session(no_load=must_create)
        if not must_create:
            await self.asettle()
        with self._remembering_failure(), self._grading_harm():
            if self._in_doubt and self._record is not None:
                self._believe(await get_keeper().store.aread_session(self._record.id))
            if self._foreign is not None and self._stays_where_it_is and not must_create:
                self._was_written_there(await self._foreign.predecessor.awrite(self._foreign, data))
            elif must_create or self._record is None:
                await self._ainsert(data)
            else:
                self._was_saved(await get_keeper().asave(self._record, data, self._change(self._record)))

    def cycle_key(self) -> None:
        """
        Go on under a new secret: the same row and id, and the old secret dead in the same UPDATE.

        A session without a row gets its new key when it is saved. If another request has renewed or ended the session
        meanwhile, one that nobody had signed in on goes on as a session of its own.

        Raises:
            SessionInterrupted: Somebody had signed in on the session, and it has ended or moved on meanwhile.
            StoreError, KeysUnavailable: The store could not be asked.

        """
        self._get_session()
        self.settle()
        self._rotate(is_sign_in=False)

    async def acycle_key(self) -> None:
        """Cycle as `cycle_key` does, from async code."""
        await self._aget_session()
        await self.asettle()
        self.modified = True
        if self._record is None:
            self._renew_key()
            return
        secret = SessionSecret.generate()
        with self._remembering_failure(), self._parting_if_over(is_sign_in=False):
            self._was_rotated(
                await get_keeper().asave(self._record, self._data, self._change(self._record, secret)), secret
            )

    def note_sign_in(self, subject: Subject | None = None, client: ClientFacts | None = None) -> None:
        """
        Take down that somebody has just proved who they are: the session's life begins anew when it is saved.

        Gives it a new secret (ASVS 5.0 7.2.4) unless it has one already. The session must have been loaded.

        Args:
            subject: Who that was, if it is no user that Django's ``login()`` has put into the data.
            client: What is to be known of the client that did it.

        """
        self._signed_in_at = get_keeper().now()
        self._given_subject, self._client = subject, client
        self.modified = True
        if self._record is not None and not self.has_new_secret:
            self._rotate(is_sign_in=True)

    def renew_credentials(self) -> None:
        """
        Go on under a new secret, if `note_credentials` was called and the session has none yet.

        The user is read anew, because the change may have been rolled back. If the session has ended meanwhile, this is
        none from now on.
        """
        if (user_id := self._whose_credentials()) is None:
            return None
        user = user_as_it_is(user_id)
        if (gone := outdated_reason(user, None)) is not None:
            with self.ending_for(gone):
                return self.flush()
        self._put_credentials(user)
        try:
            if not self.has_new_secret:
                self.cycle_key()
        except SessionInterrupted as interrupted:
            self._leave(interrupted)

    async def arenew_credentials(self) -> None:
        """Renew as `renew_credentials` does, from async code."""
        if (user_id := self._whose_credentials()) is None:
            return None
        user = await sync_to_async(user_as_it_is)(user_id)
        if (gone := outdated_reason(user, None)) is not None:
            with self.ending_for(gone):
                return await self.aflush()
        self._put_credentials(user)
        try:
            if not self.has_new_secret:
                await self.acycle_key()
        except SessionInterrupted as interrupted:
            self._leave(interrupted)

    @property
    def is_worth_noting(self) -> bool:
        """Whether the session was loaded, and it is time to write down that it is in use."""
        return self._record is not None and not self._in_doubt and get_keeper().is_worth_noting(self._record)

    def touch(self) -> None:
        """Write down that the session, which was loaded, is in use: see `SessionManager.touch`."""
        get_keeper().touch(cast(SessionRecord, self._record))

    async def atouch(self) -> None:
        """Touch as `touch` does, from async code."""
        await get_keeper().atouch(cast(SessionRecord, self._record))

    def delete(self, session_key: str | None = None) -> None:
        """
        Revoke the session of ``session_key``, or this one, with the reason "logout", and empty its data.

        The row stays, for the audit, until it is purged. A key that opens nothing is no error.
        """
        with self._remembering_failure():
            if (record := self._row_of(session_key)) is not None:
                get_keeper().end(record, self._reason_to_end)
            elif (secret := self._secret_of(session_key)) is not None:
                if (predecessor := predecessor_for(secret)) is not None:
                    predecessor.drop(secret.expose())
                elif secret.is_well_formed() and isinstance(found := get_keeper().open(secret), SessionRecord):
                    get_keeper().end(found, self._reason_to_end)

    async def adelete(self, session_key: str | None = None) -> None:
        """Delete as `delete` does, from async code."""
        with self._remembering_failure():
            if (record := self._row_of(session_key)) is not None:
                await get_keeper().aend(record, self._reason_to_end)
            elif (secret := self._secret_of(session_key)) is not None:
                if (predecessor := predecessor_for(secret)) is not None:
                    await predecessor.adrop(secret.expose())
                elif secret.is_well_formed() and isinstance(found := await get_keeper().aopen(secret), SessionRecord):
                    await get_keeper().aend(found, self._reason_to_end)

    @classmethod
    def clear_expired(cls) -> None:
        """Delete what has expired, in batches, and what was revoked longer ago than `purge` retains it."""
        purge(retain_expired=timedelta(), retain_clients=conf.client_retention())

    @classmethod
    async def aclear_expired(cls) -> None:
        """Clear as `clear_expired` does, from async code."""
        await sync_to_async(cls.clear_expired)()

    def _rotate(self, *, is_sign_in: bool) -> None:
        self.modified = True
        if self._record is None:
            self._renew_key()
            return
        secret = SessionSecret.generate()
        with self._remembering_failure(), self._parting_if_over(is_sign_in=is_sign_in):
            self._was_rotated(get_keeper().save(self._record, self._data, self._change(self._record, secret)), secret)

    def _find(self) -> Found:
        if self._secret is None:
            return None
        self._raise_known_failure()
        try:
            predecessor = predecessor_for(self._secret)
            found = None if predecessor is None else predecessor.find(self._secret.expose())
            found = found or get_keeper().open(self._secret, needs_user=self.needs_user)
            if isinstance(found, Rejection):
                get_keeper().manager.end_outdated(found)
        except FAILURES as failure:
            self.failure = failure
            raise
        return found

    async def _afind(self) -> Found:
        if self._secret is None:
            return None
        self._raise_known_failure()
        try:
            predecessor = predecessor_for(self._secret)
            found = None if predecessor is None else await predecessor.afind(self._secret.expose())
            found = found or await get_keeper().aopen(self._secret, needs_user=self.needs_user)
            if isinstance(found, Rejection):
                await get_keeper().manager.aend_outdated(found)
        except FAILURES as failure:
            self.failure = failure
            raise
        return found

    def _insert(self, data: Mapping[str, Any]) -> None:
        foreign, is_renewed = self._foreign, self.has_new_secret
        draft = self._draft(self._secret_to_begin_with(), data)
        if foreign is None:
            get_keeper().begin(draft)
            return self._began(Written(draft, data))
        try:
            adopted = foreign.predecessor.adopt(foreign, draft, data, may_join=not is_renewed)
        except SessionOver:
            if not (is_renewed and self._may_part_from(foreign)):
                raise
            self._foreign = None  # two signed in at once on one foreign session: each has one of their own now
            return self._insert(data)
        return self._was_adopted(adopted, draft)

    async def _ainsert(self, data: Mapping[str, Any]) -> None:
        foreign, is_renewed = self._foreign, self.has_new_secret
        draft = self._draft(self._secret_to_begin_with(), data)
        if foreign is None:
            await get_keeper().abegin(draft)
            return self._began(Written(draft, data))
        try:
            adopted = await foreign.predecessor.aadopt(foreign, draft, data, may_join=not is_renewed)
        except SessionOver:
            if not (is_renewed and self._may_part_from(foreign)):
                raise
            self._foreign = None  # two signed in at once on one foreign session: each has one of their own now
            return await self._ainsert(data)
        return self._was_adopted(adopted, draft)
