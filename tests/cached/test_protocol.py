"""
In whichever order look-ups, changes and losses come between each other, nothing is used that is known to be old.

The real cache, with its own clock turned by hand; the table is a number that grows with each change.
"""

import uuid
from dataclasses import replace
from unittest import mock

from django.core.cache import caches
from django.test import override_settings
from hypothesis import settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from codlet_sessions.ids import uuid7
from codlet_sessions.records import SessionRecord
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.stores import session_cache
from codlet_sessions.stores.session_cache import MAX_STALE, SessionCache, View
from codlet_sessions.testing import HASHER, LIFETIME, NOW


class OneRow(RuleBasedStateMachine):
    """
    One row, somebody who takes time to look it up, others who look it up at once, and many who change it.

    Attributes:
        version: The row as it is committed.
        committed_at: When each version was.
        told: The version that the cache has been told of, by whoever committed it.

    """

    @initialize()
    def begin(self):
        in_memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid.uuid4().hex}
        self.settings = override_settings(CACHES={"default": in_memory})
        self.settings.enable()
        self.now = 1_000_000.0
        self.clock = mock.patch("time.time", self._time)
        self.clock.start()
        self.cache = SessionCache(clock=self._time)
        lookup_key, version = HASHER.lookup_key(SessionSecret.generate())
        self.path = [lookup_key]
        self.row = SessionRecord(uuid7(), lookup_key, version, "device:42", NOW, NOW + LIFETIME)
        self.version, self.committed_at, self.told, self.untold = 0, {0: self.now}, 0, []
        self.view = self.read = None

    def _time(self):
        return self.now

    def teardown(self):
        if hasattr(self, "settings"):
            self.clock.stop()
            self.settings.disable()

    @invariant()
    def nothing_is_used_that_is_known_to_be_old(self):
        if not hasattr(self, "path"):
            return
        keys = [session_cache.EPOCH, *session_cache._keys_of(self.path)]
        copy = self.cache.copy_in(View(self.now, caches["default"].get_many(keys)), self.path, HASHER)
        if copy is not None:
            used = copy.record.data_version
            assert used >= self.told
            assert used == self.version or self.now < self.committed_at[used + 1] + MAX_STALE

    @rule()
    def look_up(self):
        view = self.cache.look(self.path)
        if self.cache.copy_in(view, self.path, HASHER) is None:
            self.cache.keep(view, self._row_as_it_is(), self.path, HASHER)

    @rule()
    def begin_to_look_up(self):
        self.view = self.cache.look(self.path)
        self.read = self._row_as_it_is()

    @precondition(lambda self: self.read is not None)
    @rule()
    def keep_a_copy(self):
        self.cache.keep(self.view, self.read, self.path, HASHER)

    def _row_as_it_is(self):
        return replace(self.row, data_version=self.version)

    @rule(is_told=strategies.booleans(), of_all=strategies.booleans())
    def commit_a_change(self, is_told, of_all):
        self.version += 1
        self.committed_at[self.version] = self.now
        if is_told:
            self._tell(self.version, of_all=of_all)
        else:
            self.untold.append(self.version)

    @precondition(lambda self: self.untold)
    @rule(choice=strategies.integers(0, 9), of_all=strategies.booleans())
    def tell_late(self, choice, of_all):
        self._tell(self.untold.pop(choice % len(self.untold)), of_all=of_all)

    def _tell(self, version, *, of_all):
        self.cache.rows_changed(None if of_all else self.path)
        self.told = max(self.told, version)

    @precondition(lambda self: self.untold)
    @rule()
    def die_before_it_is_told(self):
        self.untold.pop()

    @rule(seconds=strategies.sampled_from([9.0, 29.0, 80.0]))
    def wait(self, seconds):
        self.now += seconds

    @rule(everything=strategies.booleans())
    def forget(self, everything):
        cache = caches["default"]
        cache.clear() if everything else cache.delete(session_cache.EPOCH)

    @rule()
    def evict_the_mark(self):
        if caches["default"].delete(session_cache._mark_key(self.path[0])):
            self.told = 0  # from now on only the end of each copy is promised


def test_no_order_of_events_brings_back_what_is_known_to_be_old():
    run_state_machine_as_test(OneRow, settings=settings(max_examples=150, stateful_step_count=30))
