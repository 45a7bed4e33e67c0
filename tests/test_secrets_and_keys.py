"""Secrets that hide themselves, and keys that turn them into lookup keys."""

import copy
import json
import logging
import pickle
from pathlib import Path

import pytest
from django.template import Context, Template
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter
from hypothesis import given
from hypothesis import strategies as st

from codlet_sessions.errors import CodletSessionError, KeyRingError
from codlet_sessions.hashing import KeyRing, SecretHasher
from codlet_sessions.ids import uuid7
from codlet_sessions.records import LookupKey
from codlet_sessions.secrets import REDACTED, SessionSecret

VECTORS = json.loads((Path(__file__).parent / "lookup_key_vectors.json").read_text())

hex_secrets = st.text("0123456789abcdef", min_size=64, max_size=64)
keys = st.binary(min_size=1, max_size=200)


@pytest.fixture
def secret():
    return SessionSecret.generate()


def test_a_secret_is_256_random_bits_as_lowercase_hex(monkeypatch):
    monkeypatch.setattr("os.urandom", lambda size: bytes(range(size)))
    assert SessionSecret.generate().expose() == bytes(range(32)).hex()


def test_no_two_secrets_are_alike():
    assert len({SessionSecret.generate().expose() for _ in range(1000)}) == 1000


@given(hex_secrets)
def test_whatever_is_64_lowercase_hex_characters_is_well_formed(text):
    assert SessionSecret(text).is_well_formed()


@given(st.text(max_size=70).filter(lambda text: len(text) != 64) | hex_secrets.map(lambda text: text[:-1] + "G"))
def test_whatever_is_not_64_lowercase_hex_characters_is_malformed(text):
    assert not SessionSecret(text).is_well_formed()


@pytest.mark.parametrize("text", ["0" * 64 + "\n", "\u0660" * 64, "A" * 64, "0" * 63 + " "])
def test_what_only_looks_like_hex_is_malformed(text):
    assert not SessionSecret(text).is_well_formed()


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "%s".__mod__, "%r".__mod__, lambda secret: f"{[secret]}"])
def test_a_secret_shows_a_placeholder_wherever_it_is_written_down(secret, shown):
    assert REDACTED in shown(secret)
    assert secret.expose() not in shown(secret)


def test_a_secret_that_is_logged_is_redacted(secret, caplog):
    logging.getLogger("somewhere").warning("secret %s %r", secret, {"secret": secret})
    assert caplog.text.count(REDACTED) == 2
    assert secret.expose() not in caplog.text


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, SessionSecret.__getstate__])
def test_a_secret_refuses_to_be_pickled_copied_or_serialized(secret, write):
    with pytest.raises(TypeError):
        write(secret)


def test_a_template_cannot_print_a_secret(secret):
    shown = Template("{{ secret }} {{ secret.expose }}").render(Context({"secret": secret}))
    assert secret.expose() not in shown


def test_a_key_ring_refuses_to_be_pickled_or_copied():
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="written down"):
            write(KeyRing({"v": "key"}))


@pytest.mark.parametrize("active", [True, False])
def test_an_error_report_with_a_secret_among_its_variables_shows_a_placeholder(secret, active, rf, monkeypatch):
    monkeypatch.setattr(SafeExceptionReporterFilter, "is_active", lambda self, request: active)
    held = {"secret": secret, "in a list": [secret]}
    try:
        raise RuntimeError(held)
    except RuntimeError as error:
        reporter = ExceptionReporter(rf.get("/"), type(error), error, error.__traceback__)
    for report in (reporter.get_traceback_html(), reporter.get_traceback_text()):
        assert "session secret, redacted" in report
        assert secret.expose() not in report


def test_the_published_vector_comes_out_byte_for_byte():
    hasher = SecretHasher(KeyRing({VECTORS["key_version"]: VECTORS["key_utf8"]}))
    assert hasher.lookup_key(VECTORS["secret"]) == (VECTORS["lookup_keys"]["session"], "test-v1")
    assert hasher.candidates(VECTORS["secret"]) == [(VECTORS["lookup_keys"]["session"], "test-v1")]


