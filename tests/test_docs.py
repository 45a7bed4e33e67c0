"""What the documentation shows runs, and does what the page says."""

import doctest
import re
import sys
import types
import unittest
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import get_commands, load_command_class
from django.db import transaction
from django.test import override_settings
from django.urls import path
from django.utils import timezone

from codlet_sessions import conf
from codlet_sessions.admin.users import SessionsOfUserAdmin
from codlet_sessions.api import sessions
from codlet_sessions.management.commands.purge_sessions import _in_words
from codlet_sessions.models import Session
from codlet_sessions.purge import PurgeReport
from codlet_sessions.signals import session_revoked, subject_revoked
from tests.documentation import EVERYTHING, PAGES, README, TOP
from tests.factories import SessionFactory, UserFactory

KEYS_IN_THE_ENVIRONMENT = ["CODLET_SESSIONS_KEY", "CODLET_SESSIONS_KEY_2026_11", "CODLET_SESSIONS_KEY_2026_05"]
SETTINGS = [(page, code) for page in EVERYTHING for code in page.examples("python", saying="os.environ[")]


@pytest.fixture(autouse=True)
def _keys_in_the_environment(monkeypatch):
    for number, name in enumerate(KEYS_IN_THE_ENVIRONMENT):
        monkeypatch.setenv(name, str(number) * 32)


def run(code, name="example"):
    """Run an example as a module of its own."""
    module = types.ModuleType(name)
    exec(compile(code, name, "exec"), vars(module))
    return module


@pytest.mark.django_db
@pytest.mark.parametrize("page", [page for page in EVERYTHING if page.examples("pycon")], ids=repr)
def test_what_an_interpreter_shows_on_a_page_is_what_it_shows(page):
    if page is PAGES["admin"]:
        SessionFactory.create_batch(3)
    example = doctest.DocTestParser().get_doctest("".join(page.examples("pycon")), {}, page.name, None, 0)
    said = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert example.examples
    assert not said, "".join(said)


@pytest.mark.parametrize(("page", "code"), SETTINGS)
def test_settings_that_a_page_shows_are_in_order(page, code):
    shown = run("import os\n" + code)
    engine = getattr(shown, "SESSION_ENGINE", settings.SESSION_ENGINE)
    with override_settings(CODLET_SESSIONS=shown.CODLET_SESSIONS, SESSION_ENGINE=engine):
        assert conf.find_problems() == []


def test_the_settings_in_a_sentence_of_the_readme_are_in_order():
    (line,) = re.findall(r"`(CODLET_SESSIONS = .*?)`", README.text)
    with override_settings(CODLET_SESSIONS=run(f"import os\n{line}").CODLET_SESSIONS):
        assert conf.find_problems() == []


def test_a_new_key_is_first_known_and_then_active():
    shown = [
        run("import os\n" + code).CODLET_SESSIONS for code in PAGES["keys"].examples("python", saying="os.environ")
    ]
    active = []
    for codlet_sessions in shown:
        with override_settings(CODLET_SESSIONS=codlet_sessions):
            active.append(sessions.hasher.key_ring.active_version)
    assert active == ["2026-11", "2026-05"]


def test_the_vault_of_the_page_opens(tmp_path, monkeypatch):
    keys = tmp_path / "keys"
    keys.mkdir()
    for version in ("2026-05", "2026-11"):
        (keys / version).write_text(f"{version * 5}\n")
    code = PAGES["keys"].example("python", saying="# vault.py").replace("/run/keys", str(keys))
    monkeypatch.setitem(sys.modules, "vault", run(code, "vault"))
    shown = run(PAGES["keys"].example("python", saying="vault.session_keys"))
    with override_settings(CODLET_SESSIONS=shown.CODLET_SESSIONS):
        assert conf.find_problems() == []
        assert sessions.hasher.key_ring.versions == ("2026-11", "2026-05")


def test_a_developers_cookie_goes_without_secure():
    shown = run(PAGES["install"].example("python", saying="# local_settings.py"))
    with override_settings(CODLET_SESSIONS=shown.CODLET_SESSIONS):
        assert conf.cookie_policy().secure is False


