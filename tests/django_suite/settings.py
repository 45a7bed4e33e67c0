"""The settings of the tests, with the app of Django's own session tests, and a database beside the other one."""

import sys

from tests.django_suite.sources import sources_of_django
from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS

sys.path.insert(0, str(sources_of_django()))

INSTALLED_APPS = [*INSTALLED_APPS, "sessions_tests"]
DATABASES["default"]["TEST"] = {
    "NAME": ":memory:"
    if DATABASES["default"]["ENGINE"].endswith("sqlite3")
    else f"test_{DATABASES['default']['NAME']}_django"
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
