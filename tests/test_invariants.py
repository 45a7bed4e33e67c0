"""The nine promises, each with the test that has its name. The rest of the suite is their small print."""

import ast
import logging
import os

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from codlet_sessions import conf
from codlet_sessions.api import sessions
from codlet_sessions.errors import StoreError
from codlet_sessions.models import Session
from codlet_sessions.stores.orm import OrmSessionStore
from tests.browsers import COOKIE

pytestmark = pytest.mark.django_db(transaction=True)


def every_cell():
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield from row


def test_invariant_1_the_plaintext_secret_exists_in_the_cookie_and_in_memory_only(browser, heard, caplog, admin_user):
    caplog.set_level(logging.DEBUG)
    secrets = [browser.get(f"sign-in/device:{number}").cookies[COOKIE].value for number in range(3)]
    browser.get("sign-out")
    cells = [cell if isinstance(cell, bytes) else str(cell).encode() for cell in every_cell()]
    told = (repr(heard) + caplog.text + repr([vars(record) for record in caplog.records])).encode()
    for secret in secrets:
        for form in (secret.encode(), secret.upper().encode(), bytes.fromhex(secret)):
            assert not [cell for cell in cells if form in cell]
            assert form not in told


@pytest.mark.parametrize("keys", [{}, {"v": "k" * 31}, {"a": "k" * 32, "b": "k" * 32}])
def test_invariant_2_no_key_no_service(keys, settings):
    settings.SECRET_KEY = "no fallback " * 10
    with override_settings(CODLET_SESSIONS={"KEYS": keys}), pytest.raises(ImproperlyConfigured) as caught:
        sessions.issue("device:42")
    assert "secrets.token_hex(32)" in str(caught.value) or "a key of its own" in str(caught.value)
    assert not Session.objects.exists()


def test_invariant_3_a_failing_random_source_fails_the_operation(face, monkeypatch):
    def exhausted(size):
        raise OSError("no entropy")

    monkeypatch.setattr(os, "urandom", exhausted)
    with pytest.raises(OSError, match="no entropy"):
        face.issue("device:42")
    assert not Session.objects.exists()


def test_invariant_4_expired_revoked_unknown_and_malformed_are_one_public_outcome(browser):
    expired, revoked = sessions.issue("device:1"), sessions.issue("device:2")
    Session.objects.filter(pk=expired.id).update(expires_at=timezone.now())
    sessions.revoke(revoked.id)
    answers = set()
    for value in (expired.secret.expose(), revoked.secret.expose(), "0" * 64, "malformed"):
        browser.cookie = value
        response = browser.get("who")
        answers.add((response.status_code, response.content, str(response.cookies), str(sorted(response.items()))))
    assert len(answers) == 1


def test_invariant_5_a_record_whose_version_is_not_that_of_the_candidates_key_does_not_match(face):
    issued = face.issue("device:42")
    Session.objects.update(key_version="2026-05")
    assert face.validate(issued.secret) is None


def test_invariant_6_every_state_change_is_one_conditional_update_and_its_row_count_the_verdict(issued):
    for ask, verdicts in ((lambda: sessions.revoke(issued.id), [True, False]), (lambda: revoke_all(), [1, 0])):
        for verdict in verdicts:
            with CaptureQueriesContext(connection) as queries:
                assert ask() == verdict
            (query,) = queries
            assert query["sql"].startswith("UPDATE")
            assert "revoked_at" in query["sql"].split("WHERE")[1]
            assert "IS NULL" in query["sql"].split("WHERE")[1]
        sessions.issue("device:42")


def revoke_all():
    return sessions.revoke_all("device:42")


def test_invariant_7_validation_writes_nothing(face, issued):
    before = list(Session.objects.values())
    with CaptureQueriesContext(connection) as queries:
        face.validate(issued.secret)
        face.validate("0" * 64)
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}
    assert list(Session.objects.values()) == before


def test_invariant_8_a_session_id_never_authenticates(browser, face, issued):
    for disguise in (str(issued.id), issued.id.hex, issued.id.hex * 2, issued.id.hex.ljust(64, "0")):
        browser.cookie = disguise
        assert browser.who() is None
        assert face.validate(disguise) is None


def test_invariant_8_a_lookup_key_never_authenticates(browser, issued):
    browser.cookie = str(sessions.hasher.lookup_key(issued.secret)[0])
    assert browser.who() is None


def test_invariant_9_a_store_failure_is_not_anonymous(browser, face, issued, database_down):
    browser.cookie = issued.secret.expose()
    response = browser.get("who")
    assert (response.status_code, COOKIE in response.cookies) == (503, False)
    with pytest.raises(StoreError):
        face.validate(issued.secret)


def test_a_users_session_never_depends_on_secret_key(face):
    issued = face.issue(User.objects.create_user("ada"))
    with override_settings(SECRET_KEY="another " * 10, SECRET_KEY_FALLBACKS=[]):
        assert face.validate(issued.secret) == issued.record


def test_reads_go_to_the_primary(settings, issued):
    settings.DATABASE_ROUTERS = ["tests.test_invariants.ReadsFromAReplica"]
    assert sessions.validate(issued.secret) == issued.record
    assert OrmSessionStore().using == "default"


class ReadsFromAReplica:
    def db_for_read(self, model, **hints):
        return "a replica that lags behind"


def test_nothing_reads_the_settings_but_conf():
    from pathlib import Path

    package = Path(conf.__file__).parent
    readers = {path.name for path in package.rglob("*.py") if "settings" in imported_from_django_conf(path)}
    assert readers - {"0001_initial.py"} == {"conf.py", "models.py"}


def imported_from_django_conf(path):
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in nodes if node.module == "django.conf" for alias in node.names}
