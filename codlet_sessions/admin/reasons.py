"""Why sessions ended, in words."""

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from codlet_sessions.records import RevocationReason

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LABELS: Final[dict[str, "StrOrPromise"]] = {
    RevocationReason.REQUESTED: _("ended on request"),
    RevocationReason.LOGOUT: _("signed out"),
    RevocationReason.ROTATED: _("replaced by a new session"),
    RevocationReason.ADMINISTRATOR: _("ended by an administrator"),
    "credentials_changed": _("the password was changed"),
    "user_deactivated": _("the user was deactivated"),
    "user_deleted": _("the user was deleted"),
    "limit": _("too many sessions at once"),
    "key_lost": _("its key was lost"),
}
"""What each reason means. A line here is all that a new reason asks for."""

RAN_OUT: Final = _("its time ran out")


def in_words(reason: str) -> str:
    """Return what ``reason`` means; a word of the site's own as it is."""
    return str(LABELS.get(reason, reason))
