"""What is wrong with the settings is said at start-up, in a sentence with the line that mends it."""

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.http import HttpResponse
from django.test import override_settings

from codlet_sessions import api, conf
from codlet_sessions.api import sessions
from codlet_sessions.errors import KeysUnavailable
from codlet_sessions.middleware import SessionMiddleware
from codlet_sessions.stores.memory import MemorySessionStore
from codlet_sessions.stores.orm import OrmSessionStore

KEY = "k" * 32
OURS = "codlet_sessions.middleware.SessionMiddleware"
STOCK = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


def vault():
    return {"2026-11": KEY}


def sealed_vault():
    raise TimeoutError("sealed")


def found(*, deploy=False, **settings):
    """Run the checks with these settings; return our messages by id."""
    with override_settings(**settings):
        messages = checks.run_checks(include_deployment_checks=deploy)
    return {message.id.removeprefix("codlet_sessions."): message for message in messages if "codlet" in message.id}


def problems(**codlet_sessions):
    return found(CODLET_SESSIONS=codlet_sessions)


def test_the_settings_of_the_tests_are_in_order():
    assert found() == {}


WRONG = [
    ("E001", {}, "holds no key"),
    ("E001", {"KEYS": {}}, "holds no key"),
    ("E001", {"KEYS": ["key"]}, "not a mapping"),
    ("E001", {"KEYS": {1: KEY}}, "not a mapping"),
    ("E001", {"KEYS": {"v": 1}}, "['v'] is neither str nor bytes"),
    ("E002", {"KEYS": {"v": "k" * 31}}, "['v'] is 31 bytes long; at least 32"),
    ("E003", {"KEYS": {"a": KEY, "b": KEY}}, "'a' and 'b' have the same key"),
    ("E003", {"KEYS": {"": KEY}}, "version is empty"),
    ("E005", {"KEYS": {"a": KEY}, "ACTIVE_KEY": "b"}, "'b', which is not a version"),
    ("E027", {"KEYS": {"a": KEY}, "CACHE_MAX_STALE": 0}, "is 0: not longer than nothing"),
    ("E027", {"KEYS": {"a": KEY}, "CACHE_MAX_STALE": None}, "is None: a copy has to end some time"),
    ("E027", {"KEYS": {"a": KEY}, "CACHE_MAX_STALE": "soon"}, "is 'soon': neither a number of seconds nor a timedelta"),
    ("E027", {"KEYS": {"a": KEY}, "CACHE_MAX_STALE": 86401}, "is 86401: longer than a day"),
    ("E028", {"KEYS": {"a": KEY}, "CACHE_NEAR": 0}, "is 0: not longer than nothing"),
    ("E028", {"KEYS": {"a": KEY}, "CACHE_NEAR": 31}, "is 31: longer than CACHE_MAX_STALE"),
    ("E028", {"KEYS": {"a": KEY}, "CACHE_NEAR": "soon"}, "is 'soon': neither a number of seconds nor a timedelta"),
    ("E030", {"KEYS": {"a": KEY}, "LOOKUP_CONNECTIONS": -1}, "is -1, which is no number of connections"),
    ("E030", {"KEYS": {"a": KEY}, "LOOKUP_CONNECTIONS": True}, "is True, which is no number"),
    ("E030", {"KEYS": {"a": KEY}, "LOOKUP_CONNECTIONS": "many"}, "is 'many', which is no number"),
    ("E006", {"KEYS": {"a": KEY}, "KEY": KEY}, "['KEY'] is not a setting"),
    ("E006", {"KEYS": {"a": KEY}, "cookie_nam": "x"}, "['cookie_nam'] is not a setting"),
    ("E007", {"KEYS": sealed_vault}, "failed (TimeoutError)"),
    ("E007", {"KEYS": "no.such.vault"}, "not the path of a callable that can be imported (ModuleNotFoundError)"),
    ("E007", {"KEYS": KEY}, "not the path of a callable that can be imported (ImportError)"),
    ("E002", {"KEYS": {KEY: "2026-11"}}, "[of 32 characters] is 7 bytes long"),
    ("E005", {"KEYS": {"a": KEY}, "ACTIVE_KEY": KEY}, "is of 32 characters, which is not a version"),
    ("E005", {"KEYS": {"a": KEY}, "ACTIVE_KEY": ["a"]}, "['a'], which is not a version"),
    ("E008", {"KEYS": {"a": KEY}, "COOKIE_NAME": "a b"}, "cannot be the name of a cookie"),
    ("E008", {"KEYS": {"a": KEY}, "COOKIE_NAME": ""}, "cannot be the name of a cookie"),
    ("E008", {"KEYS": {"a": KEY}, "COOKIE_NAME": "sessionid"}, "so is SESSION_COOKIE_NAME"),
    ("E008", {"KEYS": {"a": KEY}, "COOKIE_NAME": "csrftoken"}, "so is CSRF_COOKIE_NAME"),
    ("E009", {"KEYS": {"a": KEY}, "COOKIE_PROFILE": "dev"}, "is 'dev'"),
    ("E010", {"KEYS": {"a": KEY}, "STORE": "no.such.Store"}, "cannot be used: No module named"),
    ("E010", {"KEYS": {"a": KEY}, "STORE": "builtins.dict"}, "not a complete"),
    ("E010", {"KEYS": {"a": KEY}, "STORE": None}, "cannot be used"),
    ("E010", {"KEYS": {"a": KEY}, "STORE": "codlet_sessions.stores.base.SessionStore"}, "not a complete"),
]


