"""
The payload of a row: what a session holds, as text.

It is ``head~rest``, or ``rest`` alone. The rest is the serialized data in URL-safe base64, with a leading "." if
compressed as `django.core.signing` does, or nothing when there is no more. The head is ``user~backend~hash``: what
Django's ``login()`` puts into every session of a user, taken out of the rest because it is in nearly all of them. So a
session that holds nothing else needs a third of the room, and no serializer to be read. A backend that is not named is
Django's own, and the hash is in URL-safe base64.
"""

import re
import zlib
from collections.abc import Mapping
from typing import Any, Final, Protocol

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.signing import b64_decode, b64_encode

_SIGN_IN: Final = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY)
_USUAL_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
_MARK: Final = "~"  # in no base64
_FITS: Final = re.compile(r"[\w-]+~[\w.]+~[0-9a-f]{64}", re.ASCII)


class Serializer(Protocol):
    """What SESSION_SERIALIZER names."""

    def dumps(self, obj: Any) -> bytes:
        """Return ``obj`` as bytes."""

    def loads(self, data: bytes) -> Any:
        """Return what `dumps` was given."""


def pack(data: Mapping[str, Any], serializer: Serializer) -> str:
    """Return ``data`` as the payload of a row."""
    head = _head_of(data)
    if not head:
        return _serialized(data, serializer)
    rest = {key: value for key, value in data.items() if key not in _SIGN_IN}
    return head + _MARK + _serialized(rest, serializer)


def unpack(payload: str, serializer: Serializer) -> dict[str, Any]:
    """
    Return the data of a ``payload`` that `pack` made.

    What another serializer wrote, before SESSION_SERIALIZER was changed, reads as no data, as with Django's engines:
    whoever was signed in no longer is.
    """
    head, mark, rest = payload.rpartition(_MARK)
    data = _deserialized(rest, serializer) if rest else {}
    if not mark or data is None:
        return data or {}
    user, backend, auth_hash = head.split(_MARK)
    data[SESSION_KEY], data[BACKEND_SESSION_KEY] = user, backend or _USUAL_BACKEND
    data[HASH_SESSION_KEY] = b64_decode(auth_hash.encode()).hex()
    return data


def _head_of(data: Mapping[str, Any]) -> str:
    """Return the head for ``data``; "" if it holds no sign-in, or one in an unusual form."""
    facts = [data.get(key) for key in _SIGN_IN]
    if not all(type(fact) is str for fact in facts) or not _FITS.fullmatch(_MARK.join(map(str, facts))):
        return ""
    user, backend, auth_hash = map(str, facts)
    named = "" if backend == _USUAL_BACKEND else backend
    return _MARK.join((user, named, b64_encode(bytes.fromhex(auth_hash)).decode()))


def _serialized(data: Mapping[str, Any], serializer: Serializer) -> str:
    if not data:
        return ""
    plain = serializer.dumps(data)
    compressed = zlib.compress(plain)
    shorter = len(compressed) < len(plain) - 1
    return "." + b64_encode(compressed).decode() if shorter else b64_encode(plain).decode()


def _deserialized(text: str, serializer: Serializer) -> dict[str, Any] | None:
    try:
        is_compressed = text.startswith(".")
        raw = b64_decode(text.removeprefix(".").encode())
        data = serializer.loads(zlib.decompress(raw) if is_compressed else raw)
    except Exception:  # whatever a serializer of the host may raise
        return None
    return data if isinstance(data, dict) else None
