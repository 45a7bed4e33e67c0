"""Public session ids: time-ordered, never a credential."""

import os
import time
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = (1 << 62) - 1
_NANOSECONDS = 1_000_000  # in a millisecond


def uuid7() -> UUID:
    """
    Return a new version 7 UUID (RFC 9562, section 5.7): Unix time in milliseconds, its fraction, 62 random bits.

    The fraction takes the 12 bits that section 6.2 (method 3) offers for it. Ids grow with time, so new rows land at
    the end of the primary key's index, and rows in the order of their ids are in the order of their beginning.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), _NANOSECONDS)
    fraction = nanoseconds * 4096 // _NANOSECONDS
    random = int.from_bytes(os.urandom(8), "big") & _RANDOM_BITS
    return UUID(int=(milliseconds << 80) | _VERSION_7 | (fraction << 64) | _VARIANT | random)


def uuid7_before_all(digest: str) -> UUID:
    """
    Return the version 7 UUID that ``digest``, at least 20 hexadecimal characters, always leads to.

    Its moment is 1970, so that it stands before every other id, and its other 74 bits are the digest's.
    """
    fraction, rest = int(digest[:3], 16), int(digest[3:19], 16) & _RANDOM_BITS
    return UUID(int=_VERSION_7 | (fraction << 64) | _VARIANT | rest)
