"""Issuing, validating, listing and revoking, through both faces of the configured sessions."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.test import override_settings
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreInvariantViolated, StoreUnavailable
from codlet_sessions.models import Session
from codlet_sessions.records import ActiveSessionRecord, RevocationReason
from tests.factories import SessionFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_issued_session_validates_and_says_who_and_since_when(face):
    before = timezone.now()
    issued = face.issue("device:42")
    record = face.validate(issued.secret)
    assert record == issued.record
    assert (record.id, record.subject) == (issued.id, "device:42")
    assert before <= record.created_at == record.authenticated_at <= timezone.now()
    assert record.expires_at - record.created_at == timedelta(days=14)


def test_a_row_says_what_was_issued(face):
    user = UserFactory()
    issued = face.issue(user)
    row = Session.objects.get()
    assert (row.pk, row.subject, row.user, row.key_version) == (issued.id, str(user.pk), user, "2026-11")
    assert (row.revoked_at, row.revoked_reason, row.revoked_by, row.idle_expires_at) == (None, "", "", None)
    assert row.last_seen_at == row.authenticated_at == row.created_at
    assert len(row.data) == len(":") + 43  # nothing but the seal
    assert row.lookup_key == sessions.hasher.lookup_key(issued.secret)[0]


def test_the_text_of_a_secret_validates_too(face):
    issued = face.issue("device:42")
    assert face.validate(issued.secret.expose()) == issued.record


def test_what_is_handed_out_holds_neither_secret_nor_lookup_key(face):
    issued = face.issue("device:42")
    lookup_key, _version = sessions.hasher.lookup_key(issued.secret)
    for handed_out in (issued, issued.record, face.validate(issued.secret), face.list_active("device:42")):
        assert issued.secret.expose() not in repr(handed_out)
        assert str(lookup_key) not in repr(handed_out)
    moments = ("created_at", "authenticated_at", "expires_at", "last_seen_at", "idle_expires_at")
    assert ActiveSessionRecord.__slots__ == ("id", "subject", *moments)


def test_a_session_lasts_as_long_as_it_is_told_to(face):
    with override_settings(SESSION_COOKIE_AGE=60):
        record = face.issue("device:42").record
    assert record.expires_at - record.created_at == timedelta(seconds=60)
    record = face.issue("device:42", lifetime=timedelta(minutes=5)).record
    assert record.expires_at - record.created_at == timedelta(minutes=5)


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1)])
def test_a_lifetime_of_nothing_is_refused(face, lifetime):
    with pytest.raises(ValueError, match="longer than nothing"):
        face.issue("device:42", lifetime=lifetime)
    assert not Session.objects.exists()


def test_a_session_of_an_older_key_goes_on_when_a_new_key_becomes_active(face):
    keys = {"old": "o" * 32, "new": "n" * 32}
    with override_settings(CODLET_SESSIONS={"KEYS": keys}):
        issued = face.issue("device:42")
    with override_settings(CODLET_SESSIONS={"KEYS": keys, "ACTIVE_KEY": "new"}):
        assert face.validate(issued.secret) == issued.record
        assert face.issue("device:42") is not None
    assert set(Session.objects.values_list("key_version", flat=True)) == {"old", "new"}


def test_a_session_whose_key_is_gone_opens_nothing(face):
    issued = face.issue("device:42")
    with override_settings(CODLET_SESSIONS={"KEYS": {"another": "a" * 32}}):
        assert face.validate(issued.secret) is None


def test_revoking_ends_a_session_once_and_says_why_and_by_whom(face):
    issued, administrator = face.issue("device:42"), UserFactory()
    assert face.revoke(issued.id, reason=RevocationReason.ADMINISTRATOR, by=administrator) is True
    assert face.revoke(str(issued.id), reason="later", by="somebody else") is False
    assert face.validate(issued.secret) is None
    row = Session.objects.get()
    assert (row.revoked_reason, row.revoked_by) == ("administrator", str(administrator.pk))


def test_revoking_all_ends_every_session_of_the_subject_but_the_one_to_keep(face):
    user = UserFactory()
    kept, *ended = [face.issue(user) for _ in range(3)]
    stranger = face.issue("device:42")
    assert face.revoke_all(user, keep=kept.id) == 2
    assert face.revoke_all(user, keep=str(kept.id)) == 0
    assert [face.validate(issued.secret) for issued in ended] == [None, None]
    assert [face.validate(issued.secret) for issued in (kept, stranger)] == [kept.record, stranger.record]
    assert face.revoke_all(user) == 1


def test_active_sessions_are_listed_the_newest_first(face):
    user = UserFactory()
    older, newer = face.issue(user), face.issue(user)
    SessionFactory(user=user, expired=True)
    SessionFactory(user=user, revoked=True)
    assert [session.id for session in face.list_active(user)] == [newer.id, older.id]
    assert face.list_active(str(user.pk)) == face.list_active(user)


def test_a_lazy_user_of_a_request_is_a_user(face):
    user = UserFactory()
    assert face.issue(SimpleLazyObject(lambda: user)).record.subject == str(user.pk)


@pytest.mark.parametrize("subject", [None, 42, Group(pk=42), AnonymousUser(), ["device:42"]])
def test_what_is_neither_user_nor_string_is_no_subject(face, subject):
    with pytest.raises(TypeError, match="a user of AUTH_USER_MODEL or a string"):
        face.issue(subject)


@pytest.mark.parametrize(
    ("subject", "message"),
    [("", "empty"), ("x" * 256, "256 characters long"), ("a\0b", "NUL"), (User(username="new"), "save it before")],
)
def test_a_subject_that_names_nobody_is_refused(face, subject, message):
    for ask in (face.issue, face.revoke_all, face.list_active):
        with pytest.raises(ValueError, match=message):
            ask(subject)


def test_an_id_that_is_none_is_refused_without_being_repeated(face, issued):
    for ask in (face.revoke, lambda id: face.revoke_all("device:42", keep=id)):  # noqa: A006
        with pytest.raises(ValueError, match="A session id is a UUID") as caught:
            ask(issued.secret.expose())
        assert issued.secret.expose() not in str(caught.value)


def test_a_reason_that_does_not_fit_is_refused(face, issued):
    with pytest.raises(ValueError, match="33 characters long; 32 are allowed"):
        face.revoke(issued.id, reason="x" * 33)


def test_a_reason_that_postgresql_cannot_store_is_refused(face, issued):
    with pytest.raises(ValueError, match="NUL"):
        face.revoke(issued.id, reason="a\0b")


def test_moments_are_in_utc_whatever_zone_the_database_speaks(face, issued):
    from django.db import connection

    connection.close()
    connection.settings_dict["TIME_ZONE"] = None if connection.vendor == "postgresql" else "Asia/Tokyo"
    vars(connection).pop("timezone", None)
    try:
        assert {moment.tzinfo for moment in (face.validate(face.issue("device:1").secret).created_at,)} == {UTC}
    finally:
        connection.close()
        connection.settings_dict["TIME_ZONE"] = None
        vars(connection).pop("timezone", None)


def frames_of(error):
    """What every frame below the caller's holds, of the error and of all that caused it."""
    while error:
        traceback = error.__traceback__
        while traceback:
            if "asgiref" not in traceback.tb_frame.f_code.co_filename:
                yield traceback.tb_frame
            traceback = traceback.tb_next
        error = error.__cause__


