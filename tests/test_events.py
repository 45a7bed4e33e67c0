"""What is told of sessions, to code and to people: ids and reasons, never a secret or a lookup key."""

import logging

import pytest
from django.test import override_settings

from codlet_sessions import signals
from codlet_sessions.api import sessions
from codlet_sessions.manager import SessionManager
from codlet_sessions.models import Session
from tests.factories import SessionFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _listening(caplog):
    caplog.set_level(logging.DEBUG, logger="codlet_sessions")


def test_issuing_is_told(face, heard, caplog):
    issued = face.issue("device:42")
    assert heard == [("session_issued", {"session_id": issued.id, "subject": "device:42"})]
    assert caplog.messages == [f"Session {issued.id} issued to subject 'device:42'."]


def test_revoking_is_told_once(face, heard, issued, caplog):
    heard.clear()
    face.revoke(issued.id, reason="lost phone", by="device:1")
    face.revoke(issued.id)
    assert heard == [("session_revoked", {"session_id": issued.id, "reason": "lost phone", "revoked_by": "device:1"})]
    assert f"Session {issued.id} revoked (lost phone)." in caplog.messages


def test_revoking_all_is_told_with_its_count(face, heard, issued):
    heard.clear()
    kept = SessionFactory(subject="device:42")
    face.revoke_all("device:42", keep=kept.pk, reason="lost phone")
    face.revoke_all("device:42", keep=kept.pk)
    payload = {"subject": "device:42", "count": 1, "kept": kept.pk, "reason": "lost phone", "revoked_by": ""}
    assert heard == [("subject_revoked", payload)]


def rejected(face, heard, secret):
    heard.clear()
    assert face.validate(secret) is None
    return heard


def test_a_rejection_is_told_with_its_inside_reason(face, heard, issued):
    secret = issued.secret
    assert rejected(face, heard, "x") == [("session_rejected", {"reason": "malformed", "session_id": None})]
    assert rejected(face, heard, "0" * 64) == [("session_rejected", {"reason": "unknown", "session_id": None})]
    Session.objects.update(expires_at=issued.record.created_at)
    assert rejected(face, heard, secret) == [("session_rejected", {"reason": "expired", "session_id": issued.id})]
    face.revoke(issued.id)
    assert rejected(face, heard, secret) == [("session_rejected", {"reason": "revoked", "session_id": issued.id})]


def test_a_row_under_the_version_of_another_held_key_is_a_mismatch(face, heard, issued):
    Session.objects.update(key_version="2026-05")
    expected = ("session_rejected", {"reason": "key_version_mismatch", "session_id": issued.id})
    assert rejected(face, heard, issued.secret) == [expected]


def test_a_row_under_a_version_that_is_not_held_is_told_to_whoever_renamed_the_key(face, heard, issued, caplog):
    Session.objects.update(key_version="2025-01")
    assert ("key_version_missing", {"session_id": issued.id, "key_version": "2025-01"}) in rejected(
        face, heard, issued.secret
    )
    warning = caplog.records[-1]
    assert warning.levelname == "WARNING"
    assert "'2025-01', which CODLET_SESSIONS['KEYS'] does not hold" in warning.getMessage()


def test_a_receiver_that_fails_harms_nobody(face, caplog):
    def failing(**payload):
        raise RuntimeError("a bug of the host")

    signals.session_issued.connect(failing)
    try:
        assert face.issue("device:42").secret
    finally:
        signals.session_issued.disconnect(failing)
    assert "a bug of the host" in caplog.text


def test_the_sender_is_the_manager(face):
    senders = []

    def receive(sender, **payload):
        senders.append(sender)

    signals.session_issued.connect(receive)
    try:
        face.issue("device:42")
    finally:
        signals.session_issued.disconnect(receive)
    assert senders == [SessionManager]


def test_log_records_carry_the_facts_for_machines(face, issued, caplog):
    face.revoke(issued.id, reason="lost phone")
    record = caplog.records[-1]
    assert (record.session_id, record.reason, record.revoked_by) == (issued.id, "lost phone", "")


def test_no_payload_log_record_exception_or_repr_holds_a_secret_or_a_lookup_key(face, heard, caplog):
    """Everything that can happen to a session happens; then all that was told is searched for all that must not be."""
    told, forbidden = [heard, sessions], set()

    def remember(issued):
        text = issued.secret.expose()
        forbidden.update(str(lookup_key) for lookup_key, _version in sessions.hasher.candidates(text))
        forbidden.update({text, repr(bytes.fromhex(text)), text.upper()})
        told.extend([issued, issued.record, issued.secret])
        return issued

    def attempt(task, *args, **kwargs):
        try:
            told.append(task(*args, **kwargs))
        except Exception as error:
            told.extend([error, error.args, error.__context__])

    one, two, three = (remember(face.issue("device:42")) for _ in range(3))
    attempt(face.validate, one.secret)
    attempt(face.revoke, one.id)
    attempt(face.validate, one.secret)
    attempt(face.revoke, two.secret.expose())
    attempt(face.revoke, two.secret)
    attempt(face.issue, two.secret)
    attempt(face.list_active, "device:42")
    Session.objects.filter(pk=two.id).update(key_version="gone")
    attempt(face.validate, two.secret.expose())
    Session.objects.filter(pk=three.id).update(expires_at=three.record.created_at)
    attempt(face.validate, three.secret)
    attempt(face.validate, three.secret.expose() + "0")
    attempt(face.revoke_all, "device:42")
    with override_settings(CODLET_SESSIONS={"KEYS": {"v": "short"}}):
        attempt(lambda: face.validate(three.secret))
    told.extend(Session.objects.all())

    everything = repr(told) + str(told) + caplog.text + repr([vars(record) for record in caplog.records])
    assert len(forbidden) >= 9
    assert not [text for text in forbidden if text in everything]
