"""A proof that cannot fail proves nothing: each of these stores is broken, and the kit says where."""

import time
from dataclasses import replace
from unittest import SkipTest

import pytest

from codlet_sessions.records import first_verdict
from codlet_sessions.stores.memory import MemorySessionStore
from codlet_sessions.testing import NOW, Face, SessionDataStoreConformance, SessionStoreConformance
from tests.store.plain import OnlyTheContract


class ForgetsRevocations(MemorySessionStore):
    def revoke_session(self, session_id, now, *cause):
        return super().revoke_session(session_id, now, *cause) and bool(
            self._records.update({session_id: replace(self._records[session_id], revoked_at=None)}) or True
        )


class IgnoresKeyVersions(MemorySessionStore):
    def look_up(self, candidates, now):
        versions = {record.lookup_key: record.key_version for record in self._records.values()}
        return super().look_up([(key, versions.get(key, "")) for key, _version in candidates], now)


class IsLateByAMoment(MemorySessionStore):
    def look_up(self, candidates, now):
        from datetime import timedelta

        return super().look_up(candidates, now - timedelta(microseconds=1))


class LastCandidateWins(MemorySessionStore):
    def look_up(self, candidates, now):
        return super().look_up(list(reversed(candidates)), now)


class OverwritesDuplicates(MemorySessionStore):
    def insert_session(self, record):
        self._records = {id: old for id, old in self._records.items() if old.lookup_key != record.lookup_key}  # noqa: A001
        self._records[record.id] = record


class RevokesWithoutACondition(MemorySessionStore):
    def revoke_session(self, session_id, now, *cause):
        if session_id not in self._records:
            return False
        self._records[session_id] = replace(self._records[session_id], revoked_at=now)
        return True


class ReadsThenWrites(MemorySessionStore):
    def revoke_session(self, session_id, now, *cause):
        found = self._records.get(session_id)
        if found is None or found.revoked_at:
            return False
        time.sleep(0.02)
        self._records[session_id] = replace(found, revoked_at=now)
        return True


class ServesFromAStaleCopy(MemorySessionStore):
    def look_up(self, candidates, now):
        seen = self.__dict__.setdefault("seen", {})
        fresh = [record for record in self._records.values() if record.id not in seen]
        seen.update({record.id: record for record in fresh})
        return first_verdict(candidates, {record.lookup_key: record for record in seen.values()}, now)


class ComparesSubjectsLoosely(MemorySessionStore):
    def _active(self, subject, now):
        records = self._records.values()
        return [
            record for record in records if record.subject.casefold() == subject.casefold() and record.is_active(now)
        ]


class RevokesTheKeptOneToo(MemorySessionStore):
    def revoke_subject(self, subject, now, *cause, keep=None):
        return super().revoke_subject(subject, now, *cause)


class HalfAsync(MemorySessionStore):
    async def arevoke_session(self, session_id, now, *cause):
        return True


class KeepsTheDataOfEndedSessions(MemorySessionStore):
    def revoke_session(self, session_id, now, *cause):
        data = self._records[session_id].data if session_id in self._records else ""
        ended = super().revoke_session(session_id, now, *cause)
        self._records[session_id] = replace(self._records[session_id], data=data)
        return ended


class WritesWithoutLooking(MemorySessionStore):
    def update_session(self, seen, wanted, now):
        self._records[seen.id] = wanted
        return True


class LooksThenWrites(MemorySessionStore):
    def update_session(self, seen, wanted, now):
        if self._records[seen.id].data_version != seen.data_version:
            return False
        time.sleep(0.02)
        self._records[seen.id] = wanted
        return True


class BringsEndedSessionsBack(MemorySessionStore):
    def update_session(self, seen, wanted, now):
        self._records[seen.id] = replace(self._records[seen.id], revoked_at=None)
        return super().update_session(seen, wanted, now)


class ForgetsReplacedKeys(MemorySessionStore):
    def update_session(self, seen, wanted, now):
        written = super().update_session(seen, wanted, now)
        self._retired.clear()
        return written


class IgnoresIdleness(MemorySessionStore):
    def insert_session(self, record):
        super().insert_session(replace(record, idle_expires_at=None))


