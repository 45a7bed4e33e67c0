"""The statement that ends all sessions of a subject is the one that the querysets would have written."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions.errors import StoreError
from codlet_sessions.models import Session
from codlet_sessions.records import Cause
from codlet_sessions.stores.ending import end_subject
from codlet_sessions.stores.orm import OrmSessionStore
from tests.factories import SessionFactory

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
SUBJECT = "50% of device:7 'or' \"so\"; %s"


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def rows(now):
    """Return sessions of one subject in every state, by what they are, and one of somebody else."""
    of_subject = {
        "active": {},
        "in use": {"idle_expires_at": now + HOUR},
        "left idle": {"idle_expires_at": now},
        "expired": {"expires_at": now},
        "revoked": {"revoked": True, "revoked_at": now - HOUR, "revoked_by": "before"},
    }
    known = {"user_agent": "Firefox", "ip_address": "192.0.2.7", "data": "sealed"}
    made = {name: SessionFactory(subject=SUBJECT, **known, **facts) for name, facts in of_subject.items()}
    return {**made, "another's": SessionFactory(subject=SUBJECT + " ", **known)}


def as_they_are():
    return list(Session.objects.order_by("id").values())


@pytest.mark.parametrize("forgets_client", [True, False])
@pytest.mark.parametrize("kept", ["nobody", "active", "another's", "a stranger"])
def test_it_does_to_every_row_what_the_queryset_does(rows, now, kept, forgets_client):
    keep = {"nobody": None, "a stranger": uuid4()}.get(kept, rows[kept].pk if kept in rows else None)
    cause = Cause("limit", "admin:1", forgets_client=forgets_client)
    queryset = Session.objects.of_subject(SUBJECT).active(now)
    with transaction.atomic():
        count = (queryset if keep is None else queryset.exclude(id=keep)).revoke(now, cause)
        wanted = as_they_are()
        transaction.set_rollback(True)
    assert end_subject(SUBJECT, now, cause, keep, "default") == count == (1 if kept == "active" else 2)
    assert as_they_are() == wanted


def test_it_says_the_same_in_sql(now):
    def said(end):
        with CaptureQueriesContext(connection) as queries:
            end()
        return queries[-1]["sql"]

    cause = Cause("limit", "admin:1")
    by_queryset = said(lambda: Session.objects.of_subject("a").active(now).update(**wanted(now, cause)))
    assert said(lambda: end_subject("a", now, cause, None, "default")) == by_queryset


def wanted(now, cause):
    ended = {"revoked_at": now, "revoked_reason": cause.reason, "revoked_by": cause.revoked_by, "data": ""}
    return {**ended, "user_agent": "", "ip_address": None}


def test_a_transaction_in_which_it_failed_goes_on_no_further(now):
    too_long = Cause("x" * 100)
    SessionFactory(subject="a")
    with transaction.atomic():
        if connection.vendor == "sqlite":  # which takes any length
            OrmSessionStore().revoke_subject("a", now, too_long)
        else:
            with pytest.raises(StoreError):
                OrmSessionStore().revoke_subject("a", now, too_long)
        assert transaction.get_connection().needs_rollback is (connection.vendor != "sqlite")
        transaction.set_rollback(True)
