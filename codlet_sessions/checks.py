"""System checks: what a mistake in the settings would cost, said before it costs it."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.middleware.cache import UpdateCacheMiddleware
from django.utils.module_loading import import_string

from codlet_sessions import conf
from codlet_sessions.cookies import CookiePolicy

_OURS = "codlet_sessions.middleware.SessionMiddleware"
_DJANGOS = "django.contrib.sessions.middleware.SessionMiddleware"
_AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
_CONTRIB = "django.contrib.sessions"
_WITH_REPLICAS = ("django.core.cache.backends.redis", "django_redis.", "django_valkey.")
_REPORTS = "codlet_sessions.debug.SafeExceptionReporterFilter"


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E001 to E011, E015, E017, E019 and E022 to E030: whatever would keep the app from starting."""
    return [Error(problem.message, hint=problem.hint, id=problem.id) for problem in conf.find_problems()]


def check_middleware(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E012 to E014, E016 and W003: our middleware is there, alone of its kind, in the right place among the others."""
    return list(_middleware_problems())


def check_profile(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W001: cookies without Secure, on what does not look like a developer's machine."""
    if not conf.is_local_development() or conf.is_debug():
        return []
    return [
        CheckWarning(
            "CODLET_SESSIONS['COOKIE_PROFILE'] is 'local-development' and DEBUG is False: cookies travel without TLS.",
            hint="Remove COOKIE_PROFILE from CODLET_SESSIONS.",
            id="codlet_sessions.W001",
        )
    ]


def check_engine(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E018 and W004: what does not go together with an engine of ours."""
    return list(_engine_problems())


def check_cache(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E031: a cache in front of the sessions that other processes do not see, on what is no developer's machine."""
    if conf.is_debug() or not _is_cache_of_kind(LocMemCache):
        return []
    return [
        Error(
            "The cache in front of the sessions is LocMemCache, of which each process has its own: a session that is"
            " ended in one of them, a command for instance, goes on for up to CACHE_MAX_STALE in the others.",
            hint="Let SESSION_CACHE_ALIAS name a cache that all processes share, or use the engine"
            " 'codlet_sessions.backends.db'.",
            id="codlet_sessions.E031",
        )
    ]


def check_deployment(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E020, E021, W002, W005 to W010 and W013, with ``--deploy``: what protects sessions, and who clears them."""
    return [
        *_deployment_problems(),
        *_report_problems(),
        *_command_problems(),
        *_timeout_problems(),
        *_departure_problems(),
        *_cache_problems(),
        *_attribute_problems(),
    ]


def _middleware_problems() -> Iterator[CheckMessage]:
    ours = import_string(_OURS)
    kinds = [_imported(path) for path in conf.middleware()]
    positions = [index for index, kind in enumerate(kinds) if _is_a(kind, ours)]
    stock = [kind for kind in kinds if _is_a(kind, DjangoSessionMiddleware) and not _is_a(kind, ours)]
    authentication = [index for index, kind in enumerate(kinds) if _is_a(kind, AuthenticationMiddleware)]
    if not positions and stock and conf.uses_our_engine():
        yield CheckWarning(
            "SESSION_ENGINE is one of codlet_sessions, and the middleware above it is Django's: requests have no"
            " codlet_session, an outage is a 500, a slow response may overwrite or clear a newer cookie, and sessions"
            " end though they are used.",
            hint=f"Put '{_OURS}' into MIDDLEWARE in the place of Django's SessionMiddleware.",
            id="codlet_sessions.W003",
        )
    elif not positions:
        instead = " in the place of Django's SessionMiddleware" if stock else ", before AuthenticationMiddleware"
        yield Error(
            "MIDDLEWARE has no codlet_sessions middleware: requests have no codlet_session.",
            hint=f"Put '{_OURS}' into MIDDLEWARE{instead}.",
            id="codlet_sessions.E012",
        )
    if not positions:
        return
    if authentication and positions[0] > authentication[0]:
        yield Error(
            "In MIDDLEWARE, AuthenticationMiddleware comes before the session it reads.",
            hint=f"Move '{_OURS}' above '{conf.middleware()[authentication[0]]}'.",
            id="codlet_sessions.E013",
        )
    caches = [index for index, kind in enumerate(kinds) if _is_a(kind, UpdateCacheMiddleware)]
    if caches and positions[0] < caches[-1]:
        yield Error(
            "In MIDDLEWARE, UpdateCacheMiddleware comes after the session: it would serve a visitor's page to others.",
            hint=f"Move '{conf.middleware()[caches[-1]]}' above '{_OURS}', so that it sees 'Vary: Cookie'.",
            id="codlet_sessions.E016",
        )
    if len(positions) + len(stock) > 1:
        yield Error(
            "MIDDLEWARE has more than one session middleware: each would replace the other's request.session.",
            hint=f"Keep one '{_OURS}' and remove the rest, Django's own SessionMiddleware too.",
            id="codlet_sessions.E014",
        )


def _engine_problems() -> Iterator[CheckMessage]:
    if conf.uses_our_engine() and "allauth.usersessions" in conf.installed_apps():
        yield Error(
            "allauth.usersessions is installed: it keeps a copy of each session's key, the live cookie, in clear.",
            hint="Remove 'allauth.usersessions' from INSTALLED_APPS, drop its table, and list sessions by"
            " codlet_sessions.api.sessions.list_active(user).",
            id="codlet_sessions.E018",
        )
    if conf.cookie_name_is_idle():
        yield CheckWarning(
            "CODLET_SESSIONS['COOKIE_NAME'] has no effect: with this SESSION_ENGINE the cookie is SESSION_COOKIE_NAME.",
            hint="Remove COOKIE_NAME from CODLET_SESSIONS, and set SESSION_COOKIE_NAME to the name you want.",
            id="codlet_sessions.W004",
        )


def _deployment_problems() -> Iterator[CheckMessage]:
    cookie = conf.cookie_policy()
    if not cookie.secure:
        yield Error(
            "CODLET_SESSIONS['COOKIE_PROFILE'] is 'local-development': session cookies travel without TLS.",
            hint="Remove COOKIE_PROFILE from CODLET_SESSIONS.",
            id="codlet_sessions.E020",
        )
    broken = [rule for applies, rule in _prefix_rules(cookie) if applies]
    if broken:
        yield Error(
            f"Browsers will refuse the cookie {cookie.name!r}: its prefix demands {' and '.join(broken)}.",
            hint=f"Mend these settings, or choose a {_where_the_name_is_set()} without the prefix.",
            id="codlet_sessions.E021",
        )


def _where_the_name_is_set() -> str:
    return "SESSION_COOKIE_NAME" if conf.uses_our_engine() else "CODLET_SESSIONS['COOKIE_NAME']"


def _report_problems() -> Iterator[CheckMessage]:
    reports = _imported(conf.exception_reporter_filter())
    hides = getattr(reports() if isinstance(reports, type) else None, "cleanse_setting", None)
    shown = [name for name in sorted(conf.session_cookie_names()) if hides is None or hides(name, "value") == "value"]
    if shown:
        yield CheckWarning(
            f"Error reports show live session cookies ({', '.join(shown)}) when a request fails before our middleware.",
            hint=f"Set DEFAULT_EXCEPTION_REPORTER_FILTER = '{_REPORTS}', or inherit from it.",
            id="codlet_sessions.W002",
        )


def _command_problems() -> Iterator[CheckMessage]:
    apps = conf.installed_apps()
    is_behind = _CONTRIB in apps and apps.index(_CONTRIB) < apps.index("codlet_sessions")
    if conf.uses_our_engine() and is_behind:
        yield CheckWarning(
            f"'{_CONTRIB}' comes before 'codlet_sessions' in INSTALLED_APPS: 'manage.py clearsessions' is Django's,"
            " which deletes the same sessions and does not say how many.",
            hint=f"Move 'codlet_sessions' above '{_CONTRIB}', or run 'manage.py purge_sessions' instead.",
            id="codlet_sessions.W005",
        )


def _timeout_problems() -> Iterator[CheckMessage]:
    try:
        timeouts, is_sliding = conf.timeouts(), conf.saves_every_request()
    except (ValueError, KeyError, TypeError, OverflowError):  # E015, E022 and E023 say so
        return
    if timeouts.idle is None and not is_sliding:
        yield CheckWarning(
            "CODLET_SESSIONS['IDLE_TIMEOUT'] is None: a session that nobody uses goes on until its end (ASVS 7.3.1).",
            hint="Leave it out for half of SESSION_COOKIE_AGE, or set a number of seconds.",
            id="codlet_sessions.W006",
        )
    if timeouts.absolute is None and is_sliding:
        yield CheckWarning(
            "SESSION_SAVE_EVERY_REQUEST is True without an ABSOLUTE_TIMEOUT: a session in use never ends (ASVS 7.3.2).",
            hint="Set CODLET_SESSIONS['ABSOLUTE_TIMEOUT'], or a PRESET, or SESSION_SAVE_EVERY_REQUEST = False: our idle"
            " timeout does not need it.",
            id="codlet_sessions.W007",
        )


def _departure_problems() -> Iterator[CheckMessage]:
    if conf.uses_our_engine() and _AUTHENTICATION in conf.middleware():
        yield CheckWarning(
            f"MIDDLEWARE has '{_AUTHENTICATION}': it ends no session of whom QuerySet.update() has deactivated, and"
            " writes a changed password down as a sign-out.",
            hint="Put 'codlet_sessions.middleware.AuthenticationMiddleware' in its place.",
            id="codlet_sessions.W008",
        )


def _cache_problems() -> Iterator[CheckMessage]:
    faults = [
        (DummyCache, "DummyCache, which keeps nothing: each look-up is a query and two calls in vain"),
        (DatabaseCache, "DatabaseCache: each look-up is a query all the same"),
        (FileBasedCache, "FileBasedCache, which other machines do not see: a session that is ended on one goes on"),
    ]
    found = [fault for kind, fault in faults if _is_cache_of_kind(kind)]
    if not found and _reads_from_replicas():
        found = ["read from replicas, which may not know yet that a session has ended"]
    if found:
        yield CheckWarning(
            f"The cache in front of the sessions is {found[0]}.",
            hint="Let SESSION_CACHE_ALIAS name a cache on one Redis, Valkey or memcached, or use the engine"
            " 'codlet_sessions.backends.db'.",
            id="codlet_sessions.W009",
        )


def _is_cache_of_kind(kind: type) -> bool:
    cache = conf.cache_in_front()
    return cache is not None and _is_a(_imported(str(cache.get("BACKEND"))), kind)


def _reads_from_replicas() -> bool:
    """Whether the cache has several servers, of which its client takes all but the first for copies of that."""
    cache = conf.cache_in_front() or {}
    kind, location = _imported(str(cache.get("BACKEND"))), cache.get("LOCATION") or ""
    servers = re.split("[;,]", location) if isinstance(location, str) else location
    is_sharded = "Shard" in str(cache.get("OPTIONS", {}).get("CLIENT_CLASS"))
    bases = kind.__mro__ if isinstance(kind, type) else ()
    return len(servers) > 1 and not is_sharded and any(base.__module__.startswith(_WITH_REPLICAS) for base in bases)


def _attribute_problems() -> Iterator[CheckMessage]:
    """Say what Django's security.W010 to W015 would, which look for its own middleware's path alone."""
    if not _cookie_is_left_to_the_settings():
        return
    insecure = conf.insecure_cookie_settings()
    if "SESSION_COOKIE_SECURE" in insecure:
        yield CheckWarning(
            "SESSION_COOKIE_SECURE is not True: the cookie of request.session travels without TLS, too.",
            hint="Set SESSION_COOKIE_SECURE = True.",
            id="codlet_sessions.W010",
        )
    if "SESSION_COOKIE_HTTPONLY" in insecure:
        yield CheckWarning(
            "SESSION_COOKIE_HTTPONLY is not True: a script on any page can read the cookie of request.session.",
            hint="Set SESSION_COOKIE_HTTPONLY = True.",
            id="codlet_sessions.W013",
        )


def _cookie_is_left_to_the_settings() -> bool:
    """Whether a session middleware by another path than Django's writes the cookie as SESSION_COOKIE_* say."""
    ours = import_string(_OURS)
    kinds = {path: _imported(path) for path in conf.middleware()}
    others = [kind for path, kind in kinds.items() if _is_a(kind, DjangoSessionMiddleware) and path != _DJANGOS]
    return any(not (_is_a(kind, ours) and conf.uses_our_engine()) for kind in others)


def _prefix_rules(cookie: CookiePolicy) -> list[tuple[bool, str]]:
    name = cookie.name.lower()  # browsers compare the prefix without regard to case
    is_host, is_secure = name.startswith("__host-"), name.startswith("__secure-")
    return [
        ((is_host or is_secure) and not cookie.secure, "Secure (COOKIE_PROFILE must not be 'local-development')"),
        (is_host and bool(cookie.domain), f"no Domain (SESSION_COOKIE_DOMAIN must be None, not {cookie.domain!r})"),
        (is_host and cookie.path != "/", f"Path=/ (SESSION_COOKIE_PATH must be '/', not {cookie.path!r})"),
    ]


def _imported(path: str) -> object:
    try:
        return import_string(path)
    except ImportError:  # Django says so itself as soon as it loads the middleware
        return None


def _is_a(kind: object, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)
