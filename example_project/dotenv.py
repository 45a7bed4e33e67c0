"""The file that holds what must not be in the repository."""

import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

_ASSIGNMENT = re.compile(r"(?:export )?([A-Za-z_0-9]+)=(.*)")
_HEADER = "# Made by 'python manage.py demo'. Keep it to yourself, and out of the repository."


class NotAFile(Exception):
    """Something else than a file is where the values should go."""


def _new_values() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        # Version=key. To rotate, put a new pair in front, with a comma: the first is active, the others verify only.
        "CODLET_SESSIONS_KEYS": f"{datetime.now(UTC):%Y-%m}={secrets.token_hex(32)}",
        "DEBUG": "on",
        "DEMO_PASSWORD": secrets.token_urlsafe(9),
    }


NAMES = tuple(_new_values())


def read(path: Path) -> dict[str, str]:
    """Return what ``path`` assigns, without what it leaves empty; nothing when there is no such file."""
    lines = path.read_text().splitlines() if path.exists() else []
    assigned = [match.groups() for line in lines if (match := _ASSIGNMENT.fullmatch(line))]
    return {name: value for name, value in assigned if value}


def complete(path: Path) -> list[str]:
    """
    Give ``path`` a generated value for each of `NAMES` that has none, and return which those were.

    What has a value keeps it. Only the file's owner can read it afterwards.

    Raises:
        NotAFile: There is something at ``path`` that is not a file, such as a device.

    """
    path = path.resolve()  # a link stays a link
    if path.exists() and not path.is_file():
        raise NotAFile(f"{path} is not a file, so no values can be kept there. Set ENV_FILE to another path.")
    given = read(path)
    missing = {name: value for name, value in _new_values().items() if name not in given}
    if missing:
        kept = path.read_text().splitlines() if path.exists() else [_HEADER]
        kept = [line for line in kept if not _is_empty(line, missing)]
        _write(path, [*kept, *(f"{name}={value}" for name, value in missing.items())])
    return list(missing)


def _is_empty(line: str, missing: dict[str, str]) -> bool:
    match = _ASSIGNMENT.fullmatch(line)
    return match is not None and match[1] in missing


def _write(path: Path, lines: list[str]) -> None:
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    unfinished.replace(path)  # in one step: a full disk costs nobody their keys
