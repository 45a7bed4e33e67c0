"""Public session ids: time-ordered, never a credential."""

import os
import time
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = (0xFFF << 64) | ((1 << 62) - 1)


def uuid7() -> UUID:
    """
    Return a new version 7 UUID (RFC 9562, section 5.7): 48 bits of Unix time in milliseconds, 74 random bits.

    Ids grow with time, so new rows land at the end of the primary key's index.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    return UUID(int=(milliseconds << 80) | _VERSION_7 | _VARIANT | (random & _RANDOM_BITS))
