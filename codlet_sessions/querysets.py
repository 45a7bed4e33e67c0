"""Every predicate over our tables: the one place that says in SQL what "active", "expired" and "revoked" mean."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections, models, transaction
from django.utils.translation import gettext_lazy as _

from codlet_sessions import changes
from codlet_sessions.records import SUPERSEDED_FOR, Candidates, Cause, LookupKey

if TYPE_CHECKING:
    _QuerySet = models.QuerySet[Any]
else:
    _QuerySet = models.QuerySet

NOTHING_KNOWN = {"user_agent": "", "ip_address": None}
_MOST_IDS = 500  # in one statement; a database may take no more than 999 parameters
_MOST_TOLD = 100  # rows of one statement that are named to whoever keeps copies; of more, all copies are forgotten

Outcome = TypeVar("Outcome")


class RowDeletion:
    """Deletion that reads nothing, for querysets of tables that nothing points to."""

    def delete_rows(self) -> int:
        """
        Delete these rows in one statement; return how many they were.

        ``QuerySet.delete()`` would load every row first as soon as any app listens to ``post_delete`` of any model.
        Nobody is told: it is for rows that opened nothing any longer.
        """
        queryset = cast(Any, self)
        return int(queryset._raw_delete(queryset.db))


class RetiredKeyQuerySet(RowDeletion, _QuerySet):
    """The one place that says in SQL which replaced lookup keys still mean something."""

    def superseded(self, candidates: Candidates, now: datetime) -> Self:
        """Return those of ``candidates`` that were replaced so shortly before ``now`` that requests may still come."""
        lookup_keys = [lookup_key for lookup_key, _version in candidates]
        return self.filter(lookup_key__in=lookup_keys, retired_at__gt=now - SUPERSEDED_FOR)

    def over(self, now: datetime) -> Self:
        """Return the keys that nobody asks about any longer."""
        return self.filter(retired_at__lte=now - SUPERSEDED_FOR)


class CensusQuerySet(RowDeletion, _QuerySet):
    """The counts of some days."""

    def since(self, day: date) -> Self:
        """Return the counts of ``day`` and later ones."""
        return self.filter(day__gte=day)

    def before(self, day: date) -> Self:
        """Return the counts from before ``day``."""
        return self.filter(day__lt=day)


class SessionQuerySet(RowDeletion, _QuerySet):
    """
    The one place that says in SQL what "active", "expired" and "revoked" mean.

    All moments are aware datetimes. ``now`` is an argument throughout, so that one decision looks at one clock once.

    Whoever keeps copies of rows is told of each `update` and `delete` (see `codlet_sessions.changes`), for which the
    rows are then locked and read first. What goes past querysets, an object's ``save()`` or SQL by hand, tells nobody.
    """

    def update(self, **values: Any) -> int:
        """Write ``values`` into these rows, in one statement; return how many they were."""
        if values.keys() <= NOTHING_KNOWN.keys():  # which nobody keeps copies of
            return super().update(**values)
        return self._telling(super().update, values, lambda count: count)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete these rows, as Django's ``QuerySet.delete()`` does."""
        return self._telling(super().delete, {}, lambda outcome: outcome[0])

    update.alters_data = delete.alters_data = delete.queryset_only = True  # type: ignore[attr-defined]

    def update_under(self, lookup_key: LookupKey, /, **values: Any) -> int:
        """Update as `update` does, but at most the row that was last seen under ``lookup_key``: no query more."""
        self._for_write = True
        count = super().update(**values)
        if count:
            changes.announce([lookup_key], self.db)
        return count

    async def aupdate_under(self, lookup_key: LookupKey, /, **values: Any) -> int:
        """Update as `update_under` does, from async code."""
        return await sync_to_async(self.update_under)(lookup_key, **values)

    def keyed(self, candidates: Candidates) -> Self:
        """Return the sessions stored under any of ``candidates``, whatever their state, for one query with ``IN``."""
        return self.filter(lookup_key__in=[lookup_key for lookup_key, _version in candidates])

    def of_subject(self, subject: str) -> Self:
        """Return the sessions that speak for ``subject``."""
        return self.filter(subject=subject)

    def active(self, now: datetime) -> Self:
        """Return the sessions that a cookie can still use at ``now``."""
        is_in_use = models.Q(idle_expires_at=None) | models.Q(idle_expires_at__gt=now)
        return self.unrevoked().filter(is_in_use, expires_at__gt=now)

    def expired(self, now: datetime) -> Self:
        """Return the sessions that ended by themselves at or before ``now``: by age, or because nobody used them."""
        return self.unrevoked().filter(_is_past(now))

    def past_their_end(self, now: datetime) -> Self:
        """Return the sessions that expired by age at or before ``now``. By an index."""
        return self.unrevoked().filter(expires_at__lte=now)

    def left_idle(self, now: datetime) -> Self:
        """Return those that ended by ``now`` because nobody used them, and not by age. Reads the whole table."""
        return self.unrevoked().filter(idle_expires_at__lte=now, expires_at__gt=now)

    def remembering_clients(self, moment: datetime) -> Self:
        """Return the sessions over at ``moment`` that still tell of their clients. Reads the whole table."""
        is_over = (
            models.Q(revoked_at__lte=moment) | models.Q(expires_at__lte=moment) | models.Q(idle_expires_at__lte=moment)
        )
        return self.filter(is_over).exclude(**NOTHING_KNOWN)

    def vouched_by(self, auth_hashes: Collection[str]) -> Self:
        """Return the sessions that began under credentials that come to one of ``auth_hashes``, or are unknown."""
        return self.filter(models.Q(auth_hash__in=auth_hashes) | models.Q(auth_hash=None))

    def not_vouched_by(self, auth_hashes: Collection[str]) -> Self:
        """Return the sessions that began under credentials that are known, and come to none of ``auth_hashes``."""
        return self.filter(auth_hash__isnull=False).exclude(auth_hash__in=auth_hashes)

    def unrevoked(self) -> Self:
        """Return the sessions nobody has ended. They may have expired."""
        return self.filter(revoked_at=None)

    def revoked(self) -> Self:
        """Return the sessions somebody has ended. They may have expired since."""
        return self.filter(revoked_at__isnull=False)

    def revoked_before(self, moment: datetime) -> Self:
        """Return the sessions revoked before ``moment``. Reads the whole table: nothing indexes ``revoked_at``."""
        return self.filter(revoked_at__lt=moment)

    def at_version(self, data_version: int, now: datetime) -> Self:
        """Return the sessions active at ``now`` whose data and secret are still those of ``data_version``."""
        return self.active(now).filter(data_version=data_version)

    def revoke(self, now: datetime, cause: Cause) -> int:
        """
        End those of these sessions that nobody has ended yet, in one conditional UPDATE; return how many those were.

        Their data is emptied, and what is known of the client forgotten, if ``cause`` says so. A session that was
        revoked before keeps its first ``revoked_at``, reason and actor.
        """
        return self.unrevoked().update(**ended(now, cause))

    async def arevoke(self, now: datetime, cause: Cause) -> int:
        """End sessions as `revoke` does, from async code."""
        return await self.unrevoked().aupdate(**ended(now, cause))

    def counted(self, now: datetime) -> Iterable[dict[str, Any]]:
        """
        Return ``{"key_version": …, "state": …, "count": …}`` for each key version and `State` that there is at ``now``.

        One pass over all of these sessions, whole rows of the table: seconds for millions.
        """
        state = models.Case(
            models.When(revoked_at__isnull=False, then=models.Value(State.REVOKED.value)),
            models.When(_is_past(now), then=models.Value(State.EXPIRED.value)),
            default=models.Value(State.ACTIVE.value),
        )
        counted = self.order_by().values("key_version", state=state).annotate(count=models.Count("*"))
        return cast("Iterable[dict[str, Any]]", counted)

    def chunks(self, size: int) -> Iterator[Self]:
        """
        Split these sessions into groups of at most ``size`` ids each, read as it goes along.

        For a condition that no index knows: deleting a range of ids would scan, and on MariaDB lock, the rows between
        those that match.
        """
        last: UUID | None = None
        while True:
            ahead = self if last is None else self.filter(id__gt=last)
            ids = list(ahead.order_by("id").values_list("id", flat=True)[: min(size, _MOST_IDS)])
            if not ids:
                return
            yield self.filter(id__in=ids)
            last = ids[-1]

    def windows(self, field: str, size: int) -> Iterator[Self]:
        """
        Split these sessions into ranges of ``field``, which must be indexed, of at most ``size`` rows each.

        Each range is a plain condition on the field, so that deleting it scans nothing twice and ships no ids.
        Rows that share one value are split by `chunks`. Rows that appear in a range already passed are left for next
        time.
        """
        ordered = self.order_by(field)
        low = ordered.values_list(field, flat=True).first()
        while low is not None:
            ahead = ordered.filter(**{f"{field}__gte": low})
            high = ahead.values_list(field, flat=True)[size : size + 1].first()
            if high is None:
                yield self.filter(**{f"{field}__gte": low})
            elif high == low:
                yield from self.filter(**{field: low}).chunks(size)
                high = ordered.filter(**{f"{field}__gt": low}).values_list(field, flat=True).first()
            else:
                yield self.filter(**{f"{field}__gte": low, f"{field}__lt": high})
            low = high

    def _telling(
        self, write: Callable[..., Outcome], values: dict[str, Any], count_of: Callable[[Outcome], int]
    ) -> Outcome:
        if not changes.are_watched():
            return write(**values)
        self._for_write = True
        with transaction.atomic(using=self.db, savepoint=False):
            lookup_keys = self._locked_keys()
            outcome = write(**values)
            count = count_of(outcome)
            if count:
                # More than were locked: a row has come meanwhile that nobody knows the key of.
                is_told = count <= len(lookup_keys) <= _MOST_TOLD
                changes.announce(lookup_keys if is_told else None, self.db)
        return outcome

    def _locked_keys(self) -> list[LookupKey]:
        """Return the lookup keys of these rows, which nobody else can change from now on; of many, not all."""
        features = connections[self.db].features
        if not features.has_select_for_update:
            # Any write locks the whole file, this one of nothing, too. Locked after the read, it might be too late.
            every: models.QuerySet[Any] = models.QuerySet(self.model, using=self.db)
            every.filter(pk=UUID(int=0)).update(key_version=models.F("key_version"))
        of = ("self",) if features.has_select_for_update_of else ()
        rows = self.select_related(None).order_by().only("lookup_key").select_for_update(of=of)
        return [row.lookup_key for row in rows[: _MOST_TOLD + 1]]


