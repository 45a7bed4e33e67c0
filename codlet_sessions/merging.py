"""Two requests changed one session at the same time: what comes of it."""

from collections.abc import Callable, Mapping
from typing import Any


def merge(
    mine: Mapping[str, Any], loaded: Mapping[str, Any], theirs: Mapping[str, Any], spelling: Callable[[Any], object]
) -> dict[str, Any]:
    """
    Return ``theirs`` with what ``mine`` changed since it was ``loaded``, by top-level key.

    My changes and deletions win, the other's are kept. What both changed is mine, who writes last. Two values are the
    same if their ``spelling`` is, as they would be stored: 1 and True are not, nor are two objects that say they are.
    """
    kept = {key: value for key, value in theirs.items() if key in mine or key not in loaded}
    changed = {
        key: value for key, value in mine.items() if key not in loaded or spelling(value) != spelling(loaded[key])
    }
    return kept | changed