@pytest.mark.parametrize(("id", "codlet_sessions", "message"), WRONG)
def test_a_mistake_is_a_check_that_says_what_and_where(id, codlet_sessions, message):  # noqa: A002
    error = problems(**codlet_sessions)[id]
    assert message in error.msg
    assert error.hint
    assert error.level == checks.ERROR


@pytest.mark.parametrize(("id", "codlet_sessions", "message"), WRONG)
def test_the_same_mistake_keeps_the_server_from_starting(id, codlet_sessions, message):  # noqa: A002
    refused = pytest.raises((ImproperlyConfigured, KeysUnavailable))
    with override_settings(CODLET_SESSIONS=codlet_sessions), refused as caught:
        SessionMiddleware(lambda request: HttpResponse())
    assert message in str(caught.value)


def test_a_missing_key_says_how_to_make_one():
    with override_settings():
        del_settings = problems()
    assert 'python -c "import secrets; print(secrets.token_hex(32))"' in del_settings["E001"].hint


def test_the_hint_makes_a_key_that_is_accepted():
    import shlex
    import subprocess

    hint = problems()["E001"].hint
    command = shlex.split(hint.split("Make a key with: ")[1].split(" Keep it")[0])
    key = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert problems(KEYS={"v": key}) == {}


@override_settings()
def test_without_codlet_sessions_in_the_settings_the_key_is_missing():
    from django.conf import settings

    del settings.CODLET_SESSIONS
    api.get_manager.cache_clear()
    with pytest.raises(ImproperlyConfigured, match="holds no key"):
        sessions.validate("x")


@pytest.mark.parametrize("value", [None, [], "KEYS"])
def test_codlet_sessions_that_is_no_dictionary_is_refused(value):
    assert "not a mapping" in found(CODLET_SESSIONS=value)["E001"].msg


def test_a_key_that_is_secret_key_is_refused(settings):
    secret_key, old_secret_key = "s" * 50, "t" * 50
    both = {"SECRET_KEY": secret_key, "SECRET_KEY_FALLBACKS": [old_secret_key]}
    for key in (secret_key, old_secret_key.encode()):
        assert "SECRET_KEY" in found(**both, CODLET_SESSIONS={"KEYS": {"v": key}})["E004"].msg


def test_a_key_stands_in_no_message():
    wrong = ({"a": "short"}, {"a": KEY, "b": KEY}, {"a": KEY, "b": 5}, {KEY: "2026-11"}, KEY)
    shown = [str(problems(KEYS=keys)) for keys in wrong] + [str(problems(KEYS={"a": "a" * 32}, ACTIVE_KEY=KEY))]
    assert not any(key in text for text in shown for key in ("short'", KEY))


@pytest.mark.parametrize(
    ("name", "hint"), [("KEY", "Did you mean 'KEYS'?"), ("COOKIE", "COOKIE"), ("zzz", "Known are 'KEYS'")]
)
def test_an_unknown_setting_names_the_nearest_known_one(name, hint):
    assert hint in problems(KEYS={"a": KEY}, **{name: 1})["E006"].hint


def test_several_mistakes_are_all_said_at_once():
    assert {"E002", "E006", "E009"} <= problems(KEYS={"v": "x"}, KEY=1, COOKIE_PROFILE="dev").keys()


def test_moments_without_a_time_zone_are_refused():
    assert "USE_TZ = True" in found(USE_TZ=False)["E011"].hint


@pytest.mark.parametrize("keys", [vault, f"{__name__}.vault", {"2026-11": KEY}, {"2026-11": KEY.encode()}])
def test_keys_come_from_a_mapping_a_callable_or_its_path(keys):
    with override_settings(CODLET_SESSIONS={"KEYS": keys}):
        assert sessions.hasher.key_ring.versions == ("2026-11",)


def test_the_vault_is_asked_once_and_again_only_after_it_failed():
    calls = []

    def flaky():
        calls.append(1)
        return vault() if len(calls) > 1 else sealed_vault()

    with override_settings(CODLET_SESSIONS={"KEYS": flaky}):
        with pytest.raises(KeysUnavailable):
            sessions.validate("x")
        for _ in range(3):
            sessions.validate("x")
    assert len(calls) == 2


def test_a_changed_setting_is_seen_at_once():
    assert isinstance(sessions.store, OrmSessionStore)
    with override_settings(
        CODLET_SESSIONS={"KEYS": vault, "STORE": "codlet_sessions.stores.memory.MemorySessionStore"}
    ):
        assert isinstance(sessions.store, MemorySessionStore)
        with override_settings(SESSION_COOKIE_AGE=60):
            assert sessions.timeouts.lifetime.total_seconds() == 60
    assert sessions.timeouts.lifetime.total_seconds() == 1209600
    assert repr(api.sessions) == "<the configured SessionManager>"


