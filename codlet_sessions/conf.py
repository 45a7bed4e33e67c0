"""
What the host decided. One parser serves the runtime and the system checks, so the two cannot disagree.

Nothing else in the package reads ``django.conf.settings``, but for AUTH_USER_MODEL in the model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.module_loading import import_string

from codlet_sessions import problems
from codlet_sessions.cookies import CookiePolicy
from codlet_sessions.errors import KeysUnavailable
from codlet_sessions.hashing import KeyRing
from codlet_sessions.packing import Serializer
from codlet_sessions.problems import DEFAULTS, LOCAL_DEVELOPMENT, Problem
from codlet_sessions.stores.base import SessionStore
from codlet_sessions.timeouts import AUTO, Timeouts, parsed, span

HOST_SETTINGS: Final = (
    "SESSION_ENGINE",
    "SESSION_SERIALIZER",
    "SESSION_CACHE_ALIAS",
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_AGE",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_PATH",
    "SESSION_COOKIE_SAMESITE",
    "SESSION_EXPIRE_AT_BROWSER_CLOSE",
    "SESSION_SAVE_EVERY_REQUEST",
)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings, understood."""

    key_ring: KeyRing
    timeouts: Timeouts
    store: Callable[[], SessionStore]
    lookup_connections: int | None
    keeps_client_facts: bool


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """
    The cache in front of the table.

    Attributes:
        alias: Its name in CACHES.
        max_stale: For how long a copy of a session may be used, whatever happens.
        near: For how long one in the memory of a process may be; None if there shall be none.

    """

    alias: str
    max_stale: timedelta
    near: timedelta | None


def load() -> Config:
    """
    Return the settings, understood.

    Raises:
        ImproperlyConfigured: They are wrong; the message has every problem with its hint.
        KeysUnavailable: The callable in ``KEYS`` failed.

    """
    raw = _raw()
    keys = _keys(raw)
    if found := [*problems.of_keys(keys, raw["ACTIVE_KEY"], settings), *_of_the_rest(raw)]:
        raise ImproperlyConfigured(" ".join(map(str, found)))
    return Config(
        key_ring=KeyRing(keys, raw["ACTIVE_KEY"]),
        timeouts=timeouts(),
        store=_store_class(raw),
        lookup_connections=None if raw["LOOKUP_CONNECTIONS"] == AUTO else raw["LOOKUP_CONNECTIONS"],
        keeps_client_facts=raw["CLIENT_RETENTION"] is not None,
    )


def find_problems() -> list[Problem]:
    """Return everything that would keep `load` from answering. Calls the vault, if there is one."""
    raw = _raw()
    try:
        of_keys = list(problems.of_keys(_keys(raw), raw["ACTIVE_KEY"], settings))
    except KeysUnavailable as error:
        of_keys = [problems.vault_failed(error)]
    return [*of_keys, *_of_the_rest(raw)]


def cookie_policy() -> CookiePolicy:
    """Return how the session cookie looks: our name and profile, and Django's SESSION_COOKIE_* for the rest."""
    return CookiePolicy(
        name=settings.SESSION_COOKIE_NAME if uses_our_engine() else str(_raw()["COOKIE_NAME"]),
        path=settings.SESSION_COOKIE_PATH,
        domain=settings.SESSION_COOKIE_DOMAIN,
        samesite=settings.SESSION_COOKIE_SAMESITE,
        secure=not is_local_development(),
        persistent=not settings.SESSION_EXPIRE_AT_BROWSER_CLOSE,
    )


def timeouts() -> Timeouts:
    """Return how long sessions last."""
    return parsed(_raw(), settings.SESSION_COOKIE_AGE, is_sliding=saves_every_request() and uses_our_engine())


def limits_sessions() -> bool:
    """Return whether there is a limit to the sessions of some user."""
    return _raw()["MAX_SESSIONS"] is not None


def session_limit(user: object) -> int | None:
    """Return how many sessions ``user`` may have at once, at least 1; None if there is no limit."""
    limit = _called("MAX_SESSIONS")
    number = limit(user) if callable(limit) else limit
    return None if number is None else max(int(number), 1)


def at_limit() -> str:
    """Return what happens when a sign-in would be one too many."""
    return str(_raw()["AT_LIMIT"])


def client_retention() -> timedelta:
    """Return how long what is known of a client outlives its session."""
    return span(_raw()["CLIENT_RETENTION"]) or timedelta()


def client_facts() -> str:
    """Return how much of a client is recorded: "nothing", "truncated" or "full"."""
    return str(_raw()["CLIENT_FACTS"])


def client_address() -> Callable[[HttpRequest], str | None]:
    """Return what says which address a request came from."""
    called: Callable[[HttpRequest], str | None] = _called("CLIENT_ADDRESS")
    return called


def client_place() -> Callable[[str], str | None]:
    """Return what says where an address is, for people to read; it knows of no place if the host has not said."""
    return _called("CLIENT_PLACE") if _raw()["CLIENT_PLACE"] is not None else lambda address: None


def recent_sign_in() -> timedelta:
    """Return how long a sign-in counts as recent, where nobody says otherwise."""
    return span(_raw()["RECENT_SIGN_IN"]) or timedelta()


def login_url() -> str:
    """Return the path of the page to sign in on: the host's LOGIN_URL, resolved."""
    return resolve_url(settings.LOGIN_URL)


def session_cookie_names() -> set[str]:
    """Return the names of the cookies that hold a live session: ours and Django's, which may be one."""
    return {cookie_policy().name, settings.SESSION_COOKIE_NAME}


def session_engine() -> Any:
    """Return the class ``SessionStore`` of the host's SESSION_ENGINE, or None when there is no such engine."""
    return _engine_at(settings.SESSION_ENGINE)


