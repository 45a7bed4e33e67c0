"""The bearer secret: the one thing that must never be written down."""

import os
import re
from typing import Final, NoReturn

SECRET_BYTES: Final = 32  # 256 bits; ASVS 5.0 7.2.3 asks for at least 128
_WELL_FORMED: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
REDACTED: Final = "<session secret, redacted>"


class SessionSecret:
    """
    A session's secret as it stands in the cookie: 64 lowercase hex characters.

    Whatever writes values down by itself (``repr``, ``str``, ``format``, ``logging``, a traceback with local
    variables, Django's error reports) gets a placeholder; pickling and JSON refuse. `expose` is the one way
    to the text, so a search for ``.expose(`` finds every place a secret can leave from.
    """

    __slots__ = ("_is_well_formed", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._is_well_formed: bool | None = None

    @classmethod
    def generate(cls) -> "SessionSecret":
        """
        Return a new secret of 256 bits from the operating system.

        Raises:
            OSError, NotImplementedError: The random source failed. There is no weaker source to fall back to.

        """
        return cls(os.urandom(SECRET_BYTES).hex())

    @classmethod
    def wrap(cls, secret: "SessionSecret | str") -> "SessionSecret":
        """Return ``secret`` in this type, so that no variable of the caller holds its text any longer."""
        return secret if isinstance(secret, SessionSecret) else cls(secret)

    def is_well_formed(self) -> bool:
        """Return whether this is 64 lowercase hex characters, as every secret of ours is."""
        if self._is_well_formed is None:
            self._is_well_formed = _WELL_FORMED.fullmatch(self._text) is not None
        return self._is_well_formed

    def expose(self) -> str:
        """Return the text. For a ``Set-Cookie`` header or a device's first answer, and nothing else."""
        return self._text

    expose.alters_data = True  # type: ignore[attr-defined]  # or a template could print the secret

    def __repr__(self) -> str:
        return REDACTED

    def __getstate__(self) -> NoReturn:
        raise TypeError("A session secret has no state to be written down.")

    def __reduce__(self) -> NoReturn:
        raise TypeError("A session secret cannot be pickled or copied: the cookie holds the only copy of it.")
