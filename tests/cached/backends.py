"""Real caches, which can be looked at, held up and taken away."""

import threading

from django.core.cache.backends.locmem import LocMemCache
from django.utils.module_loading import import_string

WRITES = ("set_many", "set", "add", "delete_many")


class Stage:
    """
    What happens around the calls of all caches of this module.

    Attributes:
        calls: The names of the methods that were called, in order.
        is_down: Whether no call gets through.
        held: Functions that are called before a method, with its arguments, by the method's name.

    """

    def __init__(self):
        self.reset()

    def reset(self):
        self.calls, self.is_down, self.held = [], False, {}

    def enter(self, name, *args):
        self.calls.append(name)
        if self.is_down:
            raise ConnectionError("nobody answers")
        self.held.get(name, lambda *args: None)(*args)


STAGE = Stage()


class Observed:
    """A cache whose calls pass by the stage."""

    def get_many(self, *args, **kwargs):
        STAGE.enter("get_many", *args)
        return super().get_many(*args, **kwargs)

    def set_many(self, *args, **kwargs):
        STAGE.enter("set_many", *args)
        return super().set_many(*args, **kwargs)

    def delete_many(self, *args, **kwargs):
        STAGE.enter("delete_many", *args)
        return super().delete_many(*args, **kwargs)


class Memory(Observed, LocMemCache):
    """Django's cache in the memory of this process."""


def _observed(path):
    return type(path.rpartition(".")[2], (Observed, import_string(path)), {})


SERVED = {
    "Django": "django.core.cache.backends.redis.RedisCache",
    "DjangoRedis": "django_redis.cache.RedisCache",
    "DjangoValkey": "django_valkey.cache.ValkeyCache",
}


def __getattr__(name):
    """Make a class of a server's cache when it is first asked for: its client may not be installed."""
    if name not in SERVED:
        raise AttributeError(name)
    globals()[name] = _observed(SERVED[name])
    return globals()[name]


class Hold:
    """Holds up the thread that comes first, until it is let go."""

    def __init__(self, is_meant=lambda *args: True):
        self._is_meant, self._first = is_meant, threading.Lock()
        self.has_come, self.may_go = threading.Event(), threading.Event()

    def __call__(self, *args):
        if self._is_meant(*args) and self._first.acquire(blocking=False):
            self.has_come.set()
            assert self.may_go.wait(20)
