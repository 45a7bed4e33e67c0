"""
A proof for any store.

Mix `SessionStoreConformance` into a test case and say how your store is made:

.. code-block:: python

    class MyStoreTests(SessionStoreConformance, TransactionTestCase):
        def make_store(self):
            return MyStore()

Every behaviour is proven through both faces, the synchronous and the ``a`` one. A store in a database needs a test case
without a transaction around each test (``TransactionTestCase``, or ``django_db(transaction=True)``), because the races
are run on concurrent connections.
"""

from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from threading import Barrier, Event
from typing import Any, TypeVar
from unittest import SkipTest
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import connections

from codlet_sessions.errors import StoreInvariantViolated, StoreUnavailable
from codlet_sessions.hashing import KeyRing, SecretHasher
from codlet_sessions.ids import uuid7
from codlet_sessions.records import ActiveSessionRecord, Candidates, Cause, ClientFacts, Finding, SessionRecord
from codlet_sessions.secrets import SessionSecret
from codlet_sessions.stores.base import SessionStore

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
LIFETIME = timedelta(hours=1)
RIVALS = 8
HASHER = SecretHasher(KeyRing({"new": "n" * 32, "old": "o" * 32}))

Outcome = TypeVar("Outcome")


class Face:
    """A store seen through one of its faces, so that a behaviour is written once and proven twice."""

    def __init__(self, store: SessionStore, *, is_async: bool) -> None:
        self._store = store
        self._is_async = is_async

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if self._is_async:
            return async_to_sync(getattr(self._store, f"a{name}"))
        method: Callable[..., Any] = getattr(self._store, name)
        return method


class on_both_faces:  # noqa: N801  # a decorator
    """Make two tests of a behaviour: one through the synchronous face, one, named ``…_async``, through the other."""

    def __init__(self, behaviour: Callable[[Any, Face], None]) -> None:
        self._behaviour = behaviour

    def __set_name__(self, owner: type, name: str) -> None:
        setattr(owner, name, self._test(is_async=False))
        setattr(owner, f"{name}_async", self._test(is_async=True))

    def _test(self, *, is_async: bool) -> Callable[[Any], None]:
        @wraps(self._behaviour)
        def test(case: "SessionStoreConformance") -> None:
            self._behaviour(case, Face(case.make_store(), is_async=is_async))

        del test.__wrapped__  # or pytest would look behind it, and ask for a fixture named "store"
        return test


