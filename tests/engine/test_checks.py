"""What does not go together with the engine is said by `check`; what Django's own checks no longer see, by ours."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse

from codlet_sessions.backends.db import SessionStore
from codlet_sessions.middleware import SessionMiddleware
from tests.test_settings import KEY, OURS, STOCK, found

ENGINE = "codlet_sessions.backends.db"
DJANGOS = "django.contrib.sessions.backends.db"
KEYS = {"KEYS": {"v": KEY}}
AUTHENTICATION = "codlet_sessions.middleware.AuthenticationMiddleware"


def test_the_engine_with_both_middleware_is_in_order():
    assert found(SESSION_ENGINE=ENGINE, MIDDLEWARE=[OURS, AUTHENTICATION]) == {}


def test_the_engine_below_djangos_middleware_is_warned_of_and_works(settings):
    messages = found(SESSION_ENGINE=ENGINE, MIDDLEWARE=[STOCK, AUTHENTICATION])
    assert list(messages) == ["W003"]
    assert OURS in messages["W003"].hint


def test_neither_engine_nor_middleware_of_ours_is_an_error():
    assert list(found(SESSION_ENGINE=DJANGOS, MIDDLEWARE=[STOCK])) == ["E012"]


def test_our_authentication_before_the_session_is_an_error():
    assert list(found(SESSION_ENGINE=ENGINE, MIDDLEWARE=[AUTHENTICATION, OURS])) == ["E013"]


def test_an_engine_that_cannot_be_imported_is_left_to_django():
    assert found(SESSION_ENGINE="no.such.engine") == {}


def test_a_cookie_name_without_effect_is_told():
    warning = found(SESSION_ENGINE=ENGINE, CODLET_SESSIONS={**KEYS, "COOKIE_NAME": "mine"})["W004"]
    assert "SESSION_COOKIE_NAME" in warning.hint


def test_under_our_engine_the_name_of_the_other_cookie_collides_with_nothing():
    assert found(SESSION_ENGINE=ENGINE, SESSION_COOKIE_NAME="codlet_session") == {}
    assert "E008" in found(SESSION_ENGINE=DJANGOS, SESSION_COOKIE_NAME="codlet_session")


@pytest.mark.parametrize(
    "store", ["tests.engine.test_checks.KeepsNoData", "codlet_sessions.stores.memory.MemorySessionStore"]
)
def test_a_store_that_keeps_no_data_is_an_error_with_our_engine_only(settings, store):
    settings.CODLET_SESSIONS = {**KEYS, "STORE": store}
    assert ("E017" in found(SESSION_ENGINE=ENGINE)) == store.endswith("KeepsNoData")
    assert found(SESSION_ENGINE=DJANGOS) == {}


def test_the_server_does_not_start_on_a_store_that_keeps_no_data(settings):
    settings.CODLET_SESSIONS = {**KEYS, "STORE": "tests.engine.test_checks.KeepsNoData"}
    with pytest.raises(ImproperlyConfigured, match="SessionDataStore"):
        SessionMiddleware(lambda request: HttpResponse())


def test_the_engine_that_is_used_past_session_engine_asks_for_a_store_that_keeps_data(settings):
    settings.SESSION_ENGINE = DJANGOS
    settings.CODLET_SESSIONS = {**KEYS, "STORE": "tests.engine.test_checks.KeepsNoData"}
    with pytest.raises(ImproperlyConfigured, match="KeepsNoData, which is no SessionDataStore"):
        SessionStore("0" * 64).load()


def test_an_app_that_keeps_our_secret_in_clear_is_an_error(monkeypatch, settings):
    monkeypatch.setattr("codlet_sessions.conf.installed_apps", lambda: ["codlet_sessions", "allauth.usersessions"])
    assert "list_active" in found(SESSION_ENGINE=ENGINE)["E018"].hint
    assert "E018" not in found(SESSION_ENGINE=DJANGOS)


def test_djangos_app_before_ours_is_told_of_at_deployment(settings):
    apps = settings.INSTALLED_APPS
    first = [*(app for app in apps if app.startswith("codlet")), *(app for app in apps if not app.startswith("codlet"))]
    assert "clearsessions" in found(deploy=True, SESSION_ENGINE=ENGINE)["W005"].msg
    assert found(deploy=True, SESSION_ENGINE=ENGINE, INSTALLED_APPS=first) == {}
    assert found(deploy=True, SESSION_ENGINE=DJANGOS) == {}


def test_apps_are_known_however_they_are_written_in_the_settings(settings):
    written = {"codlet_sessions": "codlet_sessions.apps.CodletSessionsConfig"}
    written["django.contrib.sessions"] = "django.contrib.sessions.apps.SessionsConfig"
    apps = [written.get(app, app) for app in settings.INSTALLED_APPS]
    assert "W005" in found(deploy=True, SESSION_ENGINE=ENGINE, INSTALLED_APPS=apps)


INSECURE = {"SESSION_COOKIE_SECURE": False, "SESSION_COOKIE_HTTPONLY": False}
SUBCLASS = "tests.engine.test_checks.OfTheHost"


@pytest.mark.parametrize(
    ("engine", "middleware", "expected"),
    [
        (DJANGOS, OURS, {"W010", "W013"}),  # Django's cookie, which Django's checks no longer see
        (ENGINE, OURS, set()),  # our cookie, which has both always
        (ENGINE, SUBCLASS, {"W010", "W013"}),  # Django's middleware by another path
        (ENGINE, STOCK, set()),  # Django's checks see this one
    ],
)
def test_attributes_that_djangos_checks_no_longer_look_for_are_looked_for_by_ours(engine, middleware, expected):
    messages = found(deploy=True, SESSION_ENGINE=engine, MIDDLEWARE=[middleware], **INSECURE)
    assert set(messages) & {"W010", "W013"} == expected


@pytest.mark.parametrize("engine", [ENGINE, DJANGOS])
def test_a_prefix_that_browsers_would_refuse_is_refused_with_the_setting_that_rules_it(engine):
    name = {"SESSION_COOKIE_NAME": "__Host-s", "CODLET_SESSIONS": {**KEYS, "COOKIE_NAME": "__Host-t"}}
    error = found(deploy=True, SESSION_ENGINE=engine, SESSION_COOKIE_PATH="/app/", **name)["E021"]
    assert ("__Host-s" in error.msg) == ("SESSION_COOKIE_NAME" in error.hint) == (engine == ENGINE)


def test_error_reports_that_would_show_the_shared_cookie_are_told_of(monkeypatch):
    from codlet_sessions import conf

    with_engine = {"SESSION_ENGINE": ENGINE, "SESSION_COOKIE_NAME": "sid"}
    messages = found(deploy=True, DEFAULT_EXCEPTION_REPORTER_FILTER="no.such.Filter", **with_engine)
    assert "(sid)" in messages["W002"].msg
    assert conf.session_cookie_names() == {"sessionid"}


class OfTheHost(SessionMiddleware.__mro__[1]):
    """Django's middleware, by another path."""


class KeepsNoData:
    """Made a complete store below, of the plain contract."""


def _complete(kind):
    from codlet_sessions.stores.base import SessionStore

    methods = {name: lambda self, *args: None for name in SessionStore.__abstractmethods__}
    return type(kind.__name__, (SessionStore,), {**methods, "__module__": kind.__module__})


KeepsNoData = _complete(KeepsNoData)
