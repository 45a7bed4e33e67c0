"""
Settings of the tests. DATABASE_URL and CACHE_URL choose a real server; without them, SQLite and memory.

A server that is asked for and not there fails the run.
"""

from pathlib import Path
from tempfile import gettempdir

import environ

env = environ.Env()
SQLITE_FILE = env.str("TEST_DATABASE_FILE", default=str(Path(gettempdir()) / "codlet_sessions_test.sqlite3"))

SECRET_KEY = "only for the tests: " + "x" * 32
DEBUG = False
USE_TZ = True
ALLOWED_HOSTS = ["*"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_EXCEPTION_REPORTER_FILTER = "codlet_sessions.debug.SafeExceptionReporterFilter"
ROOT_URLCONF = "tests.site.urls"
STATIC_URL = "/static/"
SESSION_COOKIE_SECURE = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# A file and not memory, so that threads have connections of their own, as they have on a server.
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{SQLITE_FILE}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA synchronous=OFF",  # nothing here must outlive a power cut
    }
    DATABASES["default"]["TEST"] = {"NAME": SQLITE_FILE}
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "codlet_sessions",
]
MIDDLEWARE = [
    "codlet_sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}  # Django 6.1 wants to be told

CODLET_SESSIONS = {
    "KEYS": {"2026-11": "the key of november, 32 bytes and more", "2026-05": "the key of may, 32 bytes and more"}
}
