"""Keys and the one thing done with them: turning a secret into the lookup key it is stored under."""

import hmac
from collections.abc import ItemsView, Iterable, Mapping
from typing import Any, Final, NoReturn, TypeAlias

from codlet_sessions.errors import KeyRingError
from codlet_sessions.records import LookupKey
from codlet_sessions.secrets import SessionSecret

MAX_VERSION_LENGTH: Final = 64
_MAX_SHOWN_LENGTH: Final = 30
_LOOKUP: Final = b"codlet/v1/lookup\0session\0"
_SEAL: Final = b"codlet_sessions/v1/seal\0session\0"
_ADOPTION: Final = b"codlet_sessions/v1/adoption\0session\0"
_DEVICE: Final = b"codlet_sessions/v1/device\0session\0"
_COPY: Final = b"codlet_sessions/v1/copy\0session\0"

Keys: TypeAlias = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]


class KeyRing:
    """
    Named keys: one active, which new sessions are stored under, the others only to recognise older ones.

    Args:
        keys: Version to key, as a mapping or as pairs. A ``str`` key stands for its UTF-8 bytes.
        active: The version that new sessions use; the first one when not given.

    Raises:
        KeyRingError: There is no key, a key or version is empty, one is there twice, a version is longer
            than 64 characters, or ``active`` names none of them. Keys never stand in the message.

    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Keys, active: str | None = None) -> None:
        by_version = _checked(keys.items() if isinstance(keys, Mapping) else keys)
        first = next(iter(by_version)) if active is None else active
        if first not in by_version:
            raise KeyRingError(f"The active key version {shown(first)} is not in the key ring ({_listed(by_version)}).")
        self._keys = {first: by_version.pop(first), **by_version}

    @property
    def active_version(self) -> str:
        """The version that new sessions are stored under."""
        return next(iter(self._keys))

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions, the active one first."""
        return tuple(self._keys)

    def items(self) -> ItemsView[str, bytes]:
        """Return each version with its key, the active one first."""
        return self._keys.items()

    def __contains__(self, version: object) -> bool:
        return version in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<KeyRing {_listed(self._keys)}, active {shown(self.active_version)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key ring cannot be pickled or copied: its keys would be written down.")


class SecretHasher:
    """
    Derives lookup keys: ``lowercase_hex(HMAC-SHA256(key, "codlet/v1/lookup" NUL "session" NUL secret))``.

    The secret goes in as the text of the cookie in UTF-8, not as the bytes it spells (codlet RFC-004, section 12.3).
    Each key is absorbed once, here; a lookup copies that state, which is half as dear as a fresh HMAC.
    The keys do four things more, each under a prefix of its own, so that no value of one use can stand for another's.
    """

    __slots__ = ("_for_adoption", "_for_copies", "_for_seals", "_primed", "key_ring")

    def __init__(self, key_ring: KeyRing) -> None:
        self.key_ring = key_ring
        self._primed = [(version, _keyed(key, _LOOKUP)) for version, key in key_ring.items()]
        self._for_seals = {version: _keyed(key, _SEAL) for version, key in key_ring.items()}
        self._for_copies = {version: _keyed(key, _COPY) for version, key in key_ring.items()}
        self._for_adoption = [_keyed(key, _ADOPTION) for _version, key in key_ring.items()]

    def lookup_key(self, secret: SessionSecret | str) -> tuple[LookupKey, str]:
        """Return the lookup key of ``secret`` under the active key, and that key's version."""
        version, primed = self._primed[0]
        return _derive(primed, secret), version

    def candidates(self, secret: SessionSecret | str) -> list[tuple[LookupKey, str]]:
        """Return the ``(lookup_key, key_version)`` of ``secret`` under every key, the active one first."""
        return [(_derive(primed, secret), version) for version, primed in self._primed]

    def seal(self, key_version: str, message: bytes) -> bytes:
        """
        Return the 32 bytes that only a holder of the key named ``key_version`` can make of ``message``.

        Raises:
            KeyError: The ring has no such key.

        """
        return _digest(self._for_seals[key_version], message)

    def seal_copy(self, key_version: str, message: bytes) -> bytes:
        """
        Return the same of a ``message`` that is a copy of a row, kept outside of the database.

        Raises:
            KeyError: The ring has no such key.

        """
        return _digest(self._for_copies[key_version], message)

    def adoption_digests(self, foreign_key: str) -> list[str]:
        """Return what the cookie of another session engine comes to under every key, the active one first."""
        return [_derive(primed, foreign_key) for primed in self._for_adoption]

    def device_digests(self, subject: str, kind: str) -> list[str]:
        """Return what a client of some ``kind`` comes to for ``subject`` under every key, the active one first."""
        name = subject.encode()
        message = b"".join((_DEVICE, len(name).to_bytes(4, "big"), name, kind.encode()))
        return [hmac.digest(key, message, "sha256")[:16].hex() for _version, key in self.key_ring.items()]

    def __repr__(self) -> str:
        return f"<SecretHasher with {self.key_ring!r}>"


def shown(version: object) -> str:
    """Return ``version`` as a message may show it: one as long as a key may be a key that stands in the wrong place."""
    text = repr(version)
    return text if len(text) <= _MAX_SHOWN_LENGTH else f"of {len(text) - 2} characters"


def unwrapped(keyed: hmac.HMAC) -> Any:
    """Return what ``keyed`` wraps, which does the same: OpenSSL's own object, if it has one, without Python around."""
    return getattr(keyed, "_hmac", None) or keyed


def _keyed(key: bytes, use: bytes) -> Any:
    return unwrapped(hmac.new(key, use, "sha256"))


def _digest(primed: Any, message: bytes) -> bytes:
    keyed = primed.copy()
    keyed.update(message)
    digest: bytes = keyed.digest()
    return digest


def _derive(primed: Any, secret: SessionSecret | str) -> LookupKey:
    keyed = primed.copy()
    keyed.update((secret.expose() if isinstance(secret, SessionSecret) else secret).encode())
    return LookupKey(keyed.hexdigest())


def _checked(pairs: Iterable[tuple[str, str | bytes]]) -> dict[str, bytes]:
    by_version: dict[str, bytes] = {}
    owner_of: dict[bytes, str] = {}
    for version, key in pairs:
        _check_version(version, by_version)
        if not isinstance(key, str | bytes) or not key:
            raise KeyRingError(f"The key of version {shown(version)} is empty, or neither str nor bytes.")
        key = key.encode() if isinstance(key, str) else key
        effect = hmac.digest(key, b"", "sha256")  # HMAC pads keys with NUL: two that differ in that alone are one
        if effect in owner_of:
            raise KeyRingError(f"The versions {shown(owner_of[effect])} and {shown(version)} have the same key.")
        by_version[version], owner_of[effect] = key, version
    if not by_version:
        raise KeyRingError("A key ring needs at least one key.")
    return by_version


def _check_version(version: str, taken: Mapping[str, bytes]) -> None:
    if not version.strip():
        raise KeyRingError("A key version is empty.")
    if len(version) > MAX_VERSION_LENGTH:
        raise KeyRingError(f"The key version {shown(version)} is longer than {MAX_VERSION_LENGTH} characters.")
    if version in taken:
        raise KeyRingError(f"The key version {shown(version)} is there twice.")


def _listed(versions: Iterable[str]) -> str:
    return ", ".join(map(shown, versions))