class SessionStoreConformance:
    """What every `SessionStore` must do: the contract, and codlet's own list (RFC-023), as tests."""

    def make_store(self) -> SessionStore:
        """Return an empty store of the kind to be proven. Called once a test."""
        raise NotImplementedError(f"{type(self).__name__}.make_store() must return the store to be proven.")

    def make_unreachable_store(self) -> SessionStore:
        """Return a store whose place of storage does not answer. Skips the test when there is no such thing."""
        raise SkipTest("This store has no place that could be out of reach.")

    def revoked_at(self, session_id: UUID) -> datetime | None:
        """Return what the store of this test has written down as the moment of revocation."""
        raise SkipTest("This test case does not say how to read a moment of revocation: override revoked_at().")

    def counting_queries(self) -> AbstractContextManager[Sized]:
        """Return a context manager that yields something as long as the number of queries made inside it."""
        raise SkipTest("This test case does not say how to count queries: override counting_queries().")

    @on_both_faces
    def test_an_active_session_is_found(self, store: Face) -> None:
        session = self._inserted(store)
        assert store.find_active_session(_candidates(session), NOW) == session.as_active()

    @on_both_faces
    def test_an_unknown_lookup_key_finds_nothing(self, store: Face) -> None:
        self._inserted(store)
        assert store.find_active_session(HASHER.candidates(SessionSecret.generate()), NOW) is None

    @on_both_faces
    def test_no_candidate_finds_nothing(self, store: Face) -> None:
        self._inserted(store)
        assert store.find_active_session([], NOW) is None

    @on_both_faces
    def test_a_session_is_not_found_by_the_hmac_of_another_key(self, store: Face) -> None:
        secret = SessionSecret.generate()
        self._inserted(store, secret=secret)
        stranger = SecretHasher(KeyRing({"new": "x" * 32}))
        assert store.find_active_session(stranger.candidates(secret), NOW) is None

    @on_both_faces
    def test_an_expired_session_is_not_found(self, store: Face) -> None:
        session = self._inserted(store)
        assert store.find_active_session(_candidates(session), session.expires_at + LIFETIME) is None

    @on_both_faces
    def test_a_session_is_over_at_the_very_moment_it_expires(self, store: Face) -> None:
        session = self._inserted(store)
        last_moment = session.expires_at - timedelta(microseconds=1)
        assert store.find_active_session(_candidates(session), last_moment) == session.as_active()
        assert store.find_active_session(_candidates(session), session.expires_at) is None

    @on_both_faces
    def test_a_session_that_nobody_used_for_too_long_is_not_found(self, store: Face) -> None:
        session = self._inserted(store, idle_expires_at=NOW + LIFETIME / 2)
        last_moment = NOW + LIFETIME / 2 - timedelta(microseconds=1)
        assert store.find_active_session(_candidates(session), last_moment) == session.as_active()
        assert store.find_active_session(_candidates(session), NOW + LIFETIME / 2) is None
        assert store.list_active_sessions(session.subject, NOW + LIFETIME / 2) == []
        assert store.revoke_subject(session.subject, NOW + LIFETIME / 2) == 0

    @on_both_faces
    def test_a_revoked_session_is_not_found(self, store: Face) -> None:
        session = self._inserted(store)
        store.revoke_session(session.id, NOW)
        assert store.find_active_session(_candidates(session), NOW) is None

    @on_both_faces
    def test_a_revoked_session_is_not_found_even_before_the_moment_it_was_revoked_at(self, store: Face) -> None:
        session = self._inserted(store)
        store.revoke_session(session.id, NOW + LIFETIME / 2)
        assert store.find_active_session(_candidates(session), NOW) is None

    @on_both_faces
    def test_a_key_version_survives_the_round_trip(self, store: Face) -> None:
        secret = SessionSecret.generate()
        old_ring_first = SecretHasher(KeyRing({"new": "n" * 32, "old": "o" * 32}, active="old"))
        session = self._inserted(store, secret=secret, hasher=old_ring_first)
        assert session.key_version == "old"
        assert store.find_active_session(HASHER.candidates(secret), NOW) == session.as_active()

    @on_both_faces
    def test_the_key_version_of_another_key_does_not_match(self, store: Face) -> None:
        session = self._inserted(store)
        assert store.find_active_session([(session.lookup_key, "old")], NOW) is None

    @on_both_faces
    def test_the_first_candidate_wins(self, store: Face) -> None:
        first, second = self._inserted(store), self._inserted(store)
        assert store.find_active_session(_candidates(first, second), NOW) == first.as_active()
        assert store.find_active_session(_candidates(second, first), NOW) == second.as_active()

    @on_both_faces
    def test_a_candidate_that_is_over_gives_way_to_the_next(self, store: Face) -> None:
        revoked, active = self._inserted(store), self._inserted(store)
        store.revoke_session(revoked.id, NOW)
        assert store.find_active_session(_candidates(revoked, active), NOW) == active.as_active()

    @on_both_faces
    def test_any_number_of_candidates_costs_one_query(self, store: Face) -> None:
        sessions = [self._inserted(store) for _ in range(5)]
        for count in (1, 2, 5):
            with self.counting_queries() as queries:
                store.find_active_session(_candidates(*sessions[-count:]), NOW)
            assert len(queries) == 1

    @on_both_faces
    def test_looking_up_agrees_with_finding(self, store: Face) -> None:
        active, revoked = self._inserted(store), self._inserted(store)
        store.revoke_session(revoked.id, NOW)
        assert _as_active(store.look_up(_candidates(active), NOW)) == active.as_active()
        assert _as_active(store.look_up(_candidates(revoked), NOW)) is None

    @on_both_faces
    def test_moments_come_back_aware_and_whole(self, store: Face) -> None:
        found = store.find_active_session(_candidates(self._inserted(store)), NOW)
        assert (found.created_at, found.expires_at) == (NOW, NOW + LIFETIME)
        assert found.created_at.utcoffset() == timedelta()

    @on_both_faces
    def test_revoking_says_that_it_ended_the_session(self, store: Face) -> None:
        assert store.revoke_session(self._inserted(store).id, NOW) is True

    @on_both_faces
    def test_revoking_twice_says_so_and_keeps_the_first_moment(self, store: Face) -> None:
        session = self._inserted(store)
        store.revoke_session(session.id, NOW)
        assert store.revoke_session(session.id, NOW + LIFETIME) is False
        assert self.revoked_at(session.id) == NOW

    @on_both_faces
    def test_revoking_an_unknown_session_is_no_error(self, store: Face) -> None:
        assert store.revoke_session(uuid7(), NOW) is False

    @on_both_faces
    def test_revoking_one_session_leaves_the_others_alone(self, store: Face) -> None:
        revoked, other = self._inserted(store), self._inserted(store)
        store.revoke_session(revoked.id, NOW)
        assert store.find_active_session(_candidates(other), NOW) == other.as_active()

    @on_both_faces
    def test_a_duplicate_lookup_key_is_refused_and_leaves_the_first_session_alone(self, store: Face) -> None:
        session = self._inserted(store)
        with _raises(StoreInvariantViolated):
            store.insert_session(replace(session, id=uuid7(), subject="thief"))
        assert store.find_active_session(_candidates(session), NOW) == session.as_active()

    @on_both_faces
    def test_a_duplicate_id_is_refused_and_leaves_the_first_session_alone(self, store: Face) -> None:
        session = self._inserted(store)
        lookup_key, _version = HASHER.lookup_key(SessionSecret.generate())
        with _raises(StoreInvariantViolated):
            store.insert_session(replace(session, lookup_key=lookup_key, subject="thief"))
        assert store.find_active_session(_candidates(session), NOW) == session.as_active()

    @on_both_faces
    def test_a_duplicate_does_not_bring_a_revoked_session_back(self, store: Face) -> None:
        session = self._inserted(store)
        store.revoke_session(session.id, NOW)
        with _raises(StoreInvariantViolated):
            store.insert_session(session)
        assert store.find_active_session(_candidates(session), NOW) is None

    @on_both_faces
    def test_revoking_a_subject_ends_its_sessions_and_no_others(self, store: Face) -> None:
        mine = [self._inserted(store, "me") for _ in range(3)]
        other = self._inserted(store, "you")
        assert store.revoke_subject("me", NOW) == 3
        assert all(store.find_active_session(_candidates(session), NOW) is None for session in mine)
        assert store.find_active_session(_candidates(other), NOW) == other.as_active()

    @on_both_faces
    def test_revoking_a_subject_keeps_the_session_it_is_told_to_keep(self, store: Face) -> None:
        kept, ended = self._inserted(store, "me"), self._inserted(store, "me")
        assert store.revoke_subject("me", NOW, keep=kept.id) == 1
        assert store.find_active_session(_candidates(kept, ended), NOW) == kept.as_active()

    @on_both_faces
    def test_revoking_a_subject_counts_only_what_it_ended(self, store: Face) -> None:
        self._inserted(store, "me")
        store.revoke_session(self._inserted(store, "me").id, NOW)
        self._inserted(store, "me", expires_at=NOW)
        assert store.revoke_subject("me", NOW) == 1
        assert store.revoke_subject("me", NOW) == 0

    @on_both_faces
    def test_revoking_what_changed_credentials_leave_behind_spares_the_rest(self, store: Face) -> None:
        old, new, unknown = (
            self._inserted(store, "me", auth_hash=auth_hash) for auth_hash in ("a" * 32, "b" * 32, None)
        )
        kept = self._inserted(store, "me", auth_hash="a" * 32)
        listed = store.list_active_sessions("me", NOW, current=["b" * 32])
        assert {session.id for session in listed} == {new.id, unknown.id}
        assert store.revoke_subject("me", NOW, Cause("because"), keep=kept.id, current=["b" * 32]) == 1
        assert store.find_active_session(_candidates(old), NOW) is None
        assert {session.id for session in store.list_active_sessions("me", NOW)} == {new.id, unknown.id, kept.id}

    @on_both_faces
    def test_subjects_are_compared_exactly(self, store: Face) -> None:
        self._inserted(store, "renée")
        for lookalike in ("Renée", "renee", "renée ", "rene\u0301e"):
            assert store.list_active_sessions(lookalike, NOW) == []
            assert store.revoke_subject(lookalike, NOW) == 0

    @on_both_faces
    def test_active_sessions_are_listed_the_newest_first(self, store: Face) -> None:
        older = self._inserted(store, "me")
        newer = self._inserted(store, "me", created_at=NOW + timedelta(seconds=1))
        self._inserted(store, "you")
        self._inserted(store, "me", expires_at=NOW)
        store.revoke_session(self._inserted(store, "me").id, NOW)
        assert store.list_active_sessions("me", NOW) == [newer.as_listed(), older.as_listed()]

    def test_a_store_out_of_reach_says_so_and_never_that_there_is_no_session(self) -> None:
        for is_async in (False, True):
            store = Face(self.make_unreachable_store(), is_async=is_async)
            for ask in _every_question(store):
                with _raises(StoreUnavailable):
                    ask()

    @on_both_faces
    def test_racing_revokers_get_one_verdict(self, store: Face) -> None:
        session = self._inserted(store)
        verdicts = _race(lambda: store.revoke_session(session.id, NOW))
        assert sorted(verdicts) == [False] * (RIVALS - 1) + [True]

    @on_both_faces
    def test_racing_inserts_of_one_lookup_key_leave_one_session(self, store: Face) -> None:
        session = _new_record()

        def insert() -> bool:
            try:
                store.insert_session(replace(session, id=uuid7()))
            except StoreInvariantViolated:
                return False
            return True

        assert sorted(_race(insert)) == [False] * (RIVALS - 1) + [True]

    @on_both_faces
    def test_no_read_after_a_revocation_finds_the_session(self, store: Face) -> None:
        session = self._inserted(store)
        revoked = Event()

        def read_until_revoked() -> object:
            while not revoked.is_set():
                store.find_active_session(_candidates(session), NOW)
            return store.find_active_session(_candidates(session), NOW)

        def revoke() -> object:
            store.revoke_session(session.id, NOW)
            revoked.set()
            return store.find_active_session(_candidates(session), NOW)

        assert _race(revoke, *[read_until_revoked] * (RIVALS - 1)) == [None] * RIVALS

    def _inserted(
        self,
        store: Face,
        subject: str = "subject",
        *,
        secret: SessionSecret | None = None,
        hasher: SecretHasher = HASHER,
        created_at: datetime = NOW,
        expires_at: datetime = NOW + LIFETIME,
        **more: Any,
    ) -> SessionRecord:
        record = replace(
            _new_record(secret, hasher),
            subject=subject,
            created_at=created_at,
            authenticated_at=created_at,
            last_seen_at=created_at,
            expires_at=expires_at,
            **more,
        )
        store.insert_session(record)
        return record


