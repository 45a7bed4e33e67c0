"""Somebody can write the table, but has no key: whatever they put where, nobody is signed in as somebody else."""

from dataclasses import replace
from itertools import chain, combinations

import pytest
from django.test import Client

from codlet_sessions.api import get_keeper, sessions
from codlet_sessions.backends.db import SessionStore
from codlet_sessions.models import Session
from codlet_sessions.signals import session_rejected

COLUMNS = ("data", "subject", "user_id", "lookup_key", "key_version", "data_version")
EVERY_SWAP = list(chain.from_iterable(combinations(COLUMNS, size) for size in range(1, len(COLUMNS) + 1)))
LOOKUP_KEY = "lookup_key"


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def seen_by(cookie):
    client = Client()
    client.cookies["sessionid"] = cookie
    subject = client.get("/s/both/").json()["subject"]
    return {subject, client.get("/s/user/").content.decode()} - {None, ""}


def swap(columns, one, other):
    one, other = (Session.objects.get(pk=row.pk) for row in (one, other))
    taken = {column: (getattr(one, column), getattr(other, column)) for column in columns}
    if LOOKUP_KEY in columns:  # it is unique: out of the way first
        Session.objects.filter(pk=one.pk).update(lookup_key="0" * 64)
    Session.objects.filter(pk=other.pk).update(**{column: mine for column, (mine, _theirs) in taken.items()})
    Session.objects.filter(pk=one.pk).update(**{column: theirs for column, (_mine, theirs) in taken.items()})


@pytest.fixture
def thief_and_victim(ada, grace, settings):
    settings.CODLET_SESSIONS = {"KEYS": dict(reversed(settings.CODLET_SESSIONS["KEYS"].items()))}
    victim = signed_in(ada)
    settings.CODLET_SESSIONS = {"KEYS": dict(reversed(settings.CODLET_SESSIONS["KEYS"].items()))}
    thief = signed_in(grace)
    rows = Session.objects.get(user=grace), Session.objects.get(user=ada)
    assert rows[0].key_version != rows[1].key_version
    return thief.cookies["sessionid"].value, victim.cookies["sessionid"].value, rows


@pytest.mark.parametrize("columns", EVERY_SWAP, ids="+".join)
def test_no_swap_between_two_rows_signs_anybody_in_as_somebody_else(thief_and_victim, columns, ada, grace):
    thief, victim, rows = thief_and_victim
    assert (seen_by(thief), seen_by(victim)) == ({str(grace.pk), "grace"}, {str(ada.pk), "ada"})
    swap(columns, *rows)
    assert seen_by(thief) <= {str(grace.pk), "grace"}
    assert seen_by(victim) <= {str(ada.pk), "ada"}


@pytest.mark.parametrize("column", ["data", "subject"])
def test_a_single_swapped_value_is_no_session_and_is_told(thief_and_victim, column, heard):
    thief, _victim, (row, other) = thief_and_victim
    swap([column], row, other)
    assert seen_by(thief) == set()
    assert ("session_rejected", {"reason": "tampered", "session_id": row.pk}) in heard


def test_a_subject_that_an_issued_session_was_given_by_hand_is_no_session(face):
    thief, _victim = face.issue("device:1"), face.issue("device:2")
    Session.objects.filter(pk=thief.id).update(subject="device:2")
    assert face.validate(thief.secret) is None


def test_a_lookup_key_put_into_another_row_does_not_open_it(face):
    thief, victim = face.issue("device:1"), face.issue("device:2")
    key = Session.objects.get(pk=thief.id).lookup_key
    Session.objects.filter(pk=thief.id).delete()
    Session.objects.filter(pk=victim.id).update(lookup_key=key)
    assert face.validate(thief.secret) is None


def test_a_revocation_that_was_taken_back_by_hand_stays_one(face):
    issued = face.issue("device:1")
    face.revoke(issued.id)
    Session.objects.update(revoked_at=None, revoked_reason="")
    assert face.validate(issued.secret) is None


def test_a_row_that_was_made_by_hand_is_no_session(face):
    issued = face.issue("device:1")
    row = Session.objects.get()
    row.data = ""
    row.save()
    assert face.validate(issued.secret) is None


def test_djangos_own_signature_makes_no_data_of_ours(settings, ada):
    store = SessionStore()
    store["value"] = "blue"
    store.save()
    Session.objects.update(data=store.encode({"_auth_user_id": str(ada.pk)}))
    assert SessionStore(store.session_key).load() == {}


@pytest.mark.parametrize("data", ["", ":", "::", "e30:", ":e30", "\x00", "é:é", "." + "A" * 500])
def test_no_garbage_in_the_data_is_more_than_no_session(data, request):
    from django.db import connection

    if "\x00" in data and connection.vendor == "postgresql":
        data = data.replace("\x00", "0")  # PostgreSQL keeps no NUL
    store = SessionStore()
    store["value"] = "blue"
    store.save()
    Session.objects.update(data=data)
    assert SessionStore(store.session_key).load() == {}


def test_a_row_that_was_tampered_with_while_a_request_was_under_way_is_not_sealed_by_it(ada):
    mine, other = SessionStore(), SessionStore()
    mine["value"] = "blue"
    mine.save()
    mine["value"] = "red"
    Session.objects.update(subject=str(ada.pk), data_version=7)
    with pytest.raises(Exception, match="no key"):
        mine.save()
    assert other.exists(mine.session_key) is False


def test_a_tampered_row_is_logged_as_a_warning(caplog):
    heard = []
    session_rejected.connect(lambda **facts: heard.append(facts["reason"]), weak=False, dispatch_uid="here")
    issued = sessions.issue("device:1")
    Session.objects.update(subject="device:2")
    sessions.validate(issued.secret)
    session_rejected.disconnect(dispatch_uid="here")
    assert heard == ["tampered"]
    (warning,) = [record for record in caplog.records if "tampered" in record.getMessage()]
    assert warning.levelname == "WARNING"
    assert f"sessions.revoke('{issued.id}')" in warning.getMessage()


def test_a_row_under_a_key_that_is_not_in_the_ring_is_vouched_for_by_nobody():
    issued = sessions.issue("device:1")
    record = get_keeper().store.read_session(issued.id)
    assert get_keeper().is_genuine(record)
    assert not get_keeper().is_genuine(replace(record, key_version="2027-01"))
