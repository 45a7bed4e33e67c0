"""What happened, told twice: as a signal to code, as a log record to people."""

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.dispatch import Signal

from codlet_sessions import signals
from codlet_sessions.records import ActiveSessionRecord, Cause, ClientFacts, Rejection, RejectionReason

logger = logging.getLogger("codlet_sessions")

_TAMPERED = (
    "Session cookie rejected (%(reason)s): somebody without a key has changed the row of session %(session_id)s, its"
    " data, subject or lookup key. Find out who can write the session table; ending the session is safe:"
    " sessions.revoke('%(session_id)s')."
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: the signal and the log line that tell of it, and the facts in both."""

    signal: Signal
    level: int
    message: str
    facts: dict[str, Any]

    def tell(self, sender: type) -> None:
        """Log the event and send its signal. A receiver that fails is logged by Django; see `signals`."""
        self._log()
        self.signal.send_robust(sender=sender, **self.facts)

    async def atell(self, sender: type) -> None:
        """Tell as `tell` does, from async code. No thread hop unless a receiver is synchronous."""
        self._log()
        await self.signal.asend_robust(sender=sender, **self.facts)

    def _log(self) -> None:
        logger.log(self.level, self.message, self.facts, extra=self.facts)


def issued(session_id: UUID, subject: str) -> Event:
    """A session began."""
    return Event(
        signals.session_issued,
        logging.INFO,
        "Session %(session_id)s issued to subject %(subject)r.",
        {"session_id": session_id, "subject": subject},
    )


def revoked(session_id: UUID, cause: Cause) -> Event:
    """One session was ended."""
    return Event(
        signals.session_revoked,
        logging.INFO,
        "Session %(session_id)s revoked (%(reason)s).",
        {"session_id": session_id, "reason": str(cause.reason), "revoked_by": cause.revoked_by},
    )


def subject_revoked(subject: str, count: int, kept: UUID | None, cause: Cause) -> Event:
    """The sessions of a subject were ended."""
    return Event(
        signals.subject_revoked,
        logging.INFO,
        "Sessions of subject %(subject)r revoked (%(reason)s): %(count)d.",
        {
            "subject": subject,
            "count": count,
            "kept": kept,
            "reason": str(cause.reason),
            "revoked_by": cause.revoked_by,
        },
    )


def many_revoked(count: int, cause: Cause) -> Event:
    """Sessions were ended, whoever's they were."""
    return Event(
        signals.sessions_revoked,
        logging.WARNING,
        "%(count)d sessions revoked (%(reason)s).",
        {"count": count, "reason": str(cause.reason), "revoked_by": cause.revoked_by},
    )


def rotated(session_id: UUID, subject: str) -> Event:
    """A session goes on under a new secret."""
    return Event(
        signals.session_rotated,
        logging.INFO,
        "Session %(session_id)s of subject %(subject)r has a new secret.",
        {"session_id": session_id, "subject": subject},
    )


def limit_reached(subject: str, limit: int, evicted: int) -> Event:
    """A sign-in was one too many."""
    outcome = "%(evicted)d others were ended for it" if evicted else "it was refused"
    return Event(
        signals.session_limit_reached,
        logging.INFO,
        f"A sign-in of subject %(subject)r met the limit of %(limit)d sessions: {outcome}.",
        {"subject": subject, "limit": limit, "evicted": evicted},
    )


def new_device(session_id: UUID, subject: str, client: ClientFacts) -> Event:
    """A subject signed in from something new."""
    return Event(
        signals.new_device,
        logging.INFO,
        "Session %(session_id)s of subject %(subject)r is on a device that is new.",
        {
            "session_id": session_id,
            "subject": subject,
            "user_agent": client.user_agent,
            "ip_address": client.ip_address,
        },
    )


def sign_in_confirmed(session: ActiveSessionRecord) -> Event:
    """Somebody proved again who they are."""
    return Event(
        signals.sign_in_confirmed,
        logging.INFO,
        "Subject %(subject)r confirmed the sign-in of session %(session_id)s.",
        {"session_id": session.id, "subject": session.subject},
    )


def sign_in_not_confirmed(session: ActiveSessionRecord) -> Event:
    """Somebody could not."""
    return Event(
        signals.sign_in_not_confirmed,
        logging.WARNING,
        "Subject %(subject)r did not confirm the sign-in of session %(session_id)s: wrong password.",
        {"session_id": session.id, "subject": session.subject},
    )


def renewed(session_id: UUID, subject: str) -> Event:
    """Somebody signed in, or confirmed it, on a session that was there."""
    return Event(
        signals.session_renewed,
        logging.INFO,
        "Session %(session_id)s renewed: subject %(subject)r signed in.",
        {"session_id": session_id, "subject": subject},
    )


def rejected(rejection: Rejection) -> Event:
    """A cookie led to no session."""
    is_tampered = rejection.reason is RejectionReason.TAMPERED
    return Event(
        signals.session_rejected,
        logging.WARNING if is_tampered else logging.INFO,
        _TAMPERED if is_tampered else "Session cookie rejected (%(reason)s).",
        {"reason": str(rejection.reason), "session_id": rejection.session_id},
    )


def key_version_missing(rejection: Rejection) -> Event:
    """A row's key version is not in the key ring."""
    return Event(
        signals.key_version_missing,
        logging.WARNING,
        "Session %(session_id)s was stored under key version %(key_version)r, which CODLET_SESSIONS['KEYS'] does not"
        " hold. If the key was renamed, give it its old name back: its sessions stay signed out until then.",
        {"session_id": rejection.session_id, "key_version": rejection.key_version},
    )
