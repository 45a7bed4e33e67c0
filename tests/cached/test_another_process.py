"""A command in another process ends a session of which there is a copy."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings as configured
from django.db import connection

from codlet_sessions.api import sessions
from tests.cached.conftest import ENGINE, IS_SERVED, is_copied
from tests.documentation import TOP

FILES = "django.core.cache.backends.filebased.FileBasedCache"
REDIS = "django.core.cache.backends.redis.RedisCache"


@pytest.fixture
def shared(settings, transactional_db, tmp_path):
    """A cache that processes can share: on the server, if there is one."""
    backend, location = (REDIS, configured.CACHES["default"]["LOCATION"]) if IS_SERVED else (FILES, str(tmp_path))
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": location, "KEY_PREFIX": tmp_path.name}}
    settings.SESSION_ENGINE = ENGINE
    return settings.CACHES["default"]


def run_command(cache, *arguments):
    shared = {"database": connection.settings_dict["NAME"], "cache": cache}
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.cached.another_process",
        "SHARED": json.dumps(shared, default=str),
    }
    command = [sys.executable, "-m", "django", *arguments]
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_next_look_up_here_does_not_find_it(shared):
    ended, other = sessions.issue("device:42"), sessions.issue("device:1")
    assert is_copied(ended)
    assert is_copied(other)
    assert "1 session" in run_command(shared, "revoke_sessions", "--id", str(ended.id), "--skip-checks")
    assert sessions.validate(ended.secret) is None
    assert is_copied(other)
