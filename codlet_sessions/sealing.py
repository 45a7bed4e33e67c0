"""
The seal that binds a session's data to its row.

A row's data is signed with the key that its secret is hashed under, together with the row's id, lookup key and subject.
Whoever can write the table, but has no key of the ring, can neither write data nor make a row speak for somebody else:
data from another row, another row's subject or lookup key, all break the seal. A row without a seal is no session.

Stored as ``payload:seal``. The payload is what `codlet_sessions.packing` makes of the data; the seal is an HMAC-SHA256
in URL-safe base64.
"""

from binascii import b2a_base64
from dataclasses import replace
from hmac import compare_digest
from typing import Final

from codlet_sessions.hashing import SecretHasher
from codlet_sessions.records import SessionRecord

_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def seal(hasher: SecretHasher, record: SessionRecord, payload: str = "") -> SessionRecord:
    """Return ``record`` with ``payload`` for its data, sealed to its id, lookup key, key version and subject."""
    return replace(record, data=f"{payload}:{_seal_of(hasher, record, payload).decode()}")


def is_sealed(hasher: SecretHasher, record: SessionRecord) -> bool:
    """Return whether the data of ``record`` was sealed to it by a key of ours: asked of each row that a store gives."""
    payload, _colon, sealed = record.data.rpartition(":")
    return record.key_version in hasher.key_ring and compare_digest(sealed.encode(), _seal_of(hasher, record, payload))


def payload_of(record: SessionRecord) -> str:
    """Return the payload of a ``record`` that `seal` made or `is_sealed` found genuine. Nothing is checked here."""
    return record.data.rpartition(":")[0]


def _seal_of(hasher: SecretHasher, record: SessionRecord, payload: str) -> bytes:
    subject = record.subject.encode()
    bound = (record.id.bytes, record.lookup_key.encode(), len(subject).to_bytes(4, "big"), subject, payload.encode())
    padded = b2a_base64(hasher.seal(record.key_version, b"".join(bound)), newline=False)
    return padded.translate(_URL_SAFE)[:-1]  # of 32 bytes, the last is always "="
