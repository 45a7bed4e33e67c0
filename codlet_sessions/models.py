"""Our tables."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from codlet_sessions.fields import DigestField, ExactCharField, LookupKeyField
from codlet_sessions.hashing import MAX_VERSION_LENGTH
from codlet_sessions.ids import uuid7
from codlet_sessions.querysets import CensusQuerySet, RetiredKeyQuerySet, SessionQuerySet, State

MAX_SUBJECT_LENGTH = 255
MAX_USER_AGENT_LENGTH = 256
MAX_REASON_LENGTH = 32


class Session(models.Model):
    """
    One session. The row holds no secret: `lookup_key` cannot be turned back into the cookie that leads to it.

    `user` is a soft reference (no database constraint), there so that one JOIN brings session and user; a user's row
    can go without a lock on this table. The session of a deleted user still validates: revoke them before or after.
    """

    id = models.UUIDField(_("id"), primary_key=True, default=uuid7, editable=False)
    lookup_key = LookupKeyField(_("lookup key"), editable=False)
    key_version = ExactCharField(_("key version"), max_length=MAX_VERSION_LENGTH)
    subject = ExactCharField(_("subject"), max_length=MAX_SUBJECT_LENGTH, blank=True, default="")
    user: "models.ForeignKey[Any, Any]" = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    authenticated_at = models.DateTimeField(_("authenticated"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    # None of the next three may ever be in an index or an index condition: PostgreSQL could no longer update them
    # in place (HOT), and every touch and revocation would rewrite every index of the row.
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)
    idle_expires_at = models.DateTimeField(_("expires if not used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revoked_reason = models.CharField(_("reason"), max_length=MAX_REASON_LENGTH, blank=True, default="")
    revoked_by = ExactCharField(_("revoked by"), max_length=MAX_SUBJECT_LENGTH, blank=True, default="")
    user_agent = models.CharField(_("user agent"), max_length=MAX_USER_AGENT_LENGTH, blank=True, default="")
    ip_address = models.GenericIPAddressField(_("network address"), null=True, blank=True)
    data = models.TextField(_("data"), blank=True, default="", editable=False)
    data_version = models.PositiveIntegerField(_("data version"), default=0, editable=False)
    auth_hash = DigestField(_("digest of the user's credentials"), null=True, editable=False)
    device = DigestField(_("digest of the device"), null=True, editable=False)
    is_persistent = models.BooleanField(_("kept by the browser when it closes"), null=True, editable=False)

    objects: ClassVar[models.Manager["Session"]] = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        default_permissions = ("view",)
        permissions = [("revoke_session", _("Can revoke session"))]
        constraints = [
            # Not unique=True: that would add a second, useless pattern index on PostgreSQL.
            models.UniqueConstraint(fields=["lookup_key"], name="codlet_sessions_lookup_key"),
        ]
        indexes = [
            models.Index(fields=["subject"], name="codlet_sessions_subject"),
            models.Index(fields=["expires_at"], name="codlet_sessions_expires_at"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class RetiredKey(models.Model):
    """
    A lookup key that a session has just given up for a new one.

    It opens nothing. For a minute it tells a request that was sent under the old cookie from one with a dead cookie,
    so that the slow answer to it does not clear the new cookie. `codlet_sessions.purge` deletes the older ones.
    """

    lookup_key = LookupKeyField(_("lookup key"), primary_key=True, editable=False)
    retired_at = models.DateTimeField(_("retired"))

    objects: ClassVar[models.Manager["RetiredKey"]] = RetiredKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("retired key")
        verbose_name_plural = _("retired keys")
        default_permissions = ()

    def __str__(self) -> str:
        return self.retired_at.isoformat()


class Census(models.Model):
    """
    How many sessions there were on a day, of one state and key version: what `codlet_sessions.census` writes down.

    A few rows a day, so that a picture of a year reads a few thousand and never the table of sessions.
    """

    day = models.DateField(_("day"))
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    key_version = ExactCharField(_("key version"), max_length=MAX_VERSION_LENGTH)
    count = models.PositiveBigIntegerField(_("sessions"))

    objects: ClassVar[models.Manager["Census"]] = CensusQuerySet.as_manager()

    class Meta:
        verbose_name = _("census")
        verbose_name_plural = _("censuses")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["day", "state", "key_version"], name="codlet_sessions_census_row"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.count} {self.state} ({self.key_version})"