class SessionDataStoreConformance(SessionStoreConformance):
    """What every `SessionDataStore` must do beside that: keep data, and never write over what it has not seen."""

    @on_both_faces
    def test_a_record_is_found_whole_with_its_data(self, store: Face) -> None:
        session = self._inserted(store, data="payload:seal")
        assert store.look_up(_candidates(session), NOW) == session
        assert store.read_session(session.id) == session

    @on_both_faces
    def test_reading_shows_a_session_in_whatever_state(self, store: Face) -> None:
        session = self._inserted(store, data="payload:seal")
        store.revoke_session(session.id, NOW, Cause("because"))
        found = store.read_session(session.id)
        assert (found.revoked_at, found.revoked_reason, found.data) == (NOW, "because", "")
        assert store.read_session(uuid7()) is None

    @on_both_faces
    def test_revoking_a_subject_empties_the_data_of_its_sessions(self, store: Face) -> None:
        session = self._inserted(store, data="payload:seal")
        store.revoke_subject(session.subject, NOW)
        assert store.read_session(session.id).data == ""

    @on_both_faces
    def test_an_update_of_what_was_seen_is_written(self, store: Face) -> None:
        session = self._inserted(store)
        wanted = replace(session, data="another:seal", subject="another", data_version=1)
        assert store.update_session(session, wanted, NOW) is True
        assert store.read_session(session.id) == wanted

    @on_both_faces
    def test_an_update_of_what_somebody_has_changed_since_writes_nothing(self, store: Face) -> None:
        session = self._inserted(store)
        first = replace(session, data="first:seal", data_version=1)
        store.update_session(session, first, NOW)
        assert store.update_session(session, replace(session, data="second:seal", data_version=1), NOW) is False
        assert store.read_session(session.id) == first

    @on_both_faces
    def test_an_update_that_changes_nothing_says_whether_the_session_is_there(self, store: Face) -> None:
        session = self._inserted(store)
        assert store.update_session(session, session, NOW) is True
        store.revoke_session(session.id, NOW)
        assert store.update_session(session, session, NOW) is False

    @on_both_faces
    def test_an_update_of_a_revoked_session_writes_nothing(self, store: Face) -> None:
        session = self._inserted(store)
        store.revoke_session(session.id, NOW)
        assert store.update_session(session, replace(session, data="late:seal", data_version=1), NOW) is False
        assert store.read_session(session.id).data == ""

    @on_both_faces
    def test_an_update_of_an_expired_session_writes_nothing(self, store: Face) -> None:
        session = self._inserted(store)
        late = replace(session, expires_at=NOW + 2 * LIFETIME)
        assert store.update_session(session, late, NOW + LIFETIME) is False
        assert store.read_session(session.id) == session

    @on_both_faces
    def test_a_session_is_ended_by_whoever_saw_its_lookup_key(self, store: Face) -> None:
        session = self._inserted(store, data="payload:seal")
        assert store.end_session(session, NOW, Cause("because")) is True
        found = store.read_session(session.id)
        assert (found.revoked_at, found.revoked_reason, found.data) == (NOW, "because", "")
        assert store.end_session(session, NOW, Cause("again")) is False

    @on_both_faces
    def test_a_session_with_another_lookup_key_is_not_ended_by_whoever_saw_the_one_before(self, store: Face) -> None:
        before, after = self._inserted(store), _new_record()
        wanted = replace(before, lookup_key=after.lookup_key, key_version=after.key_version, data_version=1)
        store.update_session(before, wanted, NOW)
        assert store.end_session(before, NOW, Cause("because")) is False
        assert store.find_active_session(_candidates(after), NOW) == wanted.as_active()

    @on_both_faces
    def test_an_update_of_nothing_makes_nothing(self, store: Face) -> None:
        session = _new_record()
        assert store.update_session(session, session, NOW) is False
        assert store.read_session(session.id) is None

    @on_both_faces
    def test_a_new_lookup_key_is_found_and_the_old_one_is_superseded_for_a_minute(self, store: Face) -> None:
        before, after = self._inserted(store), _new_record()
        wanted = replace(before, lookup_key=after.lookup_key, key_version=after.key_version, data_version=1)
        assert store.update_session(before, wanted, NOW) is True
        assert store.look_up(_candidates(after), NOW) == wanted
        assert store.look_up(_candidates(before), NOW).spares_the_cookie is True
        assert store.look_up(_candidates(before), NOW + timedelta(minutes=1)).spares_the_cookie is False
        assert store.find_active_session(_candidates(before), NOW) is None

    @on_both_faces
    def test_use_is_written_down_once_for_what_was_seen(self, store: Face) -> None:
        session, later = self._inserted(store), NOW + LIFETIME / 4
        seen = session.as_active()
        assert store.touch_session(seen, later, later + LIFETIME / 2) is True
        assert store.touch_session(seen, later, None) is False
        found = store.read_session(session.id)
        assert (found.last_seen_at, found.idle_expires_at) == (later, later + LIFETIME / 2)
        assert replace(found, last_seen_at=session.last_seen_at, idle_expires_at=None) == session

    @on_both_faces
    def test_use_of_a_session_that_is_over_is_not_written_down(self, store: Face) -> None:
        revoked, expired = self._inserted(store), self._inserted(store)
        idle = self._inserted(store, idle_expires_at=NOW)
        store.revoke_session(revoked.id, NOW)
        for session, moment in ((revoked, NOW), (expired, NOW + LIFETIME), (idle, NOW)):
            assert store.touch_session(session.as_active(), moment, None) is False

    @on_both_faces
    def test_of_racing_touches_one_is_written(self, store: Face) -> None:
        seen = self._inserted(store).as_active()
        verdicts = _race(lambda: store.touch_session(seen, NOW + LIFETIME / 4, None))
        assert sorted(verdicts) == [False] * (RIVALS - 1) + [True]

    @on_both_faces
    def test_what_is_known_of_a_client_is_listed_until_its_session_ends(self, store: Face) -> None:
        client = ClientFacts("Firefox", "203.0.113.0", "d" * 32)
        session = self._inserted(store, client=client)
        (listed,) = store.list_active_sessions(session.subject, NOW)
        assert (listed.user_agent, listed.ip_address) == ("Firefox", "203.0.113.0")
        wanted = replace(session, data="another:seal", data_version=1, client=None)
        assert store.update_session(session, wanted, NOW) is True
        assert [found.user_agent for found in store.list_active_sessions(session.subject, NOW)] == ["Firefox"]

    @on_both_faces
    def test_a_device_is_new_to_a_subject_that_has_signed_in_on_others_only(self, store: Face) -> None:
        first = self._inserted(store, "me", client=ClientFacts(device="a" * 32))
        assert store.is_new_device("me", ["a" * 32], first.id) is False  # the first ever
        second = self._inserted(store, "me", client=ClientFacts(device="b" * 32))
        assert store.is_new_device("me", ["b" * 32], second.id) is True
        assert store.is_new_device("me", ["c" * 32, "a" * 32], second.id) is False
        assert store.is_new_device("you", ["b" * 32], second.id) is False
        store.revoke_session(first.id, NOW)
        assert store.is_new_device("me", ["a" * 32], second.id) is False

    @on_both_faces
    def test_of_racing_updates_of_one_version_one_is_written(self, store: Face) -> None:
        session = self._inserted(store)
        drafts = [replace(session, data=f"{number}:seal", data_version=1) for number in range(RIVALS)]
        verdicts = _race(*(partial(store.update_session, session, draft, NOW) for draft in drafts))
        assert verdicts.count(True) == 1
        assert store.read_session(session.id) == drafts[verdicts.index(True)]


