"""The session of a request whose cookie is ours alone: a site that keeps another SESSION_ENGINE, or none."""

from datetime import timedelta
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from codlet_sessions import limits
from codlet_sessions.api import get_cookie_policy, get_keeper, sessions
from codlet_sessions.belonging import OfOneRequest
from codlet_sessions.clients import anote_device, facts_about, note_device
from codlet_sessions.cookies import SERVER_ERROR
from codlet_sessions.failures import RemembersFailure
from codlet_sessions.issued import IssuedSession
from codlet_sessions.records import ActiveSessionRecord, Finding, Rejection, RevocationReason, SessionRecord
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.stores.base import SessionDataStore
from codlet_sessions.subjects import may_sign_in, outdated_reason, subject_of, user_as_it_is
from codlet_sessions.turns import TakesTurns
from codlet_sessions.writes import SessionOver


class OwnCookieSession(RemembersFailure, TakesTurns, OfOneRequest):
    """
    One request's session: read at most once, and only if somebody asks.

    Attributes:
        accessed: Whether somebody asked, or signed in or out.

    """

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._has_raised = False
        self._unread = get_cookie_policy().take(request)
        self._was_sent = self._unread is not None
        self._record: ActiveSessionRecord | None = None
        self._whole: SessionRecord | None = None
        self._whose_credentials: object = None
        self._auth_hash: str | None = None
        self._issued: IssuedSession | None = None
        self._was_rejected = False
        self.accessed = False

    def read(self) -> ActiveSessionRecord | None:
        """
        Return the session that the cookie opens, or None.

        Raises:
            StoreError, KeysUnavailable: There was no answer; asking again in this request raises the same.

        """
        if (secret := self._to_ask_for()) is not None:
            with self._remembering_failure():
                finding = sessions.examine(secret)
                self._learn(finding)
                sessions.end_outdated(finding)
        return self._record

    async def aread(self) -> ActiveSessionRecord | None:
        """Read as `read` does, from async code."""
        await self._take_turn()
        try:
            if (secret := self._to_ask_for()) is not None:
                with self._remembering_failure():
                    finding = await sessions.aexamine(secret)
                    self._learn(finding)
                    await sessions.aend_outdated(finding)
        finally:
            self._end_turn()
        return self._record

    def sign_in(
        self, subject_or_user: object, lifetime: timedelta | None, persistent: bool | None
    ) -> ActiveSessionRecord:
        """Begin a session, and end the one that the request came with (reason "rotated")."""
        previous = self.read()
        terms = self._terms(subject_or_user, lifetime)
        with limits.within_limit(subject_or_user, None if previous is None else previous.id):
            issued = sessions.issue(subject_or_user, **terms, persistent=persistent)
        note_device(issued.id, issued.record.subject, terms["client"])
        if previous is not None:
            sessions.revoke(previous.id, reason=RevocationReason.ROTATED)
        self._go_on_with(issued)
        self._auth_hash = subject_of(subject_or_user).auth_hash
        return issued.record

    async def asign_in(
        self, subject_or_user: object, lifetime: timedelta | None, persistent: bool | None
    ) -> ActiveSessionRecord:
        """Sign in as `sign_in` does, from async code."""
        if limits.applies_to(subject_or_user):
            return await sync_to_async(self.sign_in)(subject_or_user, lifetime, persistent)  # a lock has no async form
        previous = await self.aread()
        terms = self._terms(subject_or_user, lifetime)
        issued = await sessions.aissue(subject_or_user, **terms, persistent=persistent)
        await anote_device(issued.id, issued.record.subject, terms["client"])
        if previous is not None:
            await sessions.arevoke(previous.id, reason=RevocationReason.ROTATED)
        self._go_on_with(issued)
        self._auth_hash = subject_of(subject_or_user).auth_hash
        return issued.record

    def confirm(self) -> ActiveSessionRecord:
        """Take down that the subject has proved again who it is: a new secret, and its life begins anew."""
        if self._issued is not None and self._record is not None:  # in this very request
            return self._record
        whole = self._needed_whole()
        self._go_on_with(get_keeper().renew(whole, client=facts_about(self._request, whole.subject)))
        return cast(ActiveSessionRecord, self._record)

    async def aconfirm(self) -> ActiveSessionRecord:
        """Confirm as `confirm` does, from async code."""
        if self._issued is not None and self._record is not None:
            return self._record
        whole = self._needed_whole()
        self._go_on_with(await get_keeper().arenew(whole, client=facts_about(self._request, whole.subject)))
        return cast(ActiveSessionRecord, self._record)

    def is_outdated(self, user: object) -> bool:
        """Return whether this session of ``user``, which has been read, began under other credentials."""
        return outdated_reason(user, self._auth_hash) is not None

    def note_credentials(self, user: Any) -> None:
        """Take down that ``user``, whose session this is, has other credentials: it goes on under a new secret."""
        self._whose_credentials = user.pk

    def sign_out(self) -> bool:
        """Revoke the session, if there is one (reason "logout"). Return whether there was."""
        current = self.read()
        if current is not None:
            sessions.revoke(current.id, reason=RevocationReason.LOGOUT, by=current.subject)
        self._go_on_with(None)
        return current is not None

    async def asign_out(self) -> bool:
        """Sign out as `sign_out` does, from async code."""
        current = await self.aread()
        if current is not None:
            await sessions.arevoke(current.id, reason=RevocationReason.LOGOUT, by=current.subject)
        self._go_on_with(None)
        return current is not None

    def forget(self) -> None:
        """
        Leave the browser's cookie as it is, whatever was decided so far.

        For a view that raised: under ATOMIC_REQUESTS its sign-in or sign-out is rolled back, on a 404 as on a 500.
        """
        self._has_raised, self._issued, self._was_rejected = True, None, False

    def answer(self, response: HttpResponseBase) -> None:
        """
        Write into ``response`` what the browser and the caches must know, and write down that the session is in use.

        A server error changes no cookie: what it was about to say may have been rolled back.
        """
        used = self._used_for(response)
        if used is not None and self._whose_credentials is not None:
            self._renew(used, user_as_it_is(self._whose_credentials))
        self._tell(response)
        if used is not None:
            sessions.touch(used)

    async def aanswer(self, response: HttpResponseBase) -> None:
        """Answer as `answer` does, from async code."""
        used = self._used_for(response)
        if used is not None and self._whose_credentials is not None:
            user = await sync_to_async(user_as_it_is)(self._whose_credentials)
            await sync_to_async(self._renew)(used, user)  # rare, and not worth a twin
        self._tell(response)
        if used is not None:
            await sessions.atouch(used)

    def _renew(self, session: ActiveSessionRecord, user: Any) -> None:
        """Go on under a new secret and the credentials of ``user`` as it is now, for a change may be rolled back."""
        if user is None or not may_sign_in(user):
            return None
        store = sessions.store
        if not isinstance(store, SessionDataStore):  # whose sessions get no new secret: another one, then
            issued = sessions.issue(user, **self._terms(user, session.expires_at - session.authenticated_at))
            sessions.revoke(session.id, reason=RevocationReason.ROTATED)
            return self._go_on_with(issued)
        whole = self._whole or store.read_session(session.id)
        try:
            if whole is None:
                raise SessionOver(f"Session {session.id} began in a transaction that was rolled back.")
            self._go_on_with(get_keeper().renew(whole, subject=subject_of(user)))
        except SessionOver as over:
            self._go_on_with(None)
            self._was_rejected = not over.is_superseded

    def _used_for(self, response: HttpResponseBase) -> ActiveSessionRecord | None:
        return None if self._has_raised or response.status_code >= SERVER_ERROR else self._record

    def _tell(self, response: HttpResponseBase) -> None:
        if response.status_code < SERVER_ERROR:
            if self._issued is not None:
                self._issued.set_cookie(response)
            elif self._was_rejected and get_cookie_policy().name not in response.cookies:
                get_cookie_policy().clear(response)
            self._issued, self._was_rejected = None, False
        if self.accessed:
            get_cookie_policy().vary(response)

    def _terms(self, subject_or_user: object, lifetime: timedelta | None) -> dict[str, Any]:
        timeouts = sessions.timeouts
        longest = timeouts.absolute or timedelta.max
        return {
            "lifetime": None if lifetime is None else min(lifetime, longest),
            "idle_time": timeouts.idle_time("somebody", has_own_expiry=lifetime is not None),
            "client": facts_about(self._request, subject_of(subject_or_user).name),
        }

    def _needed_whole(self) -> SessionRecord:
        if self._whole is None:
            raise ImproperlyConfigured(
                "CODLET_SESSIONS['STORE'] is no codlet_sessions.stores.base.SessionDataStore, whose sessions alone can"
                " get a new secret in place: a sign-in cannot be confirmed."
            )
        return self._whole

    def _go_on_with(self, issued: IssuedSession | None) -> None:
        self.accessed = True
        self._unread = self._whole = self._whose_credentials = None
        self._was_rejected = issued is None and self._was_sent
        self._issued = issued
        self._record = None if issued is None else issued.record

    def _to_ask_for(self) -> SessionSecret | None:
        self.accessed = True
        return self._unread

    def _learn(self, finding: Finding) -> None:
        self._unread = None
        if isinstance(finding, Rejection):
            self._was_rejected = not finding.spares_the_cookie
            return
        self._whole = finding if isinstance(finding, SessionRecord) else None
        self._auth_hash = None if self._whole is None else self._whole.auth_hash
        active = finding.as_active() if isinstance(finding, SessionRecord) else finding
        self._record = active if active.subject else None
