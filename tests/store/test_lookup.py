"""The lookup that is compiled once answers what the ORM would."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.db import connection, connections
from django.db.models import BooleanField, Value
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from codlet_sessions.records import Outline
from codlet_sessions.stores import conversion, readings
from codlet_sessions.stores.lookup import _statement, outlines_under, records_under
from codlet_sessions.stores.orm import OrmSessionStore
from codlet_sessions.stores.readings import RECORD_COLUMNS
from tests.factories import SessionFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def by_the_orm(candidates):
    return sorted(map(list, Session.objects.keyed(candidates).values_list(*RECORD_COLUMNS)))


def looked_up(candidates):
    records = records_under([lookup_key for lookup_key, _version in candidates], "default").values()
    return sorted([getattr(record, name) for name in RECORD_COLUMNS] for record in records)


@pytest.fixture
def candidates():
    """Of sessions with every kind of value in every column."""
    rows = [
        SessionFactory(
            user=UserFactory(), data="payload:seal", data_version=3, auth_hash="ab" * 16, is_persistent=True
        ),
        SessionFactory(revoked=True, is_persistent=False),
        SessionFactory(expired=True, last_seen_at=None, subject="Zoë"),
    ]
    return [(row.lookup_key, row.key_version) for row in rows]


def test_each_value_is_what_the_orm_makes_of_it(candidates):
    assert looked_up(candidates) == by_the_orm(candidates)
    for candidate in candidates:
        assert looked_up([candidate]) == by_the_orm([candidate])


def test_an_outline_says_of_each_session_what_the_whole_record_does(candidates):
    lookup_keys = [lookup_key for lookup_key, _version in candidates]
    outlines, records = outlines_under(lookup_keys, "default"), records_under(lookup_keys, "default")
    assert set(outlines) == set(records) == set(lookup_keys)
    for lookup_key, outline in outlines.items():
        record = records[lookup_key]
        assert outline == Outline(lookup_key, record.key_version, record.revoked_at, record.as_active())
        assert str(lookup_key) not in repr(outline)


def test_what_finds_an_active_session_and_no_more_reads_neither_the_user_nor_the_data(candidates):
    store = OrmSessionStore()
    with CaptureQueriesContext(connection) as queries:
        found = store.find_active_session(candidates, sessions.clock())
    assert found.subject == Session.objects.get(id=found.id).subject
    (sql,) = (query["sql"] for query in queries[:1])
    assert "JOIN" not in sql
    assert "data" not in sql


def test_a_record_is_frozen_though_it_is_filled_at_once(candidates):
    found = records_under([candidates[0][0]], "default")[candidates[0][0]]
    for record in (found, found.as_active()):
        assert record == replace(record)
        assert hash(record) == hash(replace(record))
        with pytest.raises(FrozenInstanceError):
            record.subject = "somebody else"


def test_a_database_with_a_time_zone_of_its_own_gives_the_same_moments(candidates, settings):
    before = by_the_orm(candidates)
    alias = connections["default"]
    alias.close()
    alias.settings_dict["TIME_ZONE"], kept = ("Asia/Tokyo" if alias.vendor == "postgresql" else None), None
    vars(alias).pop("timezone", None), vars(alias).pop("timezone_name", None)
    try:
        assert looked_up(candidates) == before
    finally:
        alias.close()
        alias.settings_dict["TIME_ZONE"] = kept
        vars(alias).pop("timezone", None), vars(alias).pop("timezone_name", None)


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="Elsewhere, moments are no text.")
@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-01T12:00:00+00:00", 12),
        ("2026-11-01 14:00:00+02:00", 12),
        ("2026-11-01 12:00", 12),
        ("2026-11-01", 0),
    ],
)
def test_a_moment_that_others_wrote_into_the_row_in_their_own_way_is_the_same(candidates, text, hour):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE codlet_sessions_session SET created_at = %s", [text])
    assert {values[RECORD_COLUMNS.index("created_at")] for values in looked_up(candidates)} == {
        datetime(2026, 11, 1, hour, tzinfo=UTC)
    }


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="Other drivers have no converters by declared types.")
def test_the_driver_parses_no_moment_that_is_parsed_again_and_keeps_to_kinds_that_it_is_alone_with():
    sql = _statement("default", 1, readings.OUTLINE).sql.replace('"', "")
    assert "+a.created_at" in sql
    assert " a.lookup_key" in sql


class Loud(BooleanField):
    def from_db_value(self, value, expression, connection):
        return f"{value}!"


def test_a_field_converts_what_the_backend_has_made_of_a_value():
    plan = conversion.plan_of([Value(True, output_field=Loud())], connections["default"])
    stored = True if connection.vendor == "postgresql" else 1
    assert conversion.converted([stored], plan) == ["True!"]


def test_a_model_of_users_that_has_no_column_to_tell_whether_there_is_one_does_not_come_along(monkeypatch):
    key_alone = SimpleNamespace(concrete_fields=[SimpleNamespace(null=False, primary_key=True)])
    monkeypatch.setattr(readings, "_user_model", lambda: SimpleNamespace(_meta=key_alone))
    assert readings._user_table() == (None, -1)
    assert readings._record_with_user.__wrapped__("default") is readings._RECORD


def test_it_is_one_query_that_tools_can_see_and_none_without_candidates(candidates):
    with CaptureQueriesContext(connection) as queries:
        looked_up(candidates)
        looked_up([])
    assert len(queries) == 1


def test_the_orm_writes_it_once(candidates, monkeypatch):
    secret = sessions.issue("device:42").secret
    store = OrmSessionStore()
    store.look_up(sessions.hasher.candidates(secret), sessions.clock())
    compiled = []
    as_sql = SQLCompiler.as_sql
    monkeypatch.setattr(
        SQLCompiler, "as_sql", lambda self, *rest, **more: compiled.append(1) or as_sql(self, *rest, **more)
    )
    for _ in range(3):
        assert store.look_up(sessions.hasher.candidates(secret), sessions.clock()).subject == "device:42"
    assert compiled == []


def test_what_it_knows_of_a_connection_goes_with_the_connection(candidates):
    import gc
    import threading
    import weakref

    seen = []

    def look():
        looked_up(candidates)
        seen.append(weakref.ref(connections["default"]))
        connections.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    del thread
    gc.collect()
    assert seen[0]() is None


def test_on_a_database_that_nobody_knows_moments_are_converted_as_django_does(monkeypatch):
    step = connection.ops.get_db_converters
    monkeypatch.setattr(connection, "vendor", "oracle")
    assert not conversion._are_djangos([step], "get_db_converters", connection)
