"""
A site with nothing but sessions and users. DATABASE_URL and CACHE_URL choose the servers.

The servers of a benchmark over HTTP read BENCHMARKS_SITE, what `benchmarks.sites.Site.as_json` wrote for them, and
BENCHMARKS_DATABASE_NAME.
"""

import json
import secrets
from pathlib import Path
from tempfile import gettempdir

import environ

env = environ.Env()
SECRET_KEY = env.str("BENCHMARKS_SECRET_KEY", default=secrets.token_urlsafe(50))
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_FILE = env.str("BENCHMARKS_DATABASE_FILE", default=str(Path(gettempdir()) / "codlet_sessions_benchmarks.sqlite3"))
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{_FILE}")}
DATABASES["default"]["CONN_MAX_AGE"] = None  # or each request would be a measurement of connecting
DATABASES["default"].setdefault("OPTIONS", {})
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
    DATABASES["default"]["TEST"] = {"NAME": _FILE}
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}
if "redis" in env.str("CACHE_URL", default=""):  # Django's own client, whatever else is installed
    CACHES["default"] = {**CACHES["default"], "BACKEND": "django.core.cache.backends.redis.RedisCache", "OPTIONS": {}}
INSTALLED_APPS = [
    "codlet_sessions",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "user_sessions",
    "qsessions",
    "rest_framework",
    "knox",
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
STATIC_URL = "/static/"
ROOT_URLCONF = "benchmarks.urls"
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SILENCED_SYSTEM_CHECKS = ["admin.E409", "admin.E408", "admin.E410"]  # the middleware is the contestants'
SESSION_ENGINE = "codlet_sessions.backends.db"  # each contestant has its own
SESSION_COOKIE_NAME = "sessionid"
CODLET_SESSIONS = {"KEYS": {"2026-11": env.str("BENCHMARKS_KEY", default=secrets.token_hex(32))}}
LOGGING_CONFIG = None
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}  # Django 6.1 wants to be told

_site = json.loads(env.str("BENCHMARKS_SITE", default="{}"))
globals().update(_site.get("settings", {}))
DATABASES["default"].update(_site.get("database", {}))
if name := env.str("BENCHMARKS_DATABASE_NAME", default=""):
    DATABASES["default"]["NAME"] = name
