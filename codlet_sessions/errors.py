"""What can go wrong, as one tree: catch `CodletSessionError` and you have caught all of ours."""

from django.core import exceptions


class CodletSessionError(Exception):
    """The root of every exception this package raises on its own account."""


class KeyRingError(CodletSessionError, ValueError):
    """A key ring was built from keys or versions that cannot be told apart, or from none."""


class KeysUnavailable(CodletSessionError):
    """The callable in ``CODLET_SESSIONS["KEYS"]`` failed: nobody can be told apart until it answers."""


class SecretSpent(CodletSessionError):
    """The secret was asked for after a response had taken it. Only the browser holds it now."""


class SessionLimitReached(CodletSessionError, exceptions.PermissionDenied):
    """A sign-in was refused: the user has as many sessions as ``CODLET_SESSIONS["MAX_SESSIONS"]`` allows."""


class StoreError(CodletSessionError):
    """The store could not give an answer. Never to be read as "there is no session"."""


class StoreUnavailable(StoreError):
    """The store could not be asked: unreachable, locked, timed out, not migrated. Trying again may work."""


class StoreInvariantViolated(StoreError):
    """The store refused the record itself, for instance a second one with the same lookup key."""


FAILURES = (StoreError, KeysUnavailable)
"""What makes a request unanswerable rather than anonymous."""
