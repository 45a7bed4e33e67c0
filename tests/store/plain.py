"""A store that does what the contract asks for and nothing that it leaves open."""

from codlet_sessions.stores.base import SessionStore
from codlet_sessions.stores.memory import MemorySessionStore

ASKED_FOR = (
    "find_active_session",
    "insert_session",
    "revoke_session",
    "revoke_subject",
    "list_active_sessions",
)


def _passed_on(name):
    def method(self, *args, **kwargs):
        return getattr(self.memory, name)(*args, **kwargs)

    async def amethod(self, *args, **kwargs):
        return getattr(self.memory, name)(*args, **kwargs)

    return {name: method, f"a{name}": amethod}


OnlyTheContract = type(
    "OnlyTheContract",
    (SessionStore,),
    {
        "__init__": lambda self: setattr(self, "memory", MemorySessionStore()),
        **{name: method for plain in ASKED_FOR for name, method in _passed_on(plain).items()},
    },
)
