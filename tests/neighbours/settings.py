"""A site with everybody in it: the settings of the tests, our engine, and the apps that use Django's sessions."""

from tests.settings import *  # noqa: F403
from tests.settings import CODLET_SESSIONS, INSTALLED_APPS, MIDDLEWARE

DEBUG = True
INTERNAL_IPS = ["127.0.0.1"]
DEBUG_TOOLBAR_CONFIG = {"IS_RUNNING_TESTS": False}  # it would guess so from the environment, and refuse to start
ROOT_URLCONF = "tests.neighbours.site_urls"
LOGIN_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "/notes/"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False  # the cache may be one that other runs use at the same time

SESSION_ENGINE = "codlet_sessions.backends.db"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CODLET_SESSIONS = {
    **CODLET_SESSIONS,
    "COOKIE_PROFILE": "local-development",
    "ADOPT_FROM": "django.contrib.sessions.backends.db",
}
INSTALLED_APPS = [*INSTALLED_APPS, "allauth", "allauth.account", "channels", "debug_toolbar", "rest_framework"]
MIDDLEWARE = [
    "debug_toolbar.middleware.DebugToolbarMiddleware",
    *(path.replace("django.contrib.auth.middleware", "codlet_sessions.middleware") for path in MIDDLEWARE),
    "allauth.account.middleware.AccountMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