class EndsWhateverTheCredentials(MemorySessionStore):
    def revoke_subject(self, subject, now, cause, *, keep=None, current=None):
        return super().revoke_subject(subject, now, cause, keep=keep)


class TouchesWithoutLooking(MemorySessionStore):
    def touch_session(self, session, now, idle_expires_at):
        record = self._records[session.id]
        self._records[session.id] = replace(record, last_seen_at=now, idle_expires_at=idle_expires_at)
        return True


class ForgetsClientsWhenItWrites(MemorySessionStore):
    def update_session(self, seen, wanted, now):
        self._records[seen.id] = replace(self._records[seen.id], client=None)
        return super().update_session(seen, wanted, now)


class FindsEverythingNew(MemorySessionStore):
    def is_new_device(self, subject, devices, but):
        return True


BROKEN = {
    IgnoresIdleness: "test_a_session_that_nobody_used_for_too_long_is_not_found",
    EndsWhateverTheCredentials: "test_revoking_what_changed_credentials_leave_behind_spares_the_rest",
    TouchesWithoutLooking: "test_use_of_a_session_that_is_over_is_not_written_down",
    ForgetsClientsWhenItWrites: "test_what_is_known_of_a_client_is_listed_until_its_session_ends",
    FindsEverythingNew: "test_a_device_is_new_to_a_subject_that_has_signed_in_on_others_only",
    KeepsTheDataOfEndedSessions: "test_reading_shows_a_session_in_whatever_state",
    WritesWithoutLooking: "test_an_update_of_what_somebody_has_changed_since_writes_nothing",
    LooksThenWrites: "test_of_racing_updates_of_one_version_one_is_written",
    BringsEndedSessionsBack: "test_an_update_of_a_revoked_session_writes_nothing",
    ForgetsReplacedKeys: "test_a_new_lookup_key_is_found_and_the_old_one_is_superseded_for_a_minute",
    ForgetsRevocations: "test_a_revoked_session_is_not_found",
    IgnoresKeyVersions: "test_the_key_version_of_another_key_does_not_match",
    IsLateByAMoment: "test_a_session_is_over_at_the_very_moment_it_expires",
    LastCandidateWins: "test_the_first_candidate_wins",
    OverwritesDuplicates: "test_a_duplicate_lookup_key_is_refused_and_leaves_the_first_session_alone",
    RevokesWithoutACondition: "test_revoking_twice_says_so_and_keeps_the_first_moment",
    ReadsThenWrites: "test_racing_revokers_get_one_verdict",
    ServesFromAStaleCopy: "test_no_read_after_a_revocation_finds_the_session",
    ComparesSubjectsLoosely: "test_subjects_are_compared_exactly",
    RevokesTheKeptOneToo: "test_revoking_a_subject_keeps_the_session_it_is_told_to_keep",
    HalfAsync: "test_a_revoked_session_is_not_found_async",
}


class Kit(SessionDataStoreConformance):
    def __init__(self, kind):
        self.kind = kind

    def make_store(self):
        self.store = self.kind()
        return self.store

    def revoked_at(self, session_id):
        return self.store._records[session_id].revoked_at


@pytest.mark.parametrize(("kind", "behaviour"), BROKEN.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_store_is_found_out(kind, behaviour):
    getattr(Kit(MemorySessionStore), behaviour)()
    with pytest.raises(AssertionError):
        getattr(Kit(kind), behaviour)()


def test_a_test_case_without_a_store_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="make_store"):
        SessionStoreConformance().make_store()


def test_what_a_test_case_does_not_say_how_to_observe_is_skipped_and_not_passed():
    kit = SessionStoreConformance()
    for hook in (kit.make_unreachable_store, lambda: kit.revoked_at(None), kit.counting_queries):
        with pytest.raises(SkipTest):
            hook()


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_store_that_does_no_more_than_it_must_is_asked_for_no_more(is_async):
    store = Face(OnlyTheContract(), is_async=is_async)
    session = SessionStoreConformance()._inserted(store)
    candidates = [(session.lookup_key, session.key_version)]
    assert store.look_up(candidates, NOW) == session.as_active()
    assert store.look_up([], NOW).reason == "unknown"
    assert store.touch_session(session.as_active(), NOW, None) is False
    assert store.is_new_device("subject", [], session.id) is False
