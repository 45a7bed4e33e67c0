"""What ending all sessions of some users would end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.translation import gettext, ngettext

from codlet_sessions.admin.plans import MAX_LISTED, REASON, Step, ended_since
from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from codlet_sessions.querysets import SessionQuerySet
from codlet_sessions.records import ActiveSessionRecord
from codlet_sessions.subjects import subject_of


@dataclass(frozen=True)
class OfUsers:
    """The revocation of all sessions of the ``chosen`` users: at most as many as one query may have parameters."""

    chosen: Sequence[Any]
    table: SessionQuerySet
    now: datetime

    history_note = "All sessions of the user were ended."
    note = ""

    @cached_property
    def session_count(self) -> int:
        """How many active sessions will end."""
        return self._active.count()

    @property
    def whose(self) -> str:
        """Who will lose their sessions, in words."""
        if len(self.chosen) == 1:
            return str(self.chosen[0].get_username())
        count = self._active.order_by().values("subject").distinct().count()
        return ngettext("%d user", "%d users", count) % count

    @cached_property
    def listed(self) -> list[Session]:
        """Some of the sessions that will end, for people to look at."""
        return list(self._active[:MAX_LISTED])

    def includes(self, own: ActiveSessionRecord) -> bool:
        """Return whether ``own`` will end."""
        return own.subject in self._subjects

    def carry_out(self, by: Any) -> Iterator[Step]:
        """
        End the sessions, one statement and one query for each user, and tell what belongs in whose history.

        Sessions that began after the question are ended, too: that is what "all" was meant to say.

        Raises:
            StoreError: The store could not answer. What was told of until then has ended.

        """
        for subject, user in self._subjects.items():
            before = sessions.clock()
            if count := sessions.revoke_all(user, reason=REASON, by=by):
                yield count, [user, *ended_since(before, subject, self.table, by)]

    def report(self, ended: int, asked: int) -> str:
        """Return what happened, when ``ended`` sessions of ``asked`` users ended."""
        if not ended:
            return gettext("No session was active any longer.")
        return ngettext("%d session was revoked.", "%d sessions were revoked.", ended) % ended

    @cached_property
    def _subjects(self) -> dict[str, Any]:
        return {subject_of(user).name: user for user in self.chosen}

    @property
    def _active(self) -> SessionQuerySet:
        return self.table.filter(subject__in=list(self._subjects)).active(self.now).order_by("-id")
