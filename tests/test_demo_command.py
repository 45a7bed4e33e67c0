"""The newcomer's command, run as the newcomer runs it."""

import os
import socket
import stat
import subprocess
import sys

import pytest

from example_project import dotenv
from example_project.rehearsal import StepFailed, walk
from example_project.server import TOP, Server, free_port
from example_project.story import Story
from tests.servers import PASSWORD, run_code, site_environment

pytest_plugins = ["tests.served"]


def run_demo(*options, **environment):
    inherited = {name: value for name, value in os.environ.items() if name not in dotenv.NAMES}
    return subprocess.run(
        [sys.executable, "manage.py", "demo", *options],
        cwd=TOP,
        env={**inherited, "DJANGO_SETTINGS_MODULE": "example_project.settings", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_check_walks_the_whole_story():
    done = run_demo("--check")
    assert done.returncode == 0, done.stderr
    ticked = [line.removeprefix("✓ ") for line in done.stdout.splitlines() if line.startswith("✓ ")]
    assert ticked[1:] == [sentence for sentence, _step in Story("http://127.0.0.1:1/", "", {}).steps()]


def test_a_step_that_fails_is_named_with_what_was_expected_and_what_came():
    done = run_demo("--check", ALLOWED_HOSTS="elsewhere.example")
    assert done.returncode == 1
    assert "✗ who has not signed in is nobody" in done.stderr
    assert "expected a page that says 'Nobody is signed in here'; got status 400" in done.stderr


def test_the_check_says_when_the_demo_does_not_start():
    done = run_demo("--check", DJANGO_LOG_LEVEL="NO SUCH LEVEL")
    assert done.returncode == 1
    assert "NO SUCH LEVEL" in done.stderr


def test_the_story_stops_at_the_first_step_that_fails(gunicorn_server, site):
    told = []
    with pytest.raises(StepFailed, match=r"grace signs in on the page: expected .*'Hello, grace\.'; got status 200"):
        walk(Story(gunicorn_server.address, "not her password", site), told.append)
    assert told == ["who has not signed in is nobody, and gets no cookie"]


def test_the_story_notices_a_purge_that_does_not_run(gunicorn_server, site):
    told = []
    broken = {**site, "CODLET_SESSIONS_KEYS": ""}
    with pytest.raises(StepFailed, match="purge_sessions deletes the row: expected exit code 0"):
        walk(Story(gunicorn_server.address, PASSWORD, broken), told.append)
    assert told[-1] == "grace is out on her next request, and her cookie is cleared"


def test_a_taken_port_is_a_sentence_that_says_what_to_do(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_demo("--port", str(port), ENV_FILE=str(tmp_path / ".env"))
    assert done.returncode == 1
    assert f"Port {port} is taken." in done.stderr
    assert f"python manage.py demo --port {port + 1}" in done.stderr
    assert not (tmp_path / ".env").exists()


def test_the_demo_refuses_to_serve_without_debug(tmp_path):
    (tmp_path / ".env").write_text("DEBUG=off\n")
    done = run_demo("--port", str(free_port()), ENV_FILE=str(tmp_path / ".env"))
    assert done.returncode == 1
    assert "needs DEBUG=on" in done.stderr


def test_running_it_twice_says_the_same_and_changes_nothing(tmp_path):
    path, port = tmp_path / ".env", free_port()
    environment = site_environment(
        f"sqlite:///{tmp_path / 'demo.sqlite3'}", ENV_FILE=str(path), DJANGO_LOG_LEVEL="INFO"
    )
    environment = {name: value for name, value in environment.items() if name not in dotenv.NAMES}
    sayings, states = [], []
    for run in ("first", "second"):
        with Server(["manage.py", "demo", "--port", str(port)], port, environment, tmp_path / run) as server:
            sayings.append(server.log.read_text().partition("The example site")[2].partition("Stop with")[0])
        states.append(path.read_text() + run_code(environment, STATE))
    assert sayings[0].count(f"password  {dotenv.read(path)['DEMO_PASSWORD']}") == 2
    assert sayings[0] == sayings[1]
    assert "device:42" in states[0]
    assert states[0] == states[1]


STATE = """
from django.contrib.auth.models import User
from codlet_sessions.models import Session
print(*User.objects.order_by("id").values_list("username", "password"))
print(*Session.objects.order_by("id").values_list("id", "subject", "revoked_at"))
"""


def test_the_demo_makes_sessions_of_every_state(site):
    made = run_code(site, STATES)
    assert made.split() == ["True"] * 4


STATES = """
from django.utils import timezone
from codlet_sessions.models import Session
from example_project import seed
Session.objects.all().delete()
seed.make_sessions()
now, rows = timezone.now(), Session.objects.all()
print(rows.active(now).exists(), rows.expired(now).exists(), rows.revoked().exclude(revoked_by="").exists())
print(rows.active(now).filter(key_version="2026-05").exists())
"""


def test_a_new_env_file_has_every_value_and_one_reader(tmp_path):
    path = tmp_path / ".env"
    assert dotenv.complete(path) == list(dotenv.NAMES)
    assert dotenv.read(path).keys() == set(dotenv.NAMES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]


def test_completing_an_env_file_again_changes_nothing(tmp_path):
    path = tmp_path / ".env"
    dotenv.complete(path)
    before = path.read_text()
    assert dotenv.complete(path) == []
    assert path.read_text() == before


def test_completing_an_env_file_keeps_what_has_a_value(tmp_path):
    path = tmp_path / ".env"
    path.write_text("# mine\nexport DEMO_PASSWORD=tulip\nSECRET_KEY=\nOTHER=1")
    assert dotenv.complete(path) == ["SECRET_KEY", "CODLET_SESSIONS_KEYS", "DEBUG"]
    assert path.read_text().startswith("# mine\nexport DEMO_PASSWORD=tulip\nOTHER=1\nSECRET_KEY=")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_not_a_file_is_not_replaced_by_an_env_file(tmp_path):
    path = tmp_path / ".env"
    os.mkfifo(path)
    with pytest.raises(dotenv.NotAFile, match="Set ENV_FILE to another path"):
        dotenv.complete(path)
    assert path.is_fifo()


def test_a_link_to_an_env_file_stays_a_link(tmp_path):
    (tmp_path / ".env").symlink_to(tmp_path / "shared")
    dotenv.complete(tmp_path / ".env")
    assert (tmp_path / ".env").is_symlink()
    assert dotenv.read(tmp_path / "shared").keys() == set(dotenv.NAMES)


def test_an_env_file_that_cannot_be_written_is_a_sentence():
    done = run_demo("--port", str(free_port()), ENV_FILE="/nowhere/at/all/.env")
    assert done.returncode == 1
    assert "The keys could not be written: " in done.stderr
    assert "Traceback" not in done.stderr


def test_without_an_env_file_the_check_says_how_to_make_a_key():
    environment = {**site_environment("sqlite:///:memory:"), "CODLET_SESSIONS_KEYS": "", "SECRET_KEY": ""}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=TOP, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "codlet_sessions.E001" in done.stderr
    assert "secrets.token_hex(32)" in done.stderr
