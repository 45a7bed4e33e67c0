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
    RevocationReason.CREDENTIALS_CHANGED: _("the password was changed"),
    RevocationReason.USER_DEACTIVATED: _("the user was deactivated"),
    RevocationReason.USER_DELETED: _("the user was deleted"),
    RevocationReason.LIMIT: _("too many sessions at once"),
    RevocationReason.KEY_LOST: _("its key was lost"),
}
"""What each reason means. A line here is all that a new reason asks for."""

RAN_OUT: Final = _("its time ran out")


def in_words(reason: str) -> str:
    """Return what ``reason`` means; a word of the site's own as it is."""
    return str(LABELS.get(reason, reason))
