"""Rows for the tests."""

from datetime import timedelta

import factory
from django.contrib.auth.models import User
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from codlet_sessions.secrets import SessionSecret


class UserFactory(factory.django.DjangoModelFactory):
    """A person."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda number: f"person{number}")
    password = factory.django.Password("a password")


class SessionFactory(factory.django.DjangoModelFactory):
    """A session of a device; of a person with ``user=…``."""

    class Meta:
        model = Session

    class Params:
        secret = factory.LazyFunction(SessionSecret.generate)
        expired = factory.Trait(expires_at=factory.LazyFunction(lambda: timezone.now() - timedelta(hours=1)))
        revoked = factory.Trait(
            revoked_at=factory.LazyFunction(timezone.now), revoked_reason="administrator", revoked_by="somebody"
        )

    lookup_key = factory.LazyAttribute(lambda session: sessions.hasher.lookup_key(session.secret)[0])
    key_version = factory.LazyAttribute(lambda session: sessions.hasher.lookup_key(session.secret)[1])
    user = None
    subject = factory.LazyAttributeSequence(
        lambda session, number: str(session.user.pk) if session.user else f"device:{number}"
    )
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=14))
