"""Big tables, ours and Django's alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.copies import FIRST_SUBJECT
from benchmarks.people import World
from benchmarks.sites import DB, OURS, Site

A_SUBJECT_HAS = 10  # sessions
A_MILLION = 1_000_000
"""Enough for a question that is not about growth."""


@dataclass
class BigTables:
    """
    Our table and Django's, growing side by side with the same users and the same data in them.

    Attributes:
        world: Whose users get sessions among the copies, that cookies open.
        subjects: How many subjects the copies are spread over.

    """

    world: World
    subjects: int = 0

    def grow(self, rows: int) -> dict[Site, list[str]]:
        """Grow to ``rows``, and return the cookies of the sessions saved meanwhile, one for each user and site."""
        self.subjects = max(rows // A_SUBJECT_HAS, 1)
        return {site: self.world.sign_in(site, rows, self.subjects) for site in (OURS, DB)}


def subjects(turn: int, of: int) -> Iterator[str]:
    """Yield subjects of the copies, others to each of so many who end their sessions."""
    return map(str, range(FIRST_SUBJECT + turn, 2 * FIRST_SUBJECT, of))
