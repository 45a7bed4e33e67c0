"""
What a cache is asked to do for a look-up: alone, or together with all others that wait at the moment.

From async code that goes by threads of its own, each with a connection that it keeps: under ASGI, Django's ``caches``
has an object of its own in each request, and with Redis a connection.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final

from django.core.cache import caches

from codlet_sessions.stores.coalescing import Coalescer

EPOCH: Final = "codlet_sessions:epoch"


@dataclass(frozen=True, slots=True)
class Errand:
    """
    What is to be done.

    Attributes:
        wanted: The keys to read.
        kept: What is to be kept, by key.

    """

    wanted: Sequence[str] = ()
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)


def done(errands: Sequence[Errand], alias: str, lifetime: int) -> list[Mapping[str, Any]]:
    """
    Do some errands together: what is to be kept first, in one call, then what is to be read, in another.

    Args:
        errands: What is to be done.
        alias: The cache, as in CACHES.
        lifetime: For how many seconds the cache keeps what it is given.

    Returns:
        For each errand what is there of what it wants, and the epoch. One that is not there is made.

    Raises:
        Exception: Whatever the cache's client raises when it fails.

    """
    cache = caches[alias]
    if kept := {key: text for errand in errands for key, text in errand.kept.items()}:
        cache.set_many(kept, timeout=lifetime)
    found: dict[str, Any] = {}
    if wanted := {key for errand in errands for key in errand.wanted}:
        found = cache.get_many([EPOCH, *wanted])
        if EPOCH not in found:
            cache.add(EPOCH, new_mark(), timeout=None)
            found[EPOCH] = cache.get(EPOCH)
    return [found] * len(errands)


@cache
def errand_desk(alias: str, lifetime: int, threads: int) -> Coalescer[Errand, Mapping[str, Any]]:
    """Return where async code leaves its errands for `done`, on so many threads at most. One for each process."""
    return Coalescer(partial(done, alias=alias, lifetime=lifetime), threads, leave=caches.close_all)


def new_mark() -> str:
    """Return a text that has never been a mark before."""
    return secrets.token_hex(8)