class State(models.TextChoices):
    """What can be said of a session at a moment. Exactly one of these is true."""

    ACTIVE = "active", _("active")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")

    @classmethod
    def of(cls, session: Any, now: datetime) -> "State":
        """Return the state of ``session``, as `among` would have found it."""
        if session.revoked_at is not None:
            return cls.REVOKED
        ends = [end for end in (session.expires_at, session.idle_expires_at) if end is not None]
        return cls.ACTIVE if now < min(ends) else cls.EXPIRED

    def among(self, rows: SessionQuerySet, now: datetime) -> SessionQuerySet:
        """Return those of ``rows`` that are in this state."""
        if self is State.REVOKED:
            return rows.revoked()
        return rows.active(now) if self is State.ACTIVE else rows.expired(now)


def _is_past(now: datetime) -> models.Q:
    return models.Q(expires_at__lte=now) | models.Q(idle_expires_at__lte=now)


def ended(now: datetime, cause: Cause) -> dict[str, Any]:
    """Return what to write into a row that `SessionQuerySet.revoke` ends at ``now``."""
    ended = {"revoked_at": now, "revoked_reason": cause.reason, "revoked_by": cause.revoked_by, "data": ""}
    return {**ended, **NOTHING_KNOWN} if cause.forgets_client else ended