def serve(page, settings):
    """Serve the views that a page shows, each under its name."""
    site = run("".join(page.examples("python", saying="# views.py")), f"views_of_{page}")
    views = {name: view for name, view in vars(site).items() if getattr(view, "__module__", "") == site.__name__}
    site.urlpatterns = [path(f"{name}/", view) for name, view in views.items()]
    settings.ROOT_URLCONF = site


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("page", "sign_in", "who"),
    [(README, "sign_in", "who"), (PAGES["requests"], "sign_in", "who"), (PAGES["requests"], "asign_in", "awho")],
)
def test_the_views_of_a_page_sign_in_and_out(page, sign_in, who, client, settings):
    serve(page, settings)
    user = UserFactory()
    user.set_password("correct")
    user.save()
    assert client.post(f"/{sign_in}/", {"username": user.username, "password": "wrong"}).status_code == 403
    assert client.get(f"/{who}/").json() == {"subject": None}
    assert client.post(f"/{sign_in}/", {"username": user.username, "password": "correct"}).status_code == 200
    assert client.get(f"/{who}/").json() == {"subject": str(user.pk)}
    assert list(client.post("/sign_out/").json().values()) == [True]
    assert client.get(f"/{who}/").json() == {"subject": None}


@pytest.mark.django_db(transaction=True)
def test_the_async_example_signs_out_everywhere():
    user = UserFactory()
    sessions.issue(user)
    example = run(PAGES["sessions"].example("python"))
    assert async_to_sync(example.sign_out_everywhere)(user) == 1


@pytest.mark.django_db
def test_the_receivers_of_the_page_hear():
    example = run(PAGES["signals"].example("python", saying="@receiver"))
    ended = sessions.issue("device:42").id
    sessions.issue("device:42")
    sessions.revoke(ended)
    sessions.revoke_all("device:42", reason="stolen")
    assert example.ended == [(ended, "requested"), ("device:42", "stolen", 1)]
    assert session_revoked.disconnect(example.note_revocation)
    assert subject_revoked.disconnect(example.note_revocations)


@pytest.mark.django_db(transaction=True)
def test_the_proof_of_a_store_is_written_as_the_page_says():
    case = run(PAGES["stores"].example("python", saying="class TestMyStore")).TestMyStore
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert result.wasSuccessful(), result.errors + result.failures
    assert result.testsRun > 2 * len(result.skipped) > 0


@pytest.mark.parametrize(
    ("heading", "command"),
    [
        ("## Try it", "pip install -e '.[example]' && python manage.py demo"),
        ("## Test it", "pip install -e '.[test]' && python -m pytest"),
    ],
)
def test_one_line_under_each_heading_does_it_all(heading, command):
    assert f"\n{heading}\n\n```sh\n{command}\n```\n" in README.text


def test_every_command_on_a_page_is_one_that_there_is():
    shell = [line for page in EVERYTHING for code in page.examples("sh") for line in code.splitlines()]
    called = [line.split()[2:] for line in shell if line.startswith("python manage.py")]
    assert called
    for name, *options in called:
        parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
        assert parser.parse_args(options)


def test_the_summary_of_the_purge_reads_as_on_the_page():
    shown = PAGES["purge"].example("text", saying="Deleted")
    numbers = PurgeReport(expired=41210, revoked=1893, batches=45, seconds=9.7)
    facts = {name: getattr(numbers, name) for name in PurgeReport.__slots__}
    assert shown.strip() == _in_words({**facts, "database": "default", "dry_run": False, "counted": 803120})


def test_every_file_that_a_page_leads_to_is_there():
    for page, folder in [(README, TOP), *((page, TOP / "docs") for page in PAGES.values())]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.text):
            assert (folder / target).exists(), f"{page}: {target}"


@pytest.mark.django_db
def test_a_revocation_that_is_rolled_back_never_was():
    issued = sessions.issue("device:42", lifetime=timedelta(hours=1))
    with transaction.atomic():
        sessions.revoke(issued.id)
        transaction.set_rollback(True)
    assert Session.objects.active(timezone.now()).filter(pk=issued.id).exists()


@pytest.mark.django_db
def test_the_admin_of_users_that_the_page_shows_has_the_sessions():
    shown = run(PAGES["admin"].example("python"), "shown_admin")
    site_admin = shown.my_site.get_model_admin(get_user_model())
    assert isinstance(site_admin, SessionsOfUserAdmin)
    assert "end_sessions_of_users" in site_admin.actions
    assert site_admin.check() == []
