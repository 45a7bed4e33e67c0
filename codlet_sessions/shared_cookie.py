"""The session of a request under our engine: whom it speaks for, and what it holds, from one cookie and one row."""

from datetime import timedelta
from typing import cast

from django.contrib import auth
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from codlet_sessions import conf
from codlet_sessions.api import get_cookie_policy
from codlet_sessions.belonging import OfOneRequest
from codlet_sessions.clients import anote_device, facts_about, note_device
from codlet_sessions.cookies import SERVER_ERROR
from codlet_sessions.engine import EngineSession
from codlet_sessions.records import ActiveSessionRecord
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.subjects import subject_of
from codlet_sessions.writes import SessionOver


class SharedCookieSession(OfOneRequest):
    """
    One request's session, which ``request.session`` and ``request.codlet_session`` are two views of.

    What a view does with the one shows in the other. The response is told what Django's own middleware would tell it,
    less three things: a cookie that the browser has already is not sent again, so that a slow response cannot overwrite
    a newer one; a write that is superseded is dropped; a cookie that may be newer than it looks is not cleared.
    """

    __slots__ = ("_engine", "_has_raised")

    def __init__(self, request: HttpRequest, engine: type[EngineSession]) -> None:
        super().__init__(request)
        self._engine = engine
        self._has_raised = False

    def make(self) -> EngineSession:
        """Return what ``request.session`` is to be: the session of the request's cookie, not loaded yet."""
        return self._engine(self._request.COOKIES.get(get_cookie_policy().name))

    @property
    def failure(self) -> Exception | None:
        """The error that kept the store or the keys from answering, if they failed."""
        session = self._asked_for
        return None if session is None else session.failure

    def read(self) -> ActiveSessionRecord | None:
        """
        Return whom the session speaks for, or None.

        Raises:
            StoreError, KeysUnavailable: There was no answer; asking again in this request raises the same.

        """
        session = self._session
        return None if session is None else session.read()

    async def aread(self) -> ActiveSessionRecord | None:
        """Read as `read` does, from async code."""
        session = self._session
        return None if session is None else await session.aread()

    def sign_in(
        self, subject_or_user: object, lifetime: timedelta | None, persistent: bool | None
    ) -> ActiveSessionRecord:
        """Let the session speak for a subject from now on: a user by Django's ``login()``, under a new secret."""
        subject, session, lifetime = subject_of(subject_or_user), self._needed_session(), _checked(lifetime)
        if isinstance(subject_or_user, str):
            if session.read() is not None:
                session.flush()
            session.cycle_key()
            client = facts_about(self._request, subject.name)
            session.note_sign_in(subject, client)
            note_device(session.session_id, subject.name, client)
        else:
            auth.login(self._request, subject_or_user)  # type: ignore[arg-type]  # subject_of() has checked it
        session.set_expiry(lifetime)
        if persistent is not None:
            session.set_persistent(persistent)
        session.save()
        return cast(ActiveSessionRecord, session.who())  # somebody has just signed in

    async def asign_in(
        self, subject_or_user: object, lifetime: timedelta | None, persistent: bool | None
    ) -> ActiveSessionRecord:
        """Sign in as `sign_in` does, from async code."""
        subject, session, lifetime = subject_of(subject_or_user), self._needed_session(), _checked(lifetime)
        if isinstance(subject_or_user, str):
            if await session.aread() is not None:
                await session.aflush()
            await session.acycle_key()
            client = facts_about(self._request, subject.name)
            session.note_sign_in(subject, client)
            await anote_device(await session.asession_id(), subject.name, client)
        else:
            await auth.alogin(self._request, subject_or_user)  # type: ignore[arg-type]  # subject_of() has checked it
        await session.aset_expiry(lifetime)
        if persistent is not None:
            session.set_persistent(persistent)
        await session.asave()
        return cast(ActiveSessionRecord, session.who())  # somebody has just signed in

    def sign_out(self) -> bool:
        """Sign out by Django's ``logout()``. Return whether somebody was signed in."""
        was_there = self.read() is not None
        auth.logout(self._request)
        return was_there

    async def asign_out(self) -> bool:
        """Sign out as `sign_out` does, from async code."""
        was_there = await self.aread() is not None
        await auth.alogout(self._request)
        return was_there

    def confirm(self) -> ActiveSessionRecord:
        """Take down that the subject has proved again who it is: a new secret, and its life begins anew."""
        session = self._needed_session()
        record = cast(ActiveSessionRecord, session.read())
        session.cycle_key()
        session.note_sign_in(client=facts_about(self._request, record.subject))
        session.save()
        return cast(ActiveSessionRecord, session.who())

    async def aconfirm(self) -> ActiveSessionRecord:
        """Confirm as `confirm` does, from async code."""
        session = self._needed_session()
        record = cast(ActiveSessionRecord, await session.aread())
        await session.acycle_key()
        session.note_sign_in(client=facts_about(self._request, record.subject))
        await session.asave()
        return cast(ActiveSessionRecord, session.who())

    def is_outdated(self, user: object) -> bool:
        """Return whether this session of ``user``, which has been read, began under other credentials."""
        return self._needed_session().is_outdated(user)

    def note_credentials(self, user: object) -> None:
        """Take down that ``user``, whose session this is, has other credentials: it goes on under a new secret."""
        self._needed_session().note_credentials(user)

    def forget(self) -> None:
        """Trust nothing that was written so far: the view raised, and ATOMIC_REQUESTS may have rolled it back."""
        self._has_raised = True

    def answer(self, response: HttpResponseBase) -> None:
        """
        Save the session if it changed, and write into ``response`` what the browser and the caches must know.

        Raises:
            SessionInterrupted: What a signed-in visitor did could not be saved, because the session has been revoked.
            StoreError, KeysUnavailable: It could not be saved, because there was no answer.

        """
        saves_always = conf.saves_every_request()
        if (session := self._session if saves_always else self._asked_for) is None:
            return
        if saves_always:
            session.read()
        if session.is_unsettled:
            session.settle()
        was_of_use = response.status_code < SERVER_ERROR and not self._has_raised
        if was_of_use and session.awaits_credentials:
            session.renew_credentials()
        if self._must_save(session, response, saves_always):
            self._save(session, response)
        self._tell(session, response)
        if was_of_use and session.is_worth_noting:
            session.touch()

    async def aanswer(self, response: HttpResponseBase) -> None:
        """Answer as `answer` does, from async code: no thread hop unless there is something to save."""
        saves_always = conf.saves_every_request()
        if (session := self._session if saves_always else self._asked_for) is None:
            return
        if saves_always:
            await session.aread()
        if session.is_unsettled:
            await session.asettle()
        was_of_use = response.status_code < SERVER_ERROR and not self._has_raised
        if was_of_use and session.awaits_credentials:
            await session.arenew_credentials()
        if self._must_save(session, response, saves_always):
            await self._asave(session, response)
        self._tell(session, response)
        if was_of_use and session.is_worth_noting:
            await session.atouch()

    @property
    def _session(self) -> EngineSession | None:
        return _of_this_engine(getattr(self._request, "session", None))

    @property
    def _asked_for(self) -> EngineSession | None:
        """The session, if anybody has asked for it: it is made for that."""
        return _of_this_engine(self._request.__dict__.get("session"))

    def _needed_session(self) -> EngineSession:
        if (session := self._session) is None:
            raise ImproperlyConfigured("request.session is gone: whoever took it must leave one of this engine there.")
        return session

    def _must_save(self, session: EngineSession, response: HttpResponseBase, saves_always: bool) -> bool:
        if not (session.modified or session.awaits_adoption or saves_always):
            return False
        if response.status_code >= SERVER_ERROR or session.is_empty():
            return False
        # Else it was sent before the browser had its new cookie, which a new session would overwrite.
        return not session.spares_cookie or session.who() is not None

    def _save(self, session: EngineSession, response: HttpResponseBase) -> None:
        session.may_be_adopted = True
        try:
            if self._has_raised or not session.is_stored():
                session.save()
        except SessionOver as over:
            self._excuse(over)
        else:
            self._hand_over(session, response)

    async def _asave(self, session: EngineSession, response: HttpResponseBase) -> None:
        session.may_be_adopted = True
        try:
            if self._has_raised or not session.is_stored():
                await session.asave()
        except SessionOver as over:
            self._excuse(over)
        else:
            self._hand_over(session, response)

    def _excuse(self, over: SessionOver) -> None:
        if not (over.is_harmless or self._has_raised):
            raise SessionInterrupted(
                "The request's session was deleted before the request completed. The user may have logged out in a"
                " concurrent request, for example."
            ) from over

    def _hand_over(self, session: EngineSession, response: HttpResponseBase) -> None:
        known_to_browser = self._request.COOKIES.get(get_cookie_policy().name)
        is_news = session.end_has_moved or session.session_key != known_to_browser
        if is_news and session.session_key is not None:
            remaining = None if session.get_expire_at_browser_close() else session.remaining()
            get_cookie_policy().put(response, SessionSecret(session.session_key), remaining)

    def _tell(self, session: EngineSession, response: HttpResponseBase) -> None:
        policy = get_cookie_policy()
        is_dead = session.is_empty() and not session.spares_cookie and policy.name in self._request.COOKIES
        is_replaced = policy.name in response.cookies
        if is_dead and not is_replaced and not self._has_raised and response.status_code < SERVER_ERROR:
            policy.clear(response)
        if session.accessed:
            policy.vary(response)


def _of_this_engine(session: object) -> EngineSession | None:
    return session if isinstance(session, EngineSession) else None  # a view may have put something else there


def _checked(lifetime: timedelta | None) -> timedelta | None:
    if lifetime is not None and lifetime <= timedelta():
        raise ValueError("A session's lifetime must be longer than nothing.")
    return lifetime
