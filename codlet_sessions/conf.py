"""
What the host decided. One parser serves the runtime and the system checks, so the two cannot disagree.

Nothing else in the package reads ``django.conf.settings``, but for AUTH_USER_MODEL in the model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from codlet_sessions import problems
from codlet_sessions.cookies import CookiePolicy
from codlet_sessions.errors import KeysUnavailable
from codlet_sessions.hashing import KeyRing
from codlet_sessions.problems import DEFAULTS, LOCAL_DEVELOPMENT, Problem
from codlet_sessions.stores.base import SessionStore

HOST_SETTINGS: Final = (
    "SESSION_COOKIE_AGE",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_PATH",
    "SESSION_COOKIE_SAMESITE",
    "SESSION_EXPIRE_AT_BROWSER_CLOSE",
)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings, understood."""

    key_ring: KeyRing
    lifetime: timedelta
    store: Callable[[], SessionStore]


def load() -> Config:
    """
    Return the settings, understood.

    Raises:
        ImproperlyConfigured: They are wrong; the message has every problem with its hint.
        KeysUnavailable: The callable in ``KEYS`` failed.

    """
    raw = _raw()
    keys = _keys(raw)
    if found := [*problems.of_keys(keys, raw["ACTIVE_KEY"], settings), *problems.of_the_rest(raw, settings)]:
        raise ImproperlyConfigured(" ".join(map(str, found)))
    return Config(
        key_ring=KeyRing(keys, raw["ACTIVE_KEY"]),
        lifetime=timedelta(seconds=settings.SESSION_COOKIE_AGE),
        store=import_string(raw["STORE"]),
    )


def find_problems() -> list[Problem]:
    """Return everything that would keep `load` from answering. Calls the vault, if there is one."""
    raw = _raw()
    try:
        of_keys = list(problems.of_keys(_keys(raw), raw["ACTIVE_KEY"], settings))
    except KeysUnavailable as error:
        of_keys = [problems.vault_failed(error)]
    return [*of_keys, *problems.of_the_rest(raw, settings)]


def cookie_policy() -> CookiePolicy:
    """Return how the session cookie looks: our name and profile, and Django's SESSION_COOKIE_* for the rest."""
    raw = _raw()
    return CookiePolicy(
        name=str(raw["COOKIE_NAME"]),
        path=settings.SESSION_COOKIE_PATH,
        domain=settings.SESSION_COOKIE_DOMAIN,
        samesite=settings.SESSION_COOKIE_SAMESITE,
        secure=not is_local_development(),
        persistent=not settings.SESSION_EXPIRE_AT_BROWSER_CLOSE,
    )


def session_cookie_names() -> set[str]:
    """Return the names of the cookies that hold a live session: ours and Django's."""
    return {str(_raw()["COOKIE_NAME"]), settings.SESSION_COOKIE_NAME}


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
    return setting == "CODLET_SESSIONS" or setting in HOST_SETTINGS


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
