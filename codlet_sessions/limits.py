"""
How many sessions a user may have at once, and what happens to the one that would be too many (ASVS 5.0 7.1.2).

Exact, however many sign in at the same moment: a sign-in locks the user's row, counts, writes and ends what is over the
limit, so that the next one counts what this one left. Nobody waits for it but those who sign in as the same user.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections, router, transaction
from django.db.models import F

from codlet_sessions import conf, events
from codlet_sessions.api import sessions
from codlet_sessions.errors import SessionLimitReached
from codlet_sessions.manager import SessionManager
from codlet_sessions.problems import EVICT_OLDEST, REFUSE
from codlet_sessions.records import ListedSession, RevocationReason
from codlet_sessions.stores.outages import translated_errors
from codlet_sessions.subjects import subject_of

_NOT_LOCKED = "The user who signs in could not be locked ({}), so that sessions could be counted. Is the database up?"


def applies_to(user: object) -> bool:
    """Return whether there may be a limit to the sessions of ``user``: not to those of a subject that is no user."""
    return conf.limits_sessions() and isinstance(user, get_user_model())


@contextmanager
def within_limit(user: Any, own: UUID | None = None) -> Iterator[bool]:
    """
    Begin a session of ``user`` in this block, and have no more than the limit afterwards.

    Args:
        user: Who signs in; if no limit applies, nothing is asked.
        own: The id of the session that is begun, if it has one, or that it replaces: it is not counted.

    Yields:
        Whether there is a limit: then the session must be written in this block.

    Raises:
        SessionLimitReached: There are as many already, and the host would rather refuse than evict.
        StoreError: The store, or the database of users, could not answer.

    """
    limit = conf.session_limit(user) if applies_to(user) else None
    if limit is None:
        yield False
        return
    with _locked(user):
        active = sessions.list_active(user)
        others = [session for session in active if session.id != own]
        is_one_more = len(others) == len(active)
        if is_one_more and len(others) >= limit and conf.at_limit() == REFUSE:
            _tell(user, limit, evicted=0)
            raise SessionLimitReached(
                f"Subject {subject_of(user).name!r} has {len(others)} sessions; {limit} are allowed."
            )
        yield True
        surplus = sorted(others, key=_rank, reverse=True)[limit - 1 :]
        for session in surplus:
            sessions.revoke(session.id, reason=RevocationReason.LIMIT)
    if surplus:
        _tell(user, limit, evicted=len(surplus))


def _rank(session: ListedSession) -> Any:
    if conf.at_limit() == EVICT_OLDEST:
        return session.created_at, session.id
    return session.last_seen_at or session.created_at, session.id


@contextmanager
def _locked(user: Any) -> Iterator[None]:
    model = get_user_model()
    using = router.db_for_write(model, instance=user)
    features = connections[using].features
    with translated_errors(_NOT_LOCKED), transaction.atomic(using=using):
        rows = model._base_manager.using(using).filter(pk=user.pk)
        if features.has_select_for_update:
            # No stronger than needed: rows that point to the user can be written meanwhile.
            list(rows.select_for_update(no_key=features.has_select_for_no_key_update).values_list("pk"))
        else:
            rows.update(**{model.USERNAME_FIELD: F(model.USERNAME_FIELD)})  # any write locks the whole file
        yield


def _tell(user: Any, limit: int, *, evicted: int) -> None:
    events.limit_reached(subject_of(user).name, limit, evicted).tell(SessionManager)
