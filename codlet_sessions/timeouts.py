"""
How long sessions last (ASVS 5.0 7.3; NIST SP 800-63B-4, sections 2 and 5.2).

Three clocks. The absolute one runs from the sign-in, and nothing but another sign-in sets it back. The idle one runs
from the last time that the session was used. A third, short one stands for that while nobody has signed in.

A session's use is written down rarely: a twentieth of its idle time must have passed since the last time, or an hour if
that is less, give or take a quarter, so that sessions that began together are not written together. A session may
therefore end up to a sixteenth of its idle time early, and never late.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from codlet_sessions.records import ActiveSessionRecord, SessionRecord

AUTO: Final = "auto"
ANONYMOUS: Final = 24 * 60 * 60  # seconds
_LONGEST: Final = timedelta(days=36525)
_TOUCHES: Final = 20  # in one idle time
_LONGEST_UNTOUCHED: Final = 60.0 * 60  # seconds
_JITTER: Final = 0.25


@dataclass(frozen=True, slots=True)
class Preset:
    """The limits of an Authentication Assurance Level: none of its sessions may last longer."""

    absolute: timedelta
    idle: timedelta | None


PRESETS: Final[Mapping[str, Preset]] = {
    "aal1": Preset(timedelta(days=30), None),  # NIST SP 800-63B-4, 2.1.3
    "aal2": Preset(timedelta(hours=24), timedelta(hours=1)),  # 2.2.3
    "aal3": Preset(timedelta(hours=12), timedelta(minutes=15)),  # 2.3.3
}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """
    How long the sessions of a site last.

    Attributes:
        lifetime: From the sign-in to the absolute end, if nobody gives a session an expiry of its own.
        absolute: The longest that this may be, whoever says otherwise; None if there is no such limit.
        idle: How long a session may go unused; None for any length.
        idle_is_limit: Whether that holds for a session with an expiry of its own, too, once somebody has signed in.
        anonymous: How long a session may go unused that nobody has signed in on, if it has no expiry of its own.

    """

    lifetime: timedelta
    absolute: timedelta | None = None
    idle: timedelta | None = None
    idle_is_limit: bool = False
    anonymous: timedelta | None = None

    def capped(self, end: datetime, signed_in_at: datetime) -> datetime:
        """Return ``end``, or the last moment that a session may have whose subject signed in at ``signed_in_at``."""
        return end if self.absolute is None else min(end, signed_in_at + self.absolute)

    def idle_time(self, subject: str, *, has_own_expiry: bool) -> timedelta | None:
        """Return how long a session of ``subject`` ("" for nobody) may go unused; None for any length."""
        if not subject:
            return None if has_own_expiry else self.anonymous
        return None if has_own_expiry and not self.idle_is_limit else self.idle


def parsed(raw: Mapping[str, Any], cookie_age: int, *, is_sliding: bool) -> Timeouts:
    """
    Return the timeouts that a host's settings come to.

    Args:
        raw: ``CODLET_SESSIONS``, with its defaults.
        cookie_age: SESSION_COOKIE_AGE, in seconds.
        is_sliding: Whether every request moves the end of its session: SESSION_SAVE_EVERY_REQUEST, which then takes the
            place of the idle times that the host has not set.

    Raises:
        ValueError, KeyError: They are not what `codlet_sessions.problems` lets through.

    """
    preset = PRESETS[raw["PRESET"]] if raw["PRESET"] else Preset(timedelta.max, None)
    absolute = min(span(raw["ABSOLUTE_TIMEOUT"]) or timedelta.max, preset.absolute)
    lifetime = min(timedelta(seconds=cookie_age), absolute)
    is_given = raw["IDLE_TIMEOUT"] != AUTO
    given = span(raw["IDLE_TIMEOUT"]) if is_given else None if is_sliding else lifetime / 2
    return Timeouts(
        lifetime=lifetime,
        absolute=None if absolute == timedelta.max else absolute,
        idle=min(filter(None, (given, preset.idle)), default=None),
        idle_is_limit=(is_given and given is not None) or preset.idle is not None,
        anonymous=None if is_sliding and raw["ANONYMOUS_TIMEOUT"] == ANONYMOUS else span(raw["ANONYMOUS_TIMEOUT"]),
    )


def span(value: Any) -> timedelta | None:
    """
    Return ``value``, a timedelta or a number of seconds, as a timedelta; None as None.

    Raises:
        ValueError: It is neither, or not longer than nothing, or longer than a century.
        OverflowError: It is far longer.

    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        raise ValueError("neither a number of seconds nor a timedelta")
    length = value if isinstance(value, timedelta) else timedelta(seconds=value)
    if not timedelta() < length <= _LONGEST:
        raise ValueError("not longer than nothing" if length <= timedelta() else "longer than a century")
    return length


def is_worth_noting(session: ActiveSessionRecord | SessionRecord, now: datetime) -> bool:
    """Return whether it is time to write down that ``session`` is in use. Chance has a say in it."""
    seen_at = session.last_seen_at or session.created_at
    unseen = (now - seen_at).total_seconds()
    interval = _LONGEST_UNTOUCHED
    if session.idle_expires_at is not None:
        interval = min(interval, (session.idle_expires_at - seen_at).total_seconds() / _TOUCHES)
    if unseen < interval * (1 - _JITTER):  # as nearly always
        return False
    return unseen >= interval * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # hides nothing
