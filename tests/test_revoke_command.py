"""``manage.py revoke_sessions``: for an administrator without a browser, at three in the morning (ASVS 7.4.5)."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from tests.factories import SessionFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments, **options):
    out = StringIO()
    call_command("revoke_sessions", *arguments, stdout=out, **options)
    return out.getvalue()


def ended():
    return Session.objects.filter(revoked_at__isnull=False)


def test_one_session_by_its_id():
    session, _other = SessionFactory.create_batch(2)
    assert run("--id", str(session.pk)) == "Ended 1 sessions (requested: 1).\n"
    assert ended().get() == session


def test_the_sessions_of_a_user_by_the_name_they_sign_in_under():
    ada = UserFactory(username="ada")
    SessionFactory.create_batch(2, user=ada)
    SessionFactory()
    run("--user=ada", "--reason=stolen laptop")
    assert set(ended().values_list("user", "revoked_reason", "data")) == {(ada.pk, "stolen laptop", "")}
    assert ended().count() == 2


def test_the_sessions_of_a_subject():
    mine = SessionFactory.create_batch(2, subject="device:42")
    SessionFactory(subject="device:43")
    run("--subject", "device:42")
    assert set(ended()) == set(mine)


def test_the_sessions_of_a_key_that_has_leaked():
    SessionFactory(key_version="2026-05")
    SessionFactory()
    assert run("--key-version=2026-05") == "Ended 1 sessions (key_lost: 1).\n"
    assert ended().get().key_version == "2026-05"


def test_all_sessions_or_all_that_began_before_a_moment(heard):
    leak = timezone.now() - timedelta(hours=1)
    SessionFactory.create_batch(3, created_at=leak - timedelta(minutes=1))
    after = SessionFactory(created_at=leak)
    run("--all", f"--before={leak.isoformat()}", "--batch-size=2")
    assert list(Session.objects.filter(revoked_at=None)) == [after]
    run("--all", "--before=2020-01-01T00:00")
    assert Session.objects.filter(revoked_at=None).exists()
    run("--all")
    assert not Session.objects.filter(revoked_at=None).exists()
    told = [facts for name, facts in heard if name == "sessions_revoked"]
    assert [facts["count"] for facts in told] == [3, 1]
    assert told[0] == {"count": 3, "reason": "requested", "revoked_by": ""}


def test_what_is_over_already_is_left_as_it_was():
    session = SessionFactory(revoked=True)
    SessionFactory(expired=True)
    before = list(Session.objects.order_by("id").values())
    assert run("--all", "--reason=again") == "Ended 0 sessions.\n"
    assert list(Session.objects.order_by("id").values()) == before
    assert session.revoked_reason == "requested"


def test_whoever_was_signed_in_is_out():
    issued = sessions.issue("device:42")
    run("--all")
    assert sessions.validate(issued.secret) is None


def test_a_dry_run_counts_and_ends_nothing(heard):
    SessionFactory.create_batch(3)
    assert run("--all", "--dry-run") == "Would end 3 sessions (requested: 3).\n"
    assert not ended().exists()
    assert heard == []


def test_it_speaks_json():
    SessionFactory.create_batch(3)
    facts = {"revoked": {"requested": 3}, "sessions": 3, "batches": 2, "dry_run": False, "complete": True}
    assert json.loads(run("--all", "--json", "--batch-size=2")) == facts


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--id=nonsense"], "is no session id"),
        (["--user=nobody"], "There is no user 'nobody'"),
        (["--all", "--before=yesterday"], "write it as 2026-11-24T03:00Z"),
        (["--all", "--before=2026-13-13T00:00"], "write it as 2026-11-24T03:00Z"),
        (["--all", "--batch-size=0"], "at least one row"),
        (["--all", "--pause=-1"], "at least one row"),
        (["--all", "--reason", "x" * 33], "33 characters long; 32 are allowed"),
        (["--outdated", "--reason=because"], "leave --reason out"),
        (["--all", "--database=elsewhere"], "There is no database 'elsewhere'. DATABASES has: default."),
        ([], "one of the arguments --id --user --subject --key-version --all --outdated is required"),
        (["--all", "--outdated"], "not allowed with argument"),
    ],
)
def test_nonsense_is_refused_with_a_sentence_and_ends_nothing(options, complaint):
    SessionFactory()
    with pytest.raises(CommandError) as caught:
        run(*options)
    assert complaint in str(caught.value)
    assert not ended().exists()


def test_without_a_usable_key_it_works_all_the_same(settings):
    SessionFactory()
    settings.CODLET_SESSIONS = {"KEYS": {}}
    assert run("--all") == "Ended 1 sessions (requested: 1).\n"


def test_interrupted_it_says_how_far_it_came_and_goes_on_where_it_stopped(monkeypatch):
    SessionFactory.create_batch(3)
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr("codlet_sessions.sweep.time.sleep", pause)
    out = StringIO()
    with pytest.raises(CommandError, match="run it again") as caught:
        call_command("revoke_sessions", "--all", "--batch-size=2", "--pause=5", stdout=out)
    assert caught.value.returncode == 130
    assert pauses == [5]
    assert out.getvalue() == "Ended 2 sessions (requested: 2).\n"
    monkeypatch.undo()
    assert run("--all") == "Ended 1 sessions (requested: 1).\n"


def test_a_database_that_fails_says_so(database_down):
    with pytest.raises(CommandError, match="The database failed"):
        run("--all")
