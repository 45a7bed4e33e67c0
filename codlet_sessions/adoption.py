"""
Taking over the sessions of the engine that a site comes from.

Under ``CODLET_SESSIONS["ADOPT_FROM"]``, a cookie that is not one of ours is looked up in the engine of that path, which
writes nothing. Once a response can carry the new cookie, the session gets a row of ours and the old one is deleted.

The row's id follows from the old cookie and a key of the ring, so that of any number of parallel requests exactly one
can insert it; the others find it there.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from importlib import import_module
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import SessionBase
from django.db import router, transaction
from django.utils import timezone

from codlet_sessions.errors import StoreInvariantViolated
from codlet_sessions.ids import uuid7_before_all
from codlet_sessions.keeper import Change, SessionKeeper, SessionOver, Written
from codlet_sessions.models import Session
from codlet_sessions.records import Rejection, RejectionReason, SessionRecord
from codlet_sessions.subjects import subject_in

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
        Return the session that the cookie ``key`` opens in the engine before.

        When there is none, because another request of the same browser has taken it over less than a minute ago,
        return that; or, if somebody has signed in on it since, a rejection that spares the cookie. Writes nothing.

        Raises:
            StoreError: Our store could not be asked.

        """
        return self._peek(key) or self._just_adopted(key)

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
            self.keeper.begin(draft)
        except StoreInvariantViolated:
            taken = self._joinable(foreign, self.keeper.store.read_session(foreign.session_id), may_join)
            return self.keeper.save(taken, data, Change(), foreign.data)
        self.drop(foreign.key)
        return Written(draft, data)

    async def aadopt(
        self, foreign: ForeignSession, draft: SessionRecord, data: Mapping[str, Any], *, may_join: bool
    ) -> Written:
        """Adopt as `adopt` does, from async code."""
        try:
            await self.keeper.abegin(draft)
        except StoreInvariantViolated:
            taken = self._joinable(foreign, await self.keeper.store.aread_session(foreign.session_id), may_join)
            return await self.keeper.asave(taken, data, Change(), foreign.data)
        await self.adrop(foreign.key)
        return Written(draft, data)

    def write(self, foreign: ForeignSession, data: Mapping[str, Any]) -> ForeignSession:
        """Write ``data`` into ``foreign`` where it is. For whoever cannot hand a new cookie over, such as a socket."""
        engine = self._engine(foreign.key)
        engine.clear()
        for name, value in data.items():  # one by one: django-user-sessions knows its user from that alone
            engine[name] = value
        engine.save()
        return replace(foreign, key=engine.session_key or foreign.key, data=dict(data))

    async def awrite(self, foreign: ForeignSession, data: Mapping[str, Any]) -> ForeignSession:
        """Write as `write` does, from async code."""
        return await sync_to_async(self.write)(foreign, data)

    def drop(self, key: str) -> None:
        """Delete the session of the engine before: at once in a database, after the commit elsewhere."""
        if self._model is not None:
            self._engine(key).delete(key)
        else:
            transaction.on_commit(lambda: self._engine(key).delete(key), using=router.db_for_write(Session))

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

    def _just_adopted(self, key: str) -> SessionRecord | Rejection | None:
        now = self.keeper.now()
        for digest in self.keeper.hasher.adoption_digests(key):
            record = self.keeper.store.read_session(uuid7_before_all(digest))
            if record is not None and now - record.created_at < _STILL_ON_ITS_WAY:
                is_as_it_came = record.is_active(now) and self.keeper.is_genuine(record) and not _has_sign_in(record)
                return record if is_as_it_came else record.rejected(RejectionReason.REVOKED, is_superseded=True)
        return None

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


def _has_sign_in(record: SessionRecord) -> bool:
    return record.authenticated_at is None or record.authenticated_at >= record.created_at
