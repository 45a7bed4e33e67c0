"""
Settings of the example site, read from the environment and from ``.env`` beside ``manage.py``.

``python manage.py demo`` writes that file. Without it the settings still load, and ``python manage.py check`` says
what is missing.
"""

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
ENV_FILE = Path(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))
env.read_env(ENV_FILE)

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
DEMO_PASSWORD = env.str("DEMO_PASSWORD", default="")

# The keys that lookup keys are made with, as "2026-11=…,2026-05=…". The first is active, the others verify only.
CODLET_SESSIONS = {"KEYS": env.dict("CODLET_SESSIONS_KEYS", default={})}
if DEBUG:
    CODLET_SESSIONS["COOKIE_PROFILE"] = "local-development"  # no TLS here, so the cookie goes without Secure

SESSION_ENGINE = "codlet_sessions.backends.db"  # one cookie and one row, for the page and for the admin
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG  # the session's own cookie goes by COOKIE_PROFILE
SESSION_COOKIE_AGE = 14 * 24 * 60 * 60  # seconds
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "who"

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'demo.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # wait for the lock at the start, where waiting works
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

INSTALLED_APPS = [
    "example_project",
    "codlet_sessions",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "codlet_sessions.middleware.SessionMiddleware",  # in the place of Django's
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "codlet_sessions.middleware.AuthenticationMiddleware",  # likewise
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
DEFAULT_EXCEPTION_REPORTER_FILTER = "codlet_sessions.debug.SafeExceptionReporterFilter"  # hides session cookies
ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
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
STATIC_URL = "static/"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("DJANGO_LOG_LEVEL", default="WARNING")},
    # Django's own would print some lines a second time, and silence others.
    "loggers": {
        "codlet_sessions": {"level": env.str("DJANGO_LOG_LEVEL", default="INFO")},  # who came and went
        "django": {"level": env.str("DJANGO_LOG_LEVEL", default="INFO"), "handlers": [], "propagate": True},
    },
}
