"""
Taking over the sessions of the engine that a site comes from.

Under ``CODLET_SESSIONS["ADOPT_FROM"]``, a cookie that is not one of ours is looked up in the engine of that path, which
writes nothing. Once a response can carry the new cookie, the session gets a row of ours and the old one is deleted.

The row's id follows from the old cookie and a key of the ring, so that of any number of parallel requests exactly one
can insert it; the others find it there.
"""

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from importlib import import_module
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.core.exceptions import SuspiciousOperation
from django.db import router, transaction
from django.utils import timezone

from codlet_sessions.errors import StoreInvariantViolated
from codlet_sessions.ids import uuid7_before_all
from codlet_sessions.keeper import SessionKeeper
from codlet_sessions.models import Session
from codlet_sessions.records import Rejection, RejectionReason, SessionRecord
from codlet_sessions.stores.outages import translated_errors
from codlet_sessions.subjects import subject_in
from codlet_sessions.writes import Change, SessionOver, Written

_STILL_ON_ITS_WAY = timedelta(minutes=1)  # a request that was sent before the new cookie came


@dataclass(frozen=True, slots=True)
class ForeignSession:
    """
    A session of the engine before.

    Attributes:
        session_id: The id that it will have here.
        key: Its cookie.
        data: What it holds.
        expires_at: When it ends, here as there.
        predecessor: The engine it was found in.

    """

    predecessor: "Predecessor" = field(repr=False)
    session_id: UUID
    key: str = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class Predecessor:
    """
    The engine that sessions are taken over from.

    Args:
        path: The module of the engine, as in SESSION_ENGINE.
        keeper: Who keeps them from now on.

    """

    path: str
    keeper: SessionKeeper

    def find(self, key: str) -> ForeignSession | SessionRecord | Rejection | None:
        """
        Return the session that the cookie ``key`` opens in the engine before, unless it has a row here already.

        If it has, because another request of the same browser has taken it over less than a minute ago, return that;
        a rejection, if it has ended, somebody has signed in on it since, or that is longer ago. Writes nothing.

        Raises:
            StoreError: Our store could not be asked.

        """
        if "\0" in key:  # which PostgreSQL cannot even be asked for
            return None
        if (adopted := self._adopted_before(key)) is not None:
            return adopted
        with self._translated_errors():
            return self._peek(key)

    async def afind(self, key: str) -> ForeignSession | SessionRecord | Rejection | None:
        """Find as `find` does, from async code."""
        return await sync_to_async(self.find)(key)  # the engine before may have no async face of its own

    def adopt(
        self, foreign: ForeignSession, draft: SessionRecord, data: Mapping[str, Any], *, may_join: bool
    ) -> Written:
        """
        Give ``foreign`` its row here, ``draft``, which holds ``data``, and delete it there.

        When another request has given it one already, what this one changed is written into that, if it ``may_join``:
        the record that comes back is then not the draft.

        Raises:
            SessionOver: There is another row, and it has ended, or somebody has signed in on it, or this one must be
                a session of its own.
            StoreError: Our store could not be asked. The session is still where it was.

        """
        try:
            self._take_over(foreign, draft)
        except StoreInvariantViolated:
            taken = self._joinable(foreign, self.keeper.store.read_session(foreign.session_id), may_join)
            return self.keeper.save(taken, data, Change(), foreign.data)
        self.keeper.tell_of(draft)
        return Written(draft, data)

    async def aadopt(
        self, foreign: ForeignSession, draft: SessionRecord, data: Mapping[str, Any], *, may_join: bool
    ) -> Written:
        """Adopt as `adopt` does, from async code."""
        try:
            await sync_to_async(self._take_over)(foreign, draft)  # a transaction has no async form
        except StoreInvariantViolated:
            taken = self._joinable(foreign, await self.keeper.store.aread_session(foreign.session_id), may_join)
            return await self.keeper.asave(taken, data, Change(), foreign.data)
        await self.keeper.atell_of(draft)
        return Written(draft, data)

    def _take_over(self, foreign: ForeignSession, draft: SessionRecord) -> None:
        with self._translated_errors(), transaction.atomic(using=router.db_for_write(Session)):
            self.keeper.store.insert_session(draft)
            self.drop(foreign.key)

    def write(self, foreign: ForeignSession, data: Mapping[str, Any]) -> ForeignSession:
        """Write ``data`` into ``foreign`` where it is. For whoever cannot hand a new cookie over, such as a socket."""
        engine = self._engine(foreign.key)
        engine.clear()
        for name, value in data.items():  # one by one: django-user-sessions knows its user from that alone
            engine[name] = value
        try:
            with self._translated_errors():
                engine.save()
        except UpdateError:
            raise SessionOver("The session is no longer in the engine before.", is_superseded=True) from None
        return replace(foreign, key=engine.session_key or foreign.key, data=dict(data))

    async def awrite(self, foreign: ForeignSession, data: Mapping[str, Any]) -> ForeignSession:
        """Write as `write` does, from async code."""
        return await sync_to_async(self.write)(foreign, data)

    def drop(self, key: str) -> None:
        """Delete the session of the engine before: at once in a database, after the commit elsewhere."""
        if self._model is not None:
            with self._translated_errors():
                self._engine(key).delete(key)
        else:
            transaction.on_commit(lambda: self._forget(key), using=router.db_for_write(Session))

    async def adrop(self, key: str) -> None:
        """Drop as `drop` does, from async code."""
        await sync_to_async(self.drop)(key)

    def _joinable(self, foreign: ForeignSession, taken: SessionRecord | None, may_join: bool) -> SessionRecord:
        is_the_same = (
            may_join
            and taken is not None
            and taken.is_active(self.keeper.now())
            and self.keeper.is_genuine(taken)
            and taken.subject == subject_in(foreign.data).name
        )
        if taken is None or not is_the_same:
            raise SessionOver(f"Session {foreign.session_id} was taken over by another request.", is_superseded=True)
        return taken

    def _forget(self, key: str) -> None:
        with suppress(SuspiciousOperation):  # a key that could be no file's name
            self._engine(key).delete(key)

    def _peek(self, key: str) -> ForeignSession | None:
        found = self._in_its_table(key) if self._model is not None else self._through_its_methods(key)
        if found is None or not found[0]:
            return None
        data, expires_at = found
        (digest, *_older) = self.keeper.hasher.adoption_digests(key)
        return ForeignSession(self, uuid7_before_all(digest), key, data, expires_at)

    def _in_its_table(self, key: str) -> tuple[dict[str, Any], datetime] | None:
        # Straight from the table, for the end is only there; and some engines write when they are asked for what they
        # do not have.
        rows = self._model._base_manager.using(router.db_for_write(self._model))
        row = rows.filter(session_key=key, expire_date__gt=timezone.now()).first()
        return row and (self._engine(key).decode(row.session_data), row.expire_date)

    def _through_its_methods(self, key: str) -> tuple[dict[str, Any], datetime] | None:
        engine = self._engine(key)
        data = engine.load()
        return (data, engine.get_expiry_date(expiry=data.get("_session_expiry"))) if engine.session_key else None

    def _adopted_before(self, key: str) -> SessionRecord | Rejection | None:
        for digest in self.keeper.hasher.adoption_digests(key):
            if (record := self.keeper.store.read_session(uuid7_before_all(digest))) is not None:
                return self._judge(record, self.keeper.now())
        return None

    def _judge(self, record: SessionRecord, now: datetime) -> SessionRecord | Rejection:
        if now - record.created_at >= _STILL_ON_ITS_WAY:
            return record.rejected(RejectionReason.UNKNOWN)
        is_as_it_came = record.is_active(now) and self.keeper.is_genuine(record) and not _has_new_key(record)
        return record if is_as_it_came else record.rejected(RejectionReason.REVOKED, is_superseded=True)

    def _translated_errors(self) -> AbstractContextManager[None]:
        return translated_errors(
            f"The sessions of CODLET_SESSIONS['ADOPT_FROM'], {self.path!r}, could not be asked ({{}})."
            " Is their database up, and are their app and table still there?"
            " If everybody has moved, take ADOPT_FROM out."
        )

    def _engine(self, key: str) -> SessionBase:
        store: SessionBase = self._store_class(key)
        return store

    @cached_property
    def _store_class(self) -> Any:
        return import_module(self.path).SessionStore

    @cached_property
    def _model(self) -> Any:
        """The engine's table, if it has one: django-user-sessions names its model in the module alone."""
        if hasattr(self._store_class, "get_model_class"):
            return self._store_class.get_model_class()
        return getattr(sys.modules[self._store_class.__module__], "Session", None)


def _has_new_key(record: SessionRecord) -> bool:
    # Signing in sets the one, and any other new secret moves the other to it: see SessionKeeper.
    return record.authenticated_at is None or record.authenticated_at >= record.created_at
