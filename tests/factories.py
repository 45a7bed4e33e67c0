"""Users and sessions, as rows."""

from datetime import timedelta

import factory
from django.contrib.auth import get_user_model
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from codlet_sessions.records import RevocationReason
from codlet_sessions.secrets import SessionSecret


class UserFactory(factory.django.DjangoModelFactory):
    """A user; ``staff=True`` may enter the admin, ``administrator=True`` may do anything there."""

    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    class Params:
        staff = factory.Trait(is_staff=True)
        administrator = factory.Trait(is_staff=True, is_superuser=True)

    username = factory.Sequence(lambda number: f"user-{number}")


class SessionFactory(factory.django.DjangoModelFactory):
    """
    A session of a device, active unless ``expired=True`` or ``revoked=True``; of a user with ``user=…``.

    Its secret is lost: a test that needs the cookie issues its session instead.
    """

    class Meta:
        model = Session

    class Params:
        now = factory.LazyFunction(timezone.now)
        expired = factory.Trait(
            created_at=factory.SelfAttribute("long_ago"), expires_at=factory.LazyAttribute(lambda it: it.now - _HOUR)
        )
        revoked = factory.Trait(
            revoked_at=factory.SelfAttribute("now"), revoked_reason=RevocationReason.REQUESTED.value
        )
        long_ago = factory.LazyAttribute(lambda it: it.now - timedelta(days=30))
        hashed = factory.LazyFunction(lambda: sessions.hasher.lookup_key(SessionSecret.generate()))

    user = None
    subject = factory.LazyAttributeSequence(lambda it, number: str(it.user.pk) if it.user else f"device:{number}")
    lookup_key = factory.LazyAttribute(lambda it: it.hashed[0])
    key_version = factory.LazyAttribute(lambda it: it.hashed[1])
    created_at = factory.SelfAttribute("now")
    authenticated_at = factory.SelfAttribute("created_at")
    expires_at = factory.LazyAttribute(lambda it: it.now + _HOUR)


_HOUR = timedelta(hours=1)
