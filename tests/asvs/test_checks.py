"""A mistake in the settings of a session's life is said by `check`, before it costs anything."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from codlet_sessions.api import sessions
from tests.test_settings import KEY, OURS, found

KEYS = {"KEYS": {"v": KEY}}
ENGINE = "codlet_sessions.backends.db"
MIDDLEWARE = [OURS, "codlet_sessions.middleware.AuthenticationMiddleware"]


def told(**settings):
    """What `check --deploy` says, but of the order of the tests' apps."""
    messages = found(deploy=True, **settings)
    return {name: message for name, message in messages.items() if name != "W005"}


WRONG = [
    ("E022", {"PRESET": "aal4"}, "'aal1', 'aal2', 'aal3'"),
    ("E022", {"PRESET": ["aal2"]}, "'aal1', 'aal2', 'aal3'"),
    ("E023", {"IDLE_TIMEOUT": 0}, "['IDLE_TIMEOUT'] is 0: not longer than nothing"),
    ("E023", {"IDLE_TIMEOUT": "an hour"}, "neither a number of seconds nor a timedelta"),
    ("E023", {"ABSOLUTE_TIMEOUT": timedelta(days=-1)}, "not longer than nothing"),
    ("E023", {"ABSOLUTE_TIMEOUT": 1e300}, "['ABSOLUTE_TIMEOUT'] is 1e+300"),
    ("E023", {"ANONYMOUS_TIMEOUT": True}, "neither a number of seconds nor a timedelta"),
    ("E023", {"CLIENT_RETENTION": "ever"}, "['CLIENT_RETENTION'] is 'ever'"),
    ("E024", {"CLIENT_FACTS": "everything"}, "'nothing', 'truncated', 'full'"),
    ("E024", {"CLIENT_ADDRESS": "no.such.function"}, "cannot be imported"),
    ("E024", {"CLIENT_ADDRESS": 42}, "neither a callable nor the path of one"),
    ("E024", {"CLIENT_PLACE": "datetime.UTC"}, "neither a callable nor the path of one"),
    ("E025", {"MAX_SESSIONS": 0}, "nobody could sign in"),
    ("E025", {"MAX_SESSIONS": True}, "nobody could sign in"),
    ("E025", {"MAX_SESSIONS": "no.such.function"}, "cannot be imported"),
    ("E025", {"AT_LIMIT": "explode"}, "'evict_idle', 'evict_oldest', 'refuse'"),
]


@pytest.mark.parametrize(("problem", "wrong", "says"), WRONG)
def test_what_is_wrong_is_said_by_the_check_and_keeps_the_server_from_starting(problem, wrong, says, settings):
    settings.CODLET_SESSIONS = {**KEYS, **wrong}
    messages = told()
    assert says in f"{messages[problem].msg} {messages[problem].hint}"
    with pytest.raises(ImproperlyConfigured, match=problem):
        sessions.issue("device:42")


RIGHT = [
    {"IDLE_TIMEOUT": "auto"},
    {"IDLE_TIMEOUT": 0.5},
    {"IDLE_TIMEOUT": timedelta(minutes=15), "ABSOLUTE_TIMEOUT": 43200, "ANONYMOUS_TIMEOUT": None},
    {"PRESET": "aal3"},
    {"CLIENT_FACTS": "nothing", "CLIENT_ADDRESS": lambda request: None, "CLIENT_PLACE": "builtins.str"},
    {"CLIENT_RETENTION": timedelta(days=30)},
    {"MAX_SESSIONS": 5, "AT_LIMIT": "refuse"},
    {"MAX_SESSIONS": "builtins.id"},
]


@pytest.mark.parametrize("right", RIGHT)
def test_what_is_right_passes(right, settings):
    settings.CODLET_SESSIONS = {**KEYS, **right}
    assert told() == {}


def test_asvs_7_3_1_no_idle_timeout_is_warned_of_at_deployment(settings):
    settings.CODLET_SESSIONS = {**KEYS, "IDLE_TIMEOUT": None}
    assert list(found()) == []
    assert list(told()) == ["W006"]
    settings.CODLET_SESSIONS = {**settings.CODLET_SESSIONS, "PRESET": "aal2"}
    assert list(told()) == []


def test_asvs_7_3_2_sessions_that_slide_for_ever_are_warned_of_at_deployment(settings):
    assert list(told(SESSION_SAVE_EVERY_REQUEST=True)) == ["W007"]
    settings.CODLET_SESSIONS = {**KEYS, "ABSOLUTE_TIMEOUT": 86400}
    assert list(told(SESSION_SAVE_EVERY_REQUEST=True)) == []


def test_djangos_authentication_middleware_is_warned_of_at_deployment_under_our_engine_only():
    stock = [OURS, "django.contrib.auth.middleware.AuthenticationMiddleware"]
    assert list(told(SESSION_ENGINE=ENGINE, MIDDLEWARE=stock)) == ["W008"]
    assert list(told(SESSION_ENGINE=ENGINE, MIDDLEWARE=MIDDLEWARE)) == []
    beside = told(SESSION_ENGINE="django.contrib.sessions.backends.db", MIDDLEWARE=stock)
    assert list(beside) == []
