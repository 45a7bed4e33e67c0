"""Whoever signed in by the engine of another package still is, and its table holds nothing that opens anything."""

import json
import subprocess
import sys

import pytest

from example_project.server import TOP
from tests.servers import fresh_database, site_environment


@pytest.mark.parametrize("path", ["qsessions.backends.db", "qsessions.backends.cached_db", "user_sessions.backends.db"])
def test_a_session_of_another_package_is_taken_over_on_its_first_use(path, tmp_path):
    with fresh_database(tmp_path) as database_url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.neighbours.peers", path],
            cwd=TOP,
            env=site_environment(database_url, DJANGO_SETTINGS_MODULE="tests.neighbours.peers"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    ada, nobody = {"user": "ada", "note": path}, {"user": "", "note": None}
    assert found["seen"] == [ada, nobody, ada]
    assert (len(found["secret"]), found["left"], found["users"]) == (64, 0, ["ada"])
