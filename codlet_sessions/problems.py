"""
What can be wrong with the settings: each problem with an id, a sentence, and the line that mends it.

Pure functions of what the host wrote: `codlet_sessions.conf` hands it to them, the runtime and the checks show it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from inspect import isabstract
from typing import Any, Final, cast

from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from codlet_sessions.errors import KeyRingError
from codlet_sessions.hashing import KeyRing, shown
from codlet_sessions.stores.base import SessionDataStore, SessionStore
from codlet_sessions.timeouts import ANONYMOUS, AUTO, PRESETS, span

MIN_KEY_BYTES: Final = 32  # RFC 2104, section 3: a key shorter than the hash weakens it
LOCAL_DEVELOPMENT: Final = "local-development"
PRODUCTION: Final = "production"
EVICT_IDLE: Final = "evict_idle"
EVICT_OLDEST: Final = "evict_oldest"
REFUSE: Final = "refuse"
NOTHING: Final = "nothing"
TRUNCATED: Final = "truncated"
FULL: Final = "full"
DEFAULTS: Final[Mapping[str, Any]] = {
    "KEYS": {},
    "ACTIVE_KEY": None,
    "COOKIE_NAME": "codlet_session",
    "COOKIE_PROFILE": PRODUCTION,
    "STORE": "codlet_sessions.stores.orm.OrmSessionStore",
    "CACHE_MAX_STALE": 30,
    "CACHE_NEAR": None,
    "LOOKUP_CONNECTIONS": AUTO,
    "ADOPT_FROM": None,
    "PRESET": None,
    "ABSOLUTE_TIMEOUT": None,
    "IDLE_TIMEOUT": AUTO,
    "ANONYMOUS_TIMEOUT": ANONYMOUS,
    "MAX_SESSIONS": None,
    "AT_LIMIT": EVICT_IDLE,
    "CLIENT_FACTS": TRUNCATED,
    "CLIENT_ADDRESS": "codlet_sessions.clients.remote_address",
    "CLIENT_PLACE": None,
    "CLIENT_RETENTION": None,
    "RECENT_SIGN_IN": 900,
}
_LONGEST_STALE: Final = timedelta(days=1)
_AT_LIMIT: Final = (EVICT_IDLE, EVICT_OLDEST, REFUSE)
_CLIENT_FACTS: Final = (NOTHING, TRUNCATED, FULL)
_COOKIE_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 6265bis: a token of RFC 9110
_SAMESITE: Final = {"lax", "strict", "none", "false"}
_NEW_KEY: Final = """python -c "import secrets; print(secrets.token_hex(32))\""""
_MAKE_A_KEY: Final = (
    f"Make a key with: {_NEW_KEY} Keep it where you keep SECRET_KEY, and set"
    " CODLET_SESSIONS = {'KEYS': {'2026-11': os.environ['CODLET_SESSIONS_KEY']}}."
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the settings: what it is, and the line that mends it."""

    id: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.message} {self.hint} ({self.id})"


def of_keys(keys: Any, active: Any, host: LazySettings) -> Iterator[Problem]:
    """Yield what is wrong with the keys: E001 to E005."""
    if not isinstance(keys, Mapping) or not all(isinstance(version, str) for version in keys):
        yield Problem(
            "codlet_sessions.E001",
            "CODLET_SESSIONS['KEYS'] is not a mapping of version to key, nor a callable that returns one, nor a path.",
            _MAKE_A_KEY,
        )
        return
    if not keys:
        yield Problem("codlet_sessions.E001", "CODLET_SESSIONS['KEYS'] holds no key.", _MAKE_A_KEY)
        return
    broken = [problem for version, key in keys.items() for problem in _problems_of_key(version, key, host)]
    yield from broken or _ring_problems(keys, active)


def _problems_of_key(version: str, key: Any, host: LazySettings) -> Iterator[Problem]:
    where = f"CODLET_SESSIONS['KEYS'][{shown(version)}]"
    if not isinstance(key, str | bytes):
        yield Problem("codlet_sessions.E001", f"{where} is neither str nor bytes.", _MAKE_A_KEY)
        return
    length = len(_as_bytes(key))
    if length < MIN_KEY_BYTES:
        message = f"{where} is {length} bytes long; at least {MIN_KEY_BYTES} are needed."
        yield Problem("codlet_sessions.E002", message, _MAKE_A_KEY)
    elif _as_bytes(key) in {_as_bytes(secret) for secret in (host.SECRET_KEY, *host.SECRET_KEY_FALLBACKS)}:
        message = f"{where} is SECRET_KEY or one of SECRET_KEY_FALLBACKS: whoever learns that has this, too."
        yield Problem("codlet_sessions.E004", message, _MAKE_A_KEY)


def _ring_problems(keys: Mapping[str, str | bytes], active: Any) -> Iterator[Problem]:
    try:
        KeyRing(keys)
    except KeyRingError as error:
        yield Problem(
            "codlet_sessions.E003",
            f"CODLET_SESSIONS['KEYS'] is not a key ring: {error}",
            "Give every version a key of its own, and every key one version.",
        )
    if active is not None and active not in tuple(keys):
        yield Problem(
            "codlet_sessions.E005",
            f"CODLET_SESSIONS['ACTIVE_KEY'] is {shown(active)}, which is not a version in CODLET_SESSIONS['KEYS'].",
            f"Set it to one of {', '.join(map(shown, keys))}, or leave it out: then the first key is active.",
        )


def vault_failed(error: Exception) -> Problem:
    """Return E007: the callable that should have returned the keys failed."""
    hint = "Call it in 'python manage.py shell' to see it fail; no session can be validated until it answers."
    return Problem("codlet_sessions.E007", str(error), hint)


def of_the_rest(raw: Mapping[str, Any], host: LazySettings, *, is_our_engine: bool) -> Iterator[Problem]:
    """Yield what is wrong with all but keys and cache: E006 to E011, E015, E017, E019, E022 to E026 and E030."""
    yield from _unknown_names(raw)
    yield from _cookie_problems(raw)
    if not is_our_engine:
        yield from _name_problems(raw["COOKIE_NAME"], host)
    yield from _store_problems(raw["STORE"], is_our_engine=is_our_engine)
    yield from _connection_problems(raw["LOOKUP_CONNECTIONS"])
    yield from _adoption_problems(raw["ADOPT_FROM"], is_our_engine=is_our_engine)
    yield from _timeout_problems(raw)
    yield from _client_problems(raw)
    yield from _limit_problems(raw)
    yield from _recency_problems(raw)
    yield from _host_problems(host)
    if not host.USE_TZ:
        yield Problem(
            "codlet_sessions.E011",
            "USE_TZ is False: the moments a session begins and ends at would have no time zone.",
            "Set USE_TZ = True.",
        )


def _unknown_names(raw: Iterable[str]) -> Iterator[Problem]:
    for name in sorted(set(map(str, raw)) - DEFAULTS.keys()):
        near = get_close_matches(name.upper(), DEFAULTS, n=1)
        yield Problem(
            "codlet_sessions.E006",
            f"CODLET_SESSIONS[{name!r}] is not a setting of codlet_sessions.",
            f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(map(repr, DEFAULTS))}.",
        )


def _cookie_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    name, profile = raw["COOKIE_NAME"], raw["COOKIE_PROFILE"]
    if not isinstance(name, str) or not _COOKIE_NAME.fullmatch(name):
        yield Problem(
            "codlet_sessions.E008",
            f"CODLET_SESSIONS['COOKIE_NAME'] is {name!r}, which cannot be the name of a cookie.",
            f"Leave it out for {DEFAULTS['COOKIE_NAME']!r}, or use letters, digits, '-' and '_'.",
        )
    if profile not in (PRODUCTION, LOCAL_DEVELOPMENT):
        yield Problem(
            "codlet_sessions.E009",
            f"CODLET_SESSIONS['COOKIE_PROFILE'] is {profile!r}.",
            f"Leave it out for {PRODUCTION!r}, or set {LOCAL_DEVELOPMENT!r} on a machine without TLS.",
        )


def _name_problems(name: Any, host: LazySettings) -> Iterator[Problem]:
    for other in ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME"):
        if name == getattr(host, other):
            yield Problem(
                "codlet_sessions.E008",
                f"CODLET_SESSIONS['COOKIE_NAME'] is {name!r}, and so is {other}: each would overwrite the other.",
                f"Leave it out for {DEFAULTS['COOKIE_NAME']!r}, or choose a name that no other cookie has.",
            )


def _host_problems(host: LazySettings) -> Iterator[Problem]:
    age, samesite = host.SESSION_COOKIE_AGE, host.SESSION_COOKIE_SAMESITE
    if isinstance(age, bool) or not isinstance(age, int) or age < 1:
        yield Problem(
            "codlet_sessions.E015",
            f"SESSION_COOKIE_AGE is {age!r}: no session could last that long.",
            "Set it to a number of seconds, such as 1209600 for two weeks.",
        )
    if str(samesite).lower() not in _SAMESITE:
        yield Problem(
            "codlet_sessions.E015",
            f"SESSION_COOKIE_SAMESITE is {samesite!r}: no cookie could be set with it.",
            "Leave it out for 'Lax', or set 'Strict' or 'None'.",
        )


def _store_problems(path: Any, *, is_our_engine: bool) -> Iterator[Problem]:
    try:
        store = import_string(path)
        if issubclass(store, SessionStore) and not isabstract(store):
            if is_our_engine and not issubclass(store, SessionDataStore):
                yield Problem(
                    "codlet_sessions.E017",
                    f"CODLET_SESSIONS['STORE'] is {path!r}, and SESSION_ENGINE one of ours: a store that is no"
                    " codlet_sessions.stores.base.SessionDataStore cannot keep request.session.",
                    f"Leave it out for {DEFAULTS['STORE']!r}, or write the methods of that contract.",
                )
            return
        message = f"CODLET_SESSIONS['STORE'] is {path!r}, not a complete codlet_sessions.stores.base.SessionStore."
    except (ImportError, TypeError, AttributeError) as error:
        message = f"CODLET_SESSIONS['STORE'] is {path!r}, which cannot be used: {error}."
    yield Problem("codlet_sessions.E010", message, f"Leave it out for {DEFAULTS['STORE']!r}.")


def _connection_problems(number: Any) -> Iterator[Problem]:
    if number != AUTO and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
        yield Problem(
            "codlet_sessions.E030",
            f"CODLET_SESSIONS['LOOKUP_CONNECTIONS'] is {number!r}, which is no number of connections.",
            f"Leave it out for {AUTO!r}, or set a number; 0 looks sessions up by the connections of requests.",
        )


def of_cache(raw: Mapping[str, Any], host: LazySettings, *, is_used: bool) -> Iterator[Problem]:
    """Yield what is wrong with the cache in front of the table: E027, E028 and, if there is one, E029."""
    max_stale = raw["CACHE_MAX_STALE"]
    try:
        longest = span(max_stale)
        fault = "a copy has to end some time" if longest is None else ""
    except (ValueError, OverflowError) as error:
        longest, fault = None, str(error)
    if longest is not None and longest > _LONGEST_STALE:
        fault = "longer than a day, for which a revocation might not be seen"
    if fault:
        yield Problem(
            "codlet_sessions.E027",
            f"CODLET_SESSIONS['CACHE_MAX_STALE'] is {max_stale!r}: {fault}.",
            f"Set it to a number of seconds or a timedelta, or leave it out for {DEFAULTS['CACHE_MAX_STALE']!r}.",
        )
    else:
        yield from _near_problems(raw["CACHE_NEAR"], cast(timedelta, longest))
    if is_used and host.SESSION_CACHE_ALIAS not in host.CACHES:
        yield Problem(
            "codlet_sessions.E029",
            f"SESSION_CACHE_ALIAS is {host.SESSION_CACHE_ALIAS!r}, which is not a cache in CACHES.",
            f"Set it to one of {', '.join(map(repr, host.CACHES))}.",
        )


def _near_problems(near: Any, max_stale: timedelta) -> Iterator[Problem]:
    try:
        length = span(near)
        fault = "longer than CACHE_MAX_STALE" if length is not None and length > max_stale else ""
    except (ValueError, OverflowError) as error:
        fault = str(error)
    if fault:
        yield Problem(
            "codlet_sessions.E028",
            f"CODLET_SESSIONS['CACHE_NEAR'] is {near!r}: {fault}.",
            "Set it to a few seconds, or leave it out: then no process keeps copies to itself.",
        )


def _adoption_problems(path: Any, *, is_our_engine: bool) -> Iterator[Problem]:
    if path is None:
        return
    hint = "Name the engine that SESSION_ENGINE was until now, such as 'django.contrib.sessions.backends.db'."
    if not is_our_engine:
        yield Problem(
            "codlet_sessions.E019",
            "CODLET_SESSIONS['ADOPT_FROM'] is set, and SESSION_ENGINE is not an engine of codlet_sessions.",
            "Set SESSION_ENGINE = 'codlet_sessions.backends.db', or leave ADOPT_FROM out.",
        )
    try:
        engine = import_string(f"{path}.SessionStore")
        if not getattr(engine, "keeps_codlet_rows", False):
            return
        message = (
            f"CODLET_SESSIONS['ADOPT_FROM'] is {path!r}, the very kind of engine that would take its sessions over."
        )
    except (ImportError, ImproperlyConfigured, RuntimeError) as error:  # a model whose app is not installed
        message = f"CODLET_SESSIONS['ADOPT_FROM'] is {path!r}, which is no session engine: {error}."
    yield Problem("codlet_sessions.E019", message, hint)


def _timeout_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    if raw["PRESET"] is not None and raw["PRESET"] not in tuple(PRESETS):
        yield Problem(
            "codlet_sessions.E022",
            f"CODLET_SESSIONS['PRESET'] is {raw['PRESET']!r}, which is not a preset.",
            f"Set it to one of {', '.join(map(repr, PRESETS))}, or leave it out.",
        )
    for name in ("ABSOLUTE_TIMEOUT", "IDLE_TIMEOUT", "ANONYMOUS_TIMEOUT", "CLIENT_RETENTION"):
        try:
            span(None if raw[name] == DEFAULTS[name] else raw[name])
        except (ValueError, OverflowError) as error:
            yield Problem(
                "codlet_sessions.E023",
                f"CODLET_SESSIONS[{name!r}] is {raw[name]!r}: {error}.",
                f"Set it to a number of seconds or a timedelta, or leave it out for {DEFAULTS[name]!r}.",
            )


def _limit_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    limit = raw["MAX_SESSIONS"]
    if isinstance(limit, bool) or (isinstance(limit, int) and limit < 1):
        yield Problem(
            "codlet_sessions.E025",
            f"CODLET_SESSIONS['MAX_SESSIONS'] is {limit!r}: nobody could sign in.",
            "Set it to a number, a callable that returns one for a user, or the path of one; None means no limit.",
        )
    elif limit is not None and not isinstance(limit, int):
        yield from _callable_problems("MAX_SESSIONS", limit, "codlet_sessions.E025")
    if raw["AT_LIMIT"] not in _AT_LIMIT:
        yield Problem(
            "codlet_sessions.E025",
            f"CODLET_SESSIONS['AT_LIMIT'] is {raw['AT_LIMIT']!r}.",
            f"Set it to one of {', '.join(map(repr, _AT_LIMIT))}, or leave it out for {EVICT_IDLE!r}.",
        )


def _recency_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    value = raw["RECENT_SIGN_IN"]
    try:
        fault = "" if span(value) else "every sign-in, and none, would be recent"
    except (ValueError, OverflowError) as error:
        fault = str(error)
    if fault:
        yield Problem(
            "codlet_sessions.E026",
            f"CODLET_SESSIONS['RECENT_SIGN_IN'] is {value!r}: {fault}.",
            f"Set it to a number of seconds or a timedelta, or leave it out for {DEFAULTS['RECENT_SIGN_IN']!r}.",
        )


def _client_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    if raw["CLIENT_FACTS"] not in _CLIENT_FACTS:
        yield Problem(
            "codlet_sessions.E024",
            f"CODLET_SESSIONS['CLIENT_FACTS'] is {raw['CLIENT_FACTS']!r}.",
            f"Set it to one of {', '.join(map(repr, _CLIENT_FACTS))}, or leave it out for {TRUNCATED!r}.",
        )
    for name in ("CLIENT_ADDRESS", *(["CLIENT_PLACE"] if raw["CLIENT_PLACE"] is not None else [])):
        yield from _callable_problems(name, raw[name], "codlet_sessions.E024")


def _callable_problems(name: str, value: Any, problem_id: str) -> Iterator[Problem]:
    try:
        if callable(import_string(value) if isinstance(value, str) else value):
            return
        fault = "which is neither a callable nor the path of one"
    except ImportError as error:
        fault = f"which cannot be imported: {error}"
    yield Problem(
        problem_id,
        f"CODLET_SESSIONS[{name!r}] is {value!r}, {fault}.",
        f"Leave it out for {DEFAULTS[name]!r}, or name a callable that can be imported.",
    )


def _as_bytes(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
