"""The statement that ends all sessions of a subject: compiled once for each database."""

from datetime import UTC, datetime
from functools import cache
from typing import Final
from uuid import UUID

from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet, ended
from codlet_sessions.records import Cause
from codlet_sessions.stores.compiled import Update, compiled_update, update

_NOW: Final = datetime(1999, 1, 1, tzinfo=UTC)
_KEPT: Final = UUID(int=1)
_SUBJECT, _REASON, _BY = "some subject", "some reason", "somebody"
_SAMPLES: Final = {"now": _NOW, "kept": _KEPT, "subject": _SUBJECT, "reason": _REASON, "by": _BY}


def end_subject(subject: str, now: datetime, cause: Cause, keep: UUID | None, using: str) -> int:
    """
    End every active session of ``subject`` but ``keep``, and return how many that ended: one statement.

    It tells nobody of the rows: for a host where nobody keeps copies of them (see `codlet_sessions.changes`).

    Raises:
        django.db.Error: The database failed.

    """
    values = {"now": now, "kept": keep, "subject": subject, "reason": cause.reason, "by": cause.revoked_by}
    return update(_statement(using, cause.forgets_client, keep is not None), values, using)


@cache
def _statement(using: str, forgets_client: bool, keeps_one: bool) -> Update:
    rows = SessionQuerySet(Session, using=using).of_subject(_SUBJECT).active(_NOW)
    if keeps_one:
        rows = rows.exclude(id=_KEPT)
    cause = Cause(_REASON, _BY, forgets_client=forgets_client)
    return compiled_update(rows, ended(_NOW, cause), _SAMPLES, using)
