"""
The seal that binds a session's data to its row.

A row's data is signed with the key that its secret is hashed under, together with the row's id, lookup key and subject.
Whoever can write the table, but has no key of the ring, can neither write data nor make a row speak for somebody else:
data from another row, another row's subject or lookup key, all break the seal. A row without a seal is no session.

Stored as ``payload:seal``. The payload is what `codlet_sessions.packing` makes of the data; the seal is an HMAC-SHA256
in URL-safe base64.
"""

from base64 import b64encode
from dataclasses import replace
from hmac import compare_digest

from codlet_sessions.hashing import SecretHasher
from codlet_sessions.records import SessionRecord


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
    padded = b64encode(hasher.seal(record.key_version, b"".join(bound)), b"-_")
    return padded[:-1]  # of 32 bytes, the last is always "="