def test_a_lookup_key_of_another_domain_is_another():
    hasher = SecretHasher(KeyRing({"v": VECTORS["key_utf8"]}))
    others = {key for domain, key in VECTORS["lookup_keys"].items() if domain != "session"}
    assert hasher.lookup_key(VECTORS["secret"])[0] not in others


def test_text_and_bytes_of_a_key_are_the_same_key(secret):
    assert SecretHasher(KeyRing({"v": "schlüssel"})).lookup_key(secret) == SecretHasher(
        KeyRing({"v": "schlüssel".encode()})
    ).lookup_key(secret)


@given(hex_secrets, st.lists(keys, min_size=1, max_size=4, unique_by=lambda key: key.rstrip(b"\0").ljust(1)))
def test_the_active_key_comes_first_and_every_key_has_its_own_candidate(text, ring_keys):
    try:
        ring = KeyRing({str(index): key for index, key in enumerate(ring_keys)})
    except KeyRingError:
        return
    hasher = SecretHasher(ring)
    candidates = hasher.candidates(SessionSecret(text))
    assert candidates[0] == hasher.lookup_key(text)
    assert [version for _key, version in candidates] == list(ring.versions)
    assert len({key for key, _version in candidates}) == len(ring)


def test_the_first_key_is_active_unless_another_is_named():
    assert KeyRing({"b": "1", "a": "2"}).active_version == "b"
    ring = KeyRing({"b": "1", "a": "2"}, active="a")
    assert (ring.active_version, ring.versions) == ("a", ("a", "b"))
    assert "b" in ring


@pytest.mark.parametrize(
    ("ring", "active", "message"),
    [
        ({}, None, "at least one key"),
        ({"v": ""}, None, "'v' is empty"),
        ({"v": b""}, None, "'v' is empty"),
        ({"v": 40}, None, "'v' is empty, or neither str nor bytes"),
        ({"": "key"}, None, "version is empty"),
        ({" ": "key"}, None, "version is empty"),
        ({"v" * 65: "key"}, None, "longer than 64"),
        ({"a": "same", "b": "same"}, None, "'a' and 'b' have the same key"),
        ({"a": "same", "b": b"same"}, None, "'a' and 'b' have the same key"),
        ({"a": "same", "b": "same\0"}, None, "'a' and 'b' have the same key"),
        ([("a", "one"), ("a", "two")], None, "'a' is there twice"),
        ({"a": "key"}, "b", "'b' is not in the key ring"),
    ],
)
def test_a_key_ring_refuses_what_cannot_be_told_apart(ring, active, message):
    with pytest.raises(KeyRingError, match=message) as caught:
        KeyRing(ring, active)
    assert isinstance(caught.value, CodletSessionError)
    assert "same\0" not in str(caught.value)


def test_a_key_in_a_versions_place_is_not_repeated():
    key = "k" * 40
    for ring, active in (
        ({key: ""}, None),
        ({key: "same", "b": "same"}, None),
        ({"v": "key"}, key),
        ({key * 2: "k"}, None),
    ):
        with pytest.raises(KeyRingError) as caught:
            KeyRing(ring, active)
        assert key not in str(caught.value)


def test_keys_and_lookup_keys_show_in_no_repr(secret):
    ring = KeyRing({"v": "the key itself, at its full length"})
    hasher = SecretHasher(ring)
    lookup_key, _version = hasher.lookup_key(secret)
    shown = repr([ring, hasher, hasher.candidates(secret), vars(LookupKey)])
    assert "the key itself" not in shown
    assert lookup_key not in shown


def test_ids_are_version_7_and_grow_with_time(monkeypatch):
    ids = []
    for nanoseconds in (1, 300, 999_999, 10**6, 10**9, 10**9 + 300, 2**60):
        monkeypatch.setattr("time.time_ns", lambda nanoseconds=nanoseconds: nanoseconds)
        ids.append(uuid7())
    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert ids[4].int >> 80 == 1000
