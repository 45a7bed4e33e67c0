"""
What happened to sessions, for whoever wants to know.

Payloads carry ids, subjects and reasons: never a secret, never a lookup key. The sender is the `SessionManager`
class. Receivers are called robustly: what one raises is logged by Django and goes no further. Inside a transaction they
are called before it commits: a receiver that writes to the database, or must know the outcome, uses
``transaction.on_commit()``, or a query of its that fails would spoil the transaction for everybody.
"""

from typing import Final

from django.dispatch import Signal

session_issued: Final = Signal()
"""A session began. ``session_id``, ``subject`` ("" while nobody has signed in)."""

session_renewed: Final = Signal()
"""
Somebody signed in, or confirmed a sign-in, on a session that was there: its life is counted from now. ``session_id``,
``subject``.
"""

session_rotated: Final = Signal()
"""A session goes on under a new secret, and the one before is dead. ``session_id``, ``subject``."""

session_revoked: Final = Signal()
"""This call ended one session. ``session_id``, ``reason``, ``revoked_by`` (a subject, or "")."""

subject_revoked: Final = Signal()
"""This call ended ``count`` sessions: all of ``subject`` but ``kept`` (an id or None). ``reason``, ``revoked_by``."""

sessions_revoked: Final = Signal()
"""A command ended ``count`` sessions, whoever's they were. ``reason``, ``revoked_by``."""

session_limit_reached: Final = Signal()
"""
A sign-in met the ``limit`` to the sessions of ``subject``: ``evicted`` others were ended for it, or it was refused (0).
"""

new_device: Final = Signal()
"""
A subject signed in from something that it had not signed in from before. ``session_id``, ``subject``, ``user_agent``,
``ip_address`` (or None). Whether that is so is found out only if somebody listens.
"""

sign_in_confirmed: Final = Signal()
"""Somebody proved again who they are, in a session of theirs. ``session_id``, ``subject``."""

sign_in_not_confirmed: Final = Signal()
"""Somebody was asked to, and could not. ``session_id``, ``subject``."""

session_rejected: Final = Signal()
"""A cookie led to no session. ``reason`` (a `RejectionReason`, as text), ``session_id`` (None if no row was there)."""

key_version_missing: Final = Signal()
"""A session was stored under ``key_version``, which the key ring does not hold. ``session_id``."""
