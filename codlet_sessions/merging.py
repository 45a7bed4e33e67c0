"""Two requests changed one session at the same time: what comes of it."""

from collections.abc import Mapping
from typing import Any


def merge(mine: Mapping[str, Any], loaded: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return ``theirs`` with what ``mine`` changed since it was ``loaded``, by top-level key.

    My changes and deletions win, the other's are kept. What both changed is mine, who writes last.
    """
    kept = {key: value for key, value in theirs.items() if key in mine or key not in loaded}
    changed = {key: value for key, value in mine.items() if key not in loaded or _differs(value, loaded[key])}
    return kept | changed


def _differs(value: object, loaded: object) -> bool:
    return value != loaded or type(value) is not type(loaded)  # 1 == True, but it is another answer