@pytest.mark.parametrize(
    ("middleware", "id", "hint"),
    [
        ([AUTHENTICATION], "E012", ", before AuthenticationMiddleware"),
        ([STOCK, AUTHENTICATION], "E012", "in the place of Django's SessionMiddleware"),
        ([AUTHENTICATION, OURS], "E013", f"above '{AUTHENTICATION}'"),
        ([STOCK, OURS, AUTHENTICATION], "E014", "Keep one"),
        ([OURS, OURS], "E014", "Keep one"),
        ([OURS, "django.middleware.cache.UpdateCacheMiddleware"], "E016", "'Vary: Cookie'"),
    ],
)
def test_middleware_that_is_missing_late_or_double_is_refused(middleware, id, hint):  # noqa: A002
    error = found(MIDDLEWARE=middleware)[id]
    assert hint in error.hint


def test_a_middleware_that_cannot_be_imported_is_left_to_django():
    assert found(MIDDLEWARE=[OURS, "no.such.Middleware"]) == {}


def test_the_admin_accepts_our_middleware_as_djangos(settings):
    messages = checks.run_checks()
    assert not [message for message in messages if message.id == "admin.E410"]


@pytest.mark.parametrize(
    "settings",
    [{"SESSION_COOKIE_AGE": age} for age in (0, -5, None, "3600", True)]
    + [{"SESSION_COOKIE_SAMESITE": samesite} for samesite in ("lx", "", 1)],
)
def test_a_cookie_that_could_not_be_set_is_refused(settings):
    (name,) = settings
    assert name in found(**settings)["E015"].msg


@pytest.mark.parametrize("samesite", ["Lax", "strict", "None", None, False])
def test_whatever_django_accepts_as_same_site_is_in_order(samesite):
    assert found(SESSION_COOKIE_SAMESITE=samesite) == {}


def test_error_reports_that_show_live_cookies_are_told_of_at_deployment():
    djangos = "django.views.debug.SafeExceptionReporterFilter"
    warning = found(deploy=True, DEFAULT_EXCEPTION_REPORTER_FILTER=djangos)["W002"]
    assert "codlet_session" in warning.msg
    assert "codlet_sessions.debug.SafeExceptionReporterFilter" in warning.hint
    assert "W002" in found(deploy=True, DEFAULT_EXCEPTION_REPORTER_FILTER="no.such.Filter")
    assert found(deploy=True) == {}


def test_a_name_that_is_none_is_reported_at_deployment_too():
    assert "E008" in found(deploy=True, CODLET_SESSIONS={"KEYS": {"a": KEY}, "COOKIE_NAME": None})


LOCAL = {"KEYS": {"v": KEY}, "COOKIE_PROFILE": "local-development"}


def test_cookies_without_secure_are_for_a_developers_machine():
    assert found(CODLET_SESSIONS=LOCAL, DEBUG=True) == {}
    assert found(CODLET_SESSIONS=LOCAL, DEBUG=False)["W001"].level == checks.WARNING
    assert found(CODLET_SESSIONS=LOCAL, DEBUG=True, deploy=True)["E020"].level == checks.ERROR
    with override_settings(CODLET_SESSIONS=LOCAL):
        assert conf.cookie_policy().secure is False


@pytest.mark.parametrize(
    ("name", "settings", "demand"),
    [
        ("__Host-s", {"SESSION_COOKIE_DOMAIN": "example.org"}, "no Domain"),
        ("__Host-s", {"SESSION_COOKIE_PATH": "/app/"}, "Path=/"),
        ("__host-s", {"SESSION_COOKIE_PATH": "/app/"}, "Path=/"),
        ("__Host-s", {"profile": "local-development"}, "Secure"),
        ("__Secure-s", {"profile": "local-development"}, "Secure"),
    ],
)
def test_a_prefix_that_browsers_would_refuse_is_refused_at_deployment(name, settings, demand):
    profile = settings.pop("profile", "production")
    codlet_sessions = {"KEYS": {"v": KEY}, "COOKIE_NAME": name, "COOKIE_PROFILE": profile}
    assert demand in found(deploy=True, CODLET_SESSIONS=codlet_sessions, **settings)["E021"].msg


def test_a_prefix_that_browsers_accept_is_in_order():
    codlet_sessions = {"KEYS": {"v": KEY}, "COOKIE_NAME": "__Host-session"}
    assert found(deploy=True, CODLET_SESSIONS=codlet_sessions) == {}
    for name in ("__Secure-session", "session"):
        shared = {"KEYS": {"v": KEY}, "COOKIE_NAME": name}
        assert found(deploy=True, CODLET_SESSIONS=shared, SESSION_COOKIE_DOMAIN="example.org") == {}


def test_the_check_command_exits_with_the_sentence(capsys):
    from django.core.management.base import SystemCheckError

    with override_settings(CODLET_SESSIONS={"KEYS": {"v": "short"}}), pytest.raises(SystemCheckError) as caught:
        call_command("check")
    assert "CODLET_SESSIONS['KEYS']['v'] is 5 bytes long; at least 32 are needed." in str(caught.value)
