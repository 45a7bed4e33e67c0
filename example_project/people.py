"""Who uses the example site."""

from django.conf import settings
from django.contrib.auth.models import User

ADMINISTRATOR = "ada"
VISITOR = "grace"


def make_people() -> None:
    """Make ada, who may do everything, and grace, who may do nothing special, with the password from ``.env``."""
    _make(ADMINISTRATOR, is_staff=True, is_superuser=True)
    _make(VISITOR, is_staff=False, is_superuser=False)


def _make(name: str, **rights: bool) -> None:
    person, _is_new = User.objects.update_or_create(username=name, defaults=rights)
    if not person.check_password(settings.DEMO_PASSWORD):  # setting it again would sign everybody out
        person.set_password(settings.DEMO_PASSWORD)
        person.save()