def _new_record(secret: SessionSecret | None = None, hasher: SecretHasher = HASHER) -> SessionRecord:
    lookup_key, key_version = hasher.lookup_key(secret or SessionSecret.generate())
    return SessionRecord(
        id=uuid7(),
        lookup_key=lookup_key,
        key_version=key_version,
        subject="subject",
        created_at=NOW,
        expires_at=NOW + LIFETIME,
    )


def _candidates(*sessions: SessionRecord) -> Candidates:
    return [(session.lookup_key, session.key_version) for session in sessions]


def _every_question(store: Face) -> list[Callable[[], object]]:
    record = _new_record()
    return [
        lambda: store.find_active_session(_candidates(record), NOW),
        lambda: store.look_up(_candidates(record), NOW),
        lambda: store.insert_session(record),
        lambda: store.revoke_session(record.id, NOW),
        lambda: store.revoke_subject("subject", NOW),
        lambda: store.list_active_sessions("subject", NOW),
    ]


def _race(*tasks: Callable[[], Outcome]) -> list[Outcome]:
    """Run the tasks (one task: `RIVALS` times) at the same moment, each in a thread with connections of its own."""
    rivals = tasks * RIVALS if len(tasks) == 1 else tasks
    start = Barrier(len(rivals), timeout=30)

    def run(task: Callable[[], Outcome]) -> Outcome:
        try:
            start.wait()
            return task()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(rivals)) as pool:
        return list(pool.map(run, rivals))


class _raises:  # noqa: N801  # reads like what it stands for, in any test runner
    def __init__(self, expected: type[Exception]) -> None:
        self._expected = expected

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> bool:
        assert kind is not None, f"{self._expected.__name__} was not raised"
        return issubclass(kind, self._expected)


def _as_active(finding: Finding) -> ActiveSessionRecord | None:
    if isinstance(finding, SessionRecord):
        return finding.as_active()
    return finding if isinstance(finding, ActiveSessionRecord) else None
