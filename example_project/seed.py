"""Sessions of every state, so that the admin has something to show."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from codlet_sessions.api import get_manager
from codlet_sessions.hashing import KeyRing, SecretHasher
from codlet_sessions.issued import IssuedSession
from codlet_sessions.manager import SessionManager
from codlet_sessions.models import Session
from codlet_sessions.records import NO_FACTS, ClientFacts, RevocationReason
from example_project.people import ADMINISTRATOR, VISITOR

_PHONE = "Mozilla/5.0 (Android 15; Mobile; rv:146.0) Gecko/146.0 Firefox/146.0"
_TABLET = (
    "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6"
    " Mobile/15E148 Safari/604.1"
)


def make_sessions() -> None:
    """Make some sessions of every state, unless there are sessions already. Nobody ever holds their secrets."""
    if Session.objects.exists():
        return
    ada, grace = _person(ADMINISTRATOR), _person(VISITOR)
    _begin(grace, days=16)  # has expired
    _begin_under_older_keys("device:41", grace, days=9)
    _begin("device:42", days=6, lifetime=timedelta(days=90))
    _end(_begin(grace, days=5), RevocationReason.LOGOUT, by=grace, after=timedelta(hours=2))
    _end(_begin(ada, days=4), RevocationReason.REQUESTED, by=None, after=timedelta(days=1))
    _begin("device:17", days=3, lifetime=timedelta(hours=12))  # has expired
    _begin("service:nightly-report", days=2, hours=5)
    _end(_begin("device:40", days=1), RevocationReason.ADMINISTRATOR, by=ada, after=timedelta(hours=6))
    _end(_begin("device:39", hours=8), "device lost", by=grace, after=timedelta(minutes=50))
    _begin(ada, hours=3)
    _begin(grace, days=2, client=ClientFacts(_TABLET, "198.51.100.0"))
    _begin(grace, minutes=20, client=ClientFacts(_PHONE, "203.0.113.0"))


def _begin(
    subject: object, *, lifetime: timedelta | None = None, client: ClientFacts = NO_FACTS, **ago: int
) -> IssuedSession:
    return _ago(**ago).issue(subject, lifetime=lifetime, client=client)


def _begin_under_older_keys(*subjects: object, days: int) -> None:
    keys = settings.CODLET_SESSIONS["KEYS"]
    for version in list(keys)[1:]:
        before_the_rotation = replace(_ago(days=days), hasher=SecretHasher(KeyRing(keys, active=version)))
        for subject in subjects:
            before_the_rotation.issue(subject)


def _end(issued: IssuedSession, reason: str, *, by: object, after: timedelta) -> None:
    _at(issued.record.created_at + after).revoke(issued.id, reason=reason, by=by)


def _ago(**span: int) -> SessionManager:
    return _at(timezone.now() - timedelta(**span))


def _at(moment: datetime) -> SessionManager:
    """Return the configured manager, living at ``moment``."""
    return replace(get_manager(), clock=lambda: moment)


def _person(name: str) -> User:
    return User.objects.get(username=name)
