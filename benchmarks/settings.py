"""A site with nothing but sessions and users. DATABASE_URL and CACHE_URL choose the servers."""

import secrets

import environ

env = environ.Env()
SECRET_KEY = secrets.token_urlsafe(50)
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": env.db_url("DATABASE_URL", default="sqlite:///benchmarks.sqlite3")}
DATABASES["default"]["CONN_MAX_AGE"] = None  # or each request would be a measurement of connecting
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
    DATABASES["default"]["TEST"] = {"NAME": "benchmarks.sqlite3"}
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}
INSTALLED_APPS = ["codlet_sessions", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
SESSION_ENGINE = "codlet_sessions.backends.db"  # Django's are given to those who compete with it
ROOT_URLCONF = "benchmarks.urls"
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CODLET_SESSIONS = {"KEYS": {"2026-11": secrets.token_hex(32)}}
