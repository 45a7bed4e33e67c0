"""The configured `sessions`: where settings, keys, store and clock are joined, and nowhere else."""

from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils import timezone

from codlet_sessions import conf
from codlet_sessions.cookies import CookiePolicy
from codlet_sessions.hashing import SecretHasher
from codlet_sessions.manager import SessionManager


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
    return SessionManager(
        store=config.store(),
        hasher=SecretHasher(config.key_ring),
        cookie=get_cookie_policy(),
        lifetime=config.lifetime,
        clock=timezone.now,
    )


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
        get_manager.cache_clear()
        get_cookie_policy.cache_clear()
