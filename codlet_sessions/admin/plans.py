"""What a revocation that somebody asked for in the admin would end."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain, islice
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.db.models import Model
from django.utils.text import get_text_list
from django.utils.translation import gettext, ngettext

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet, State
from codlet_sessions.records import ActiveSessionRecord, RevocationReason

MAX_LISTED: Final = 50
"""How many of the sessions that will end a confirmation page lists."""

Step: TypeAlias = tuple[int, list[Model]]
"""How many sessions one call ended, and in whose history that belongs: theirs, and their user's if it was chosen."""

_CHUNK = 500  # parameters of one query; SQLite may allow no more than 999
REASON: Final = RevocationReason.ADMINISTRATOR
"""What the row of a session says that was ended here."""


@dataclass(frozen=True)
class OfSessions:
    """The revocation of ``chosen`` sessions, one by one: those of ``table`` that somebody ticked."""

    chosen: Sequence[Session]
    table: SessionQuerySet
    now: datetime

    action = "revoke_selected"
    history_note = "Revoked."

    @cached_property
    def marked(self) -> list[Session]:
        """The chosen sessions that this is about: the active ones."""
        return [row for row in self.chosen if State.of(row, self.now) is State.ACTIVE]

    @property
    def session_count(self) -> int:
        """How many active sessions will end."""
        return len(self.marked)

    @property
    def whose(self) -> str:
        """Who will lose a session, in words. The anonymous are nobody's."""
        subjects = {row.subject for row in self.marked}
        known = [_counted_subjects(len(subjects - {""}))] if subjects - {""} else []
        nobody = [gettext("anonymous visitors")] if "" in subjects else []
        return get_text_list([*known, *nobody], gettext("and"))

    @property
    def listed(self) -> list[Session]:
        """Some of the sessions that will end, for people to look at."""
        return self.marked[:MAX_LISTED]

    @property
    def note(self) -> str:
        """What was chosen and is not going to happen."""
        over = len(self.chosen) - len(self.marked)
        note = ngettext("%d of the selected has already ended.", "%d of the selected have already ended.", over)
        return note % over if over else ""

    def includes(self, own: ActiveSessionRecord) -> bool:
        """Return whether ``own`` will end."""
        return any(row.id == own.id for row in self.marked)

    def carry_out(self, by: object) -> Iterator[Step]:
        """
        End the sessions, and tell of each that this call ended.

        Raises:
            StoreError: The store could not answer. What was told of until then has ended.

        """
        for row in self.marked:
            if sessions.revoke(row.id, reason=REASON, by=by):
                yield 1, [row]

    def report(self, ended: int, asked: int) -> str:
        """Return what happened, when ``ended`` of ``asked`` sessions ended."""
        late = asked - ended
        report = ngettext("%d session was revoked.", "%d sessions were revoked.", ended) % ended
        if not late:
            return report
        too_late = ngettext("%d had already ended.", "%d had already ended.", late) % late
        return f"{report} {too_late}"


@dataclass(frozen=True)
class OfSubjects:
    """
    The revocation of all sessions of the subjects of ``chosen``.

    Anonymous sessions share the subject "", which is not somebody: they are left alone.
    """

    chosen: Sequence[Session]
    table: SessionQuerySet
    now: datetime

    action = "revoke_subjects"
    history_note = "Revoked with all sessions of its subject."

    @cached_property
    def marked(self) -> list[Session]:
        """The chosen sessions that this is about: those that are somebody's."""
        return [row for row in self.chosen if row.subject]

    @cached_property
    def session_count(self) -> int:
        """How many active sessions will end."""
        return sum(rows.count() for rows in self._active())

    @property
    def whose(self) -> str:
        """Who will lose their sessions, in words."""
        counts = (rows.order_by().values("subject").distinct().count() for rows in self._active())
        return _counted_subjects(sum(counts))

    @cached_property
    def listed(self) -> list[Session]:
        """Some of the sessions that will end, for people to look at."""
        return list(islice(chain.from_iterable(rows[:MAX_LISTED] for rows in self._active()), MAX_LISTED))

    @property
    def note(self) -> str:
        """What was chosen and is not going to happen."""
        if len(self.marked) == len(self.chosen):
            return ""
        return gettext(
            "Anonymous sessions have no subject in common, so those you selected are left alone:"
            " revoke them as selected sessions."
        )

    def includes(self, own: ActiveSessionRecord) -> bool:
        """Return whether ``own`` will end."""
        return own.subject in self._subjects

    def carry_out(self, by: Any) -> Iterator[Step]:
        """End the sessions as `OfSessions.carry_out` does, in one statement for each subject."""
        for subject in self._subjects:
            before = sessions.clock()
            if count := sessions.revoke_all(subject, reason=REASON, by=by):
                yield count, list(ended_since(before, subject, self.table, by))

    def report(self, ended: int, asked: int) -> str:
        """Return what happened, when ``ended`` sessions of the subjects of ``asked`` ended."""
        return ngettext("%d session was revoked.", "%d sessions were revoked.", ended) % ended

    @cached_property
    def _subjects(self) -> list[str]:
        return sorted({row.subject for row in self.marked})

    def _active(self) -> Iterator[SessionQuerySet]:
        for subjects in _chunks(self._subjects):
            yield self.table.filter(subject__in=subjects).active(self.now).order_by("-id")


def among(table: SessionQuerySet, ids: Sequence[UUID]) -> list[Session]:
    """Return the sessions of ``table`` that ``ids`` name, however many they are."""
    return list(chain.from_iterable(table.filter(pk__in=some) for some in _chunks(ids)))


def ended_since(before: datetime, subject: str, table: SessionQuerySet, by: Any) -> SessionQuerySet:
    """Return the sessions of ``subject`` that ``by`` ended in the admin at ``before`` or later."""
    return table.of_subject(subject).filter(revoked_at__gte=before, revoked_reason=REASON, revoked_by=str(by.pk))


def _counted_subjects(count: int) -> str:
    return ngettext("%d subject", "%d subjects", count) % count


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
