"""The configured `sessions`: where settings, keys, store and clock are joined, and nowhere else."""

from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils import timezone

from codlet_sessions import conf
from codlet_sessions.adoption import Predecessor
from codlet_sessions.cookies import CookiePolicy
from codlet_sessions.hashing import SecretHasher
from codlet_sessions.keeper import SessionKeeper
from codlet_sessions.manager import SessionManager
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.stores.base import SessionDataStore
from codlet_sessions.stores.orm import OrmSessionStore


@cache
def get_cookie_policy() -> CookiePolicy:
    """Return how the session cookie looks. Needs no keys, so that a cookie can be read while they are out of reach."""
    return conf.cookie_policy()


@cache
def get_manager() -> SessionManager:
    """
    Build the manager that the settings describe, once per process.

    Raises:
        ImproperlyConfigured: ``CODLET_SESSIONS`` is wrong; the message says how to mend it.
        KeysUnavailable: The callable in ``CODLET_SESSIONS["KEYS"]`` failed. The next call tries again.

    """
    config = conf.load()
    store = config.store()
    if isinstance(store, OrmSessionStore):
        store.own_connections = config.lookup_connections
    return SessionManager(
        store=store,
        hasher=SecretHasher(config.key_ring),
        cookie=get_cookie_policy(),
        timeouts=config.timeouts,
        clock=timezone.now,
        keeps_client_facts=config.keeps_client_facts,
    )


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
        for built in (get_manager, get_cookie_policy, get_keeper, _get_predecessor):
            built.cache_clear()
