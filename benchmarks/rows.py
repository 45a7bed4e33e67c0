"""Big tables, ours and Django's alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.sessions.models import Session as DjangoSession
from django.db import transaction

from benchmarks.copies import FIRST_SUBJECT, analyze, copy_rows
from benchmarks.people import World, new_session, signed_in
from benchmarks.sites import DB, OURS, Site
from codlet_sessions.models import Session

A_SUBJECT_HAS = 10  # sessions
A_MILLION = 1_000_000
"""Enough for a question that is not about growth."""
_SLICES = 20


@dataclass
class BigTables:
    """
    Our table and Django's, growing side by side with the same users and the same data in them.

    Attributes:
        world: Whose users get sessions among the copies, that cookies open.
        rows: How many rows each table has.
        subjects: How many subjects the copies are spread over.

    """

    world: World
    rows: int = 0
    subjects: int = 0

    def grow(self, rows: int) -> dict[Site, list[str]]:
        """Grow to ``rows``, and return the cookies of the sessions saved meanwhile, one for each user and site."""
        cookies: dict[Site, list[str]] = {OURS: [], DB: []}
        users = self.world.users
        self.subjects = max(rows // A_SUBJECT_HAS, 1)
        for part, (low, high) in enumerate(_slices(self.rows, rows)):
            for site, model in ((OURS, Session), (DB, DjangoSession)):
                site.enter()
                with transaction.atomic():
                    cookies[site] += [signed_in(new_session(site.engine), user) for user in users[part::_SLICES]]
                    copy_rows(model, low, high, self.subjects)
        self.rows = rows
        analyze()
        return cookies


def subjects(turn: int, of: int) -> Iterator[str]:
    """Yield subjects of the copies, others to each of so many who end their sessions."""
    return map(str, range(FIRST_SUBJECT + turn, 2 * FIRST_SUBJECT, of))


def _slices(low: int, high: int) -> Iterator[tuple[int, int]]:
    step = max((high - low) // _SLICES, 1)
    for part in range(_SLICES):
        yield low + part * step + 1, low + (part + 1) * step
