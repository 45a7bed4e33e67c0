"""Who uses the example site."""

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet

ADMINISTRATOR = "ada"
VISITOR = "grace"


def make_people() -> None:
    """Make ada, who may do everything, and grace, who may do nothing special, with the password from ``.env``."""
    _make(ADMINISTRATOR, is_staff=True, is_superuser=True)
    _make(VISITOR, is_staff=False, is_superuser=False)


def name_of(subject: str) -> str:
    """Return the user name of a session's subject, or the subject itself when it is no user."""
    return _users(subject).values_list("username", flat=True).first() or subject


async def aname_of(subject: str) -> str:
    """Name as `name_of` does, from async code."""
    return await _users(subject).values_list("username", flat=True).afirst() or subject


def _users(subject: str) -> QuerySet[User]:
    return User.objects.filter(pk=subject if subject.isdecimal() else None)


def _make(name: str, **rights: bool) -> None:
    person, _is_new = User.objects.update_or_create(username=name, defaults=rights)
    if not person.check_password(settings.DEMO_PASSWORD):  # setting it again would sign everybody out of the admin
        person.set_password(settings.DEMO_PASSWORD)
        person.save()
