"""What a session holds comes back from its row as it went in, and what login() puts into it takes little room."""

import uuid

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.serializers import JSONSerializer
from hypothesis import given
from hypothesis import strategies as st

from codlet_sessions.packing import pack, unpack

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
SIGN_IN = {SESSION_KEY: "42", BACKEND_SESSION_KEY: MODEL_BACKEND, HASH_SESSION_KEY: "0f" * 32}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
users = st.one_of(st.integers().map(str), st.uuids().map(str), texts)
values = st.one_of(texts, hashes, st.integers(), st.none(), st.lists(texts, max_size=3))
sign_ins = st.fixed_dictionaries(
    {},
    optional={
        SESSION_KEY: st.one_of(users, values),
        BACKEND_SESSION_KEY: st.one_of(st.sampled_from([MODEL_BACKEND, "shop.auth.Backend", "", "a~b"]), values),
        HASH_SESSION_KEY: st.one_of(hashes, values),
    },
)
datas = st.tuples(sign_ins, st.dictionaries(texts, values, max_size=4)).map(lambda both: {**both[1], **both[0]})


@given(datas)
def test_any_data_comes_back_and_is_packed_alike_again(data):
    payload = pack(data, JSONSerializer())
    assert unpack(payload, JSONSerializer()) == data
    assert pack(unpack(payload, JSONSerializer()), JSONSerializer()) == payload
    assert ":" not in payload


@pytest.mark.parametrize("user", ["42", str(uuid.UUID(int=7))])
def test_a_session_that_holds_no_more_than_a_sign_in_needs_no_serializer(user):
    payload = pack({**SIGN_IN, SESSION_KEY: user}, None)
    assert len(payload) == len(user) + 46
    assert unpack(payload, None) == {**SIGN_IN, SESSION_KEY: user}


def test_of_what_another_serializer_wrote_nothing_is_left_not_even_the_sign_in():
    assert unpack(pack({**SIGN_IN, "cart": [1]}, JSONSerializer()), Other()) == {}
    assert unpack(pack({"cart": [1]}, JSONSerializer()), Other()) == {}


class Other:
    def loads(self, data):
        raise ValueError("not mine")
