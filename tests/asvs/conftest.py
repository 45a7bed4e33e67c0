"""The tests' site on our engine, and time that passes when a test says so."""

from datetime import timedelta

import pytest
from django.db.models import F

from codlet_sessions.models import Session
from tests.engine.conftest import COOKIE, ada, atomic_requests, browser, engine, grace  # noqa: F401

MOMENTS = ("created_at", "authenticated_at", "expires_at", "last_seen_at", "idle_expires_at")


@pytest.fixture
def pass_time(engine):  # noqa: F811
    """Let time pass for every session in the table, so many seconds."""

    def move(**by):
        past = timedelta(**by)
        Session.objects.update(**{name: F(name) - past for name in MOMENTS})

    return move
