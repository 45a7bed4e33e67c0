"""System checks: what a mistake in the settings would cost, said before it costs it."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.middleware.cache import UpdateCacheMiddleware
from django.utils.module_loading import import_string

from codlet_sessions import conf
from codlet_sessions.cookies import CookiePolicy

_OURS = "codlet_sessions.middleware.SessionMiddleware"
_REPORTS = "codlet_sessions.debug.SafeExceptionReporterFilter"


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E001 to E011: whatever would keep the app from starting."""
    return [Error(problem.message, hint=problem.hint, id=problem.id) for problem in conf.find_problems()]


def check_middleware(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E012 to E014 and E016: our middleware is there, alone of its kind, in the right place among the others."""
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


def check_deployment(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E020, E021 and W002, with ``--deploy``: the cookie is Secure, as its prefix demands, and in no error report."""
    return [*_deployment_problems(), *_report_problems()]


def _middleware_problems() -> Iterator[CheckMessage]:
    ours = import_string(_OURS)
    kinds = [_imported(path) for path in conf.middleware()]
    positions = [index for index, kind in enumerate(kinds) if _is_a(kind, ours)]
    stock = [kind for kind in kinds if _is_a(kind, DjangoSessionMiddleware) and not _is_a(kind, ours)]
    authentication = [index for index, kind in enumerate(kinds) if _is_a(kind, AuthenticationMiddleware)]
    if not positions:
        instead = " in the place of Django's SessionMiddleware" if stock else ", before AuthenticationMiddleware"
        yield Error(
            "MIDDLEWARE has no codlet_sessions middleware: requests have no codlet_session.",
            hint=f"Put '{_OURS}' into MIDDLEWARE{instead}.",
            id="codlet_sessions.E012",
        )
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
            hint="Mend these settings, or choose a CODLET_SESSIONS['COOKIE_NAME'] without the prefix.",
            id="codlet_sessions.E021",
        )


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