def test_no_frame_of_a_failure_holds_the_secret_or_a_lookup_key(face, issued, database_down):
    secret = issued.secret.expose()
    lookup_key, _version = sessions.hasher.lookup_key(secret)
    with pytest.raises(StoreUnavailable) as caught:
        face.validate(secret)
    held = [repr(frame.f_locals) for frame in frames_of(caught.value) if frame.f_code.co_filename != __file__]
    forbidden = (secret, str(lookup_key), repr(bytes.fromhex(lookup_key))[2:-1])
    assert len(held) >= 3
    assert [text for text in held if any(form in text for form in forbidden)] == []


def test_a_failing_insert_leaves_a_transaction_that_can_go_on(face, monkeypatch):
    from django.db import transaction

    taken = face.issue("device:42")
    monkeypatch.setattr("codlet_sessions.manager.uuid7", lambda: taken.id)
    with transaction.atomic():
        with pytest.raises(StoreInvariantViolated):
            sessions.issue("device:43")
        assert Session.objects.count() == 1


def test_a_duplicate_shows_no_lookup_key_in_the_error(face, monkeypatch):
    import traceback

    taken = face.issue("device:42")
    lookup_key, _version = sessions.hasher.lookup_key(taken.secret)
    monkeypatch.setattr("codlet_sessions.secrets.os.urandom", lambda size: bytes.fromhex(taken.secret.expose()))
    with pytest.raises(StoreInvariantViolated) as caught:
        face.issue("device:43")
    shown = "".join(traceback.format_exception(caught.value)).lower()
    assert lookup_key not in shown


def test_the_table_outside_a_transaction_is_written_in_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        sessions.issue("device:42")


def test_a_session_can_be_kept_on_another_database_than_the_default():
    from codlet_sessions.stores.orm import OrmSessionStore

    assert OrmSessionStore().using == "default"
    assert OrmSessionStore(using="elsewhere").using == "elsewhere"


def test_lookup_keys_are_raw_bytes_in_the_database_and_hex_in_python(issued):
    from django.core.exceptions import ValidationError
    from django.core.serializers import deserialize, serialize
    from django.db import connection

    row = Session.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT lookup_key FROM codlet_sessions_session")
        assert bytes(cursor.fetchone()[0]) == bytes.fromhex(row.lookup_key)
    assert Session.objects.get(lookup_key=row.lookup_key) == row
    assert Session.objects.get(lookup_key=bytes.fromhex(row.lookup_key)) == row
    restored = next(iter(deserialize("json", serialize("json", [row])))).object
    assert restored.lookup_key == row.lookup_key
    for broken in ("00", "z" * 64, b"short", 5):
        with pytest.raises(ValidationError):
            Session.objects.filter(lookup_key=broken).exists()
    assert Session._meta.get_field("lookup_key").to_python(None) is None


def test_a_row_is_named_by_its_id_alone(issued):
    row = Session.objects.get()
    assert str(row) == str(issued.id)
    assert isinstance(row.pk, UUID)
    assert row.lookup_key not in repr(row)


def test_a_user_who_is_gone_without_a_signal_leaves_sessions_that_open_nothing(face, heard):
    user = UserFactory()
    issued = face.issue(user)
    user_model = type(user)
    user_model.objects.filter(pk=user.pk)._raw_delete("default")
    assert Session.objects.select_related("user").get().user is None
    assert face.validate(issued.secret) is None
    assert heard[-1] == ("session_rejected", {"reason": "outdated", "session_id": issued.id})
    assert Session.objects.get().revoked_at is None  # validating writes nothing


def test_now_is_the_configured_clock(face):
    from dataclasses import replace

    from codlet_sessions.api import get_manager
    from codlet_sessions.testing import Face

    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    manager = Face(replace(get_manager(), clock=lambda: noon), is_async=face._is_async)
    assert manager.issue("device:42").record.created_at == noon
