"""The configured `sessions`: where settings, keys, store and clock are joined, and nowhere else."""

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from codlet_sessions import conf
from codlet_sessions.adoption import Predecessor
from codlet_sessions.cookies import CookiePolicy
from codlet_sessions.hashing import SecretHasher
from codlet_sessions.keeper import SessionKeeper
from codlet_sessions.manager import SessionManager, authentic
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.stores.base import SessionDataStore, SessionStore
from codlet_sessions.stores.cached import CachedSessionStore, Copying
from codlet_sessions.stores.near import NearCopies
from codlet_sessions.stores.orm import OrmSessionStore
from codlet_sessions.stores.session_cache import SessionCache


@cache
def get_cookie_policy() -> CookiePolicy:
    """Return how the session cookie looks. Needs no keys, so that a cookie can be read while they are out of reach."""
    return conf.cookie_policy()


def _now() -> datetime:
    return datetime.now(UTC)


@cache
def get_manager() -> SessionManager:
    """
    Build the manager that the settings describe, once per process.

    Raises:
        ImproperlyConfigured: ``CODLET_SESSIONS`` is wrong; the message says how to mend it.
        KeysUnavailable: The callable in ``CODLET_SESSIONS["KEYS"]`` failed. The next call tries again.

    """
    config = conf.load()
    hasher = SecretHasher(config.key_ring)
    return SessionManager(
        store=_store(config, hasher),
        hasher=hasher,
        cookie=get_cookie_policy(),
        timeouts=config.timeouts,
        clock=_now,
        keeps_client_facts=config.keeps_client_facts,
    )


@cache
def get_session_cache() -> SessionCache | None:
    """
    Return the cache in front of the table, once per process, if the settings say that there is one.

    Needs no keys, so that whatever changes rows can say so: a command for instance, in a process that looks nothing up.

    Raises:
        ImproperlyConfigured: What the settings say of it is wrong.

    """
    config = conf.session_cache()
    if config is None:
        return None
    near = None if config.near is None else NearCopies(config.near.total_seconds())
    return SessionCache(config.alias, config.max_stale.total_seconds(), near)


@cache
def get_keeper() -> SessionKeeper:
    """
    Build the keeper of sessions' data that the settings describe, once per process.

    Raises:
        ImproperlyConfigured, KeysUnavailable: As `get_manager`; or ``STORE`` is one that keeps no data.

    """
    manager = get_manager()
    if not isinstance(manager.store, SessionDataStore):
        kind = type(manager.store).__qualname__
        raise ImproperlyConfigured(
            f"CODLET_SESSIONS['STORE'] is {kind}, which is no SessionDataStore: it keeps no data."
        )
    return SessionKeeper(manager, manager.store, conf.serializer())


@cache
def _get_predecessor() -> Predecessor | None:
    path = conf.adopts_from()
    return None if path is None else Predecessor(path, get_keeper())


def predecessor_for(secret: SessionSecret) -> Predecessor | None:
    """Return the engine of ``ADOPT_FROM``, if there is one, and ``secret`` is not one of ours but may be one of its."""
    return None if secret.is_well_formed() else _get_predecessor()


def _store(config: conf.Config, hasher: SecretHasher) -> SessionStore:
    store = config.store()
    if isinstance(store, OrmSessionStore):
        store.own_connections = config.lookup_connections
    session_cache = get_session_cache()
    if isinstance(store, CachedSessionStore) and session_cache is not None:
        store.copying = Copying(session_cache, hasher, is_fit=lambda record: authentic(hasher, record) is record)
    return store


class _ConfiguredSessions:
    """Stands for the configured manager, so that importing it needs no settings and a changed setting is seen."""

    def __getattr__(self, name: str) -> Any:
        return getattr(get_manager(), name)

    def __repr__(self) -> str:
        return "<the configured SessionManager>"


if TYPE_CHECKING:
    sessions: SessionManager
else:
    sessions = _ConfiguredSessions()


@receiver(setting_changed, dispatch_uid="codlet_sessions.api")
def _forget_manager(*, setting: str, **kwargs: object) -> None:
    if conf.depends_on(setting):
        for built in (get_manager, get_cookie_policy, get_keeper, get_session_cache, _get_predecessor):
            built.cache_clear()
