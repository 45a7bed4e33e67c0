"""The settings of a process that shares the database and the cache of a running test."""

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

_SHARED = json.loads(os.environ["SHARED"])
DATABASES["default"]["NAME"] = _SHARED["database"]
CACHES = {"default": _SHARED["cache"]}
SESSION_ENGINE = "codlet_sessions.backends.cached_db"