def uses_our_engine() -> bool:
    """Return whether ``request.session`` is on our rows, so that both views share one cookie."""
    return bool(getattr(session_engine(), "keeps_codlet_rows", False))


def session_cache() -> CacheConfig | None:
    """
    Return what the cache in front of the table is, if the host has chosen a store with one. Needs no keys.

    Raises:
        ImproperlyConfigured: What the settings say of it is wrong.

    """
    raw = _raw()
    if not _keeps_copies(raw):
        return None
    if found := list(problems.of_cache(raw, settings, is_used=True)):
        raise ImproperlyConfigured(" ".join(map(str, found)))
    max_stale = span(raw["CACHE_MAX_STALE"]) or timedelta()
    return CacheConfig(settings.SESSION_CACHE_ALIAS, max_stale, span(raw["CACHE_NEAR"]))


def cache_in_front() -> Mapping[str, Any] | None:
    """Return what CACHES says of the cache in front of the table; None if there is none."""
    found: Mapping[str, Any] | None = settings.CACHES.get(settings.SESSION_CACHE_ALIAS)
    return found if _keeps_copies(_raw()) else None


def serializer() -> Serializer:
    """Return the host's SESSION_SERIALIZER, ready for use."""
    made: Serializer = import_string(settings.SESSION_SERIALIZER)()
    return made


def adopts_from() -> str | None:
    """Return the path of the engine whose sessions are taken over, if any."""
    path: str | None = _raw()["ADOPT_FROM"]
    return path


def is_authentication_backend(path: str) -> bool:
    """Return whether ``path`` is among the host's AUTHENTICATION_BACKENDS."""
    return path in settings.AUTHENTICATION_BACKENDS


def exception_reporter_filter() -> str:
    """Return the host's DEFAULT_EXCEPTION_REPORTER_FILTER."""
    return str(settings.DEFAULT_EXCEPTION_REPORTER_FILTER)


def is_local_development() -> bool:
    """Return whether cookies may travel without TLS."""
    return bool(_raw()["COOKIE_PROFILE"] == LOCAL_DEVELOPMENT)


def is_debug() -> bool:
    """Return the host's DEBUG."""
    return bool(settings.DEBUG)


def middleware() -> list[str]:
    """Return the host's MIDDLEWARE."""
    return list(settings.MIDDLEWARE or [])


def saves_every_request() -> bool:
    """Return whether Django's session is written on every request."""
    return bool(settings.SESSION_SAVE_EVERY_REQUEST)


def depends_on(setting: str) -> bool:
    """Return whether a change of ``setting`` makes what `load` returned out of date."""
    return setting in ("CODLET_SESSIONS", "CACHES") or setting in HOST_SETTINGS


def cookie_name_is_idle() -> bool:
    """Return whether the host has set a COOKIE_NAME that its engine does not ask for."""
    return uses_our_engine() and _raw()["COOKIE_NAME"] != DEFAULTS["COOKIE_NAME"]


def installed_apps() -> list[str]:
    """Return the names of the apps in INSTALLED_APPS, in its order, however they are written there."""
    return [app.name for app in apps.get_app_configs()]


def insecure_cookie_settings() -> list[str]:
    """Return those of Django's settings that leave the session cookie without an attribute that protects it."""
    wanted = {"SESSION_COOKIE_SECURE": settings.SESSION_COOKIE_SECURE}
    wanted["SESSION_COOKIE_HTTPONLY"] = settings.SESSION_COOKIE_HTTPONLY
    return [name for name, is_set in wanted.items() if not is_set]


def _called(name: str) -> Any:
    value = _raw()[name]
    return import_string(value) if isinstance(value, str) else value


def _of_the_rest(raw: Mapping[str, Any]) -> list[Problem]:
    chosen = {**raw, "STORE": _store_path(raw)}
    of_cache = problems.of_cache(raw, settings, is_used=_keeps_copies(raw))
    return [*problems.of_the_rest(chosen, settings, is_our_engine=uses_our_engine()), *of_cache]


def _store_path(raw: Mapping[str, Any]) -> Any:
    """Return the host's STORE; if that is not set, the one that the engine brings with it, if it does."""
    brought = getattr(session_engine(), "codlet_store", None)
    return brought if brought and raw["STORE"] == DEFAULTS["STORE"] else raw["STORE"]


def _store_class(raw: Mapping[str, Any]) -> Any:
    return import_string(_store_path(raw))


def _keeps_copies(raw: Mapping[str, Any]) -> bool:
    try:
        return bool(getattr(_store_class(raw), "keeps_copies", False))
    except (ImportError, TypeError, AttributeError):  # E010 says so
        return False


def _engine_at(path: str) -> Any:
    try:
        return getattr(import_module(path), "SessionStore", None)
    except ImportError:  # Django says so itself as soon as it loads the engine
        return None


def _raw() -> dict[str, Any]:
    given = getattr(settings, "CODLET_SESSIONS", {})
    return {**DEFAULTS, **given} if isinstance(given, Mapping) else {**DEFAULTS, "KEYS": None}


def _keys(raw: Mapping[str, Any]) -> Any:
    keys = _imported(raw["KEYS"]) if isinstance(raw["KEYS"], str) else raw["KEYS"]
    if not callable(keys):
        return keys
    try:
        return keys()
    except Exception as error:
        # Without its text: a vault's client may quote a token, or the key.
        raise KeysUnavailable(f"The callable in CODLET_SESSIONS['KEYS'] failed ({type(error).__name__}).") from error


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError as error:
        # Neither the text nor the error's: it may be a key that stands where the path of a callable belongs.
        raise KeysUnavailable(
            "CODLET_SESSIONS['KEYS'] is text, and not the path of a callable that can be imported"
            f" ({type(error).__name__})."
        ) from None
