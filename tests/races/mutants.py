"""Copies of our store with one thing broken each: a race that they win proves nothing."""

from codlet_sessions.stores.orm import OrmSessionStore


class WritesWithoutLooking(OrmSessionStore):
    """Updates the row whatever has become of it since it was read."""

    def _as_seen(self, seen, now):
        return self._one(seen.id)


class ForgetsWhatItRetired(OrmSessionStore):
    """Cannot tell a cookie that has just been replaced from one that nobody ever had."""

    def _retired_keys(self):
        return super()._retired_keys().none()

    def _retire(self, lookup_key, now):
        pass
