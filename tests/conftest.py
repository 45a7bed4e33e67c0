"""What tests of several behaviours share."""

import gc

import pytest
from django.contrib.auth import apps as auth_apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes import apps as contenttypes_apps
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.models.signals import post_migrate
from django.dispatch import Signal
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from codlet_sessions import signals
from codlet_sessions.api import sessions
from codlet_sessions.testing import Face
from tests.browsers import BROWSERS

# No clock decides a run: hypothesis reads all of Unicode on a machine's first one, which takes longer than it allows.
hypothesis_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("untimed")


def pytest_collection_finish(session):
    """Leave what has been imported and collected out of every garbage collection that follows."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """
    The database, whose permissions are put back after each flush as they were, in two statements.

    Django works them out anew, model by model, which takes longer than most tests.
    """
    with django_db_blocker.unblock():
        kept = [(model, list(model.objects.order_by("pk"))) for model in (ContentType, Permission)]

    def put_back(sender, using, **kwargs):
        if sender.label == "auth":
            for model, rows in kept:
                model.objects.using(using).bulk_create(rows, ignore_conflicts=True)

    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
    # Also for tests that change INSTALLED_APPS, for which every app gets ready anew.
    auth_apps.create_permissions = contenttypes_apps.create_contenttypes = _leave_alone
    post_migrate.connect(put_back, weak=False)


def _leave_alone(**kwargs):
    pass


@pytest.fixture
def database_down():
    """Nobody answers where the database was. Needs ``django_db(transaction=True)``."""
    connection = connections["default"]
    reachable = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict["NAME"] = "/nowhere/at/all.sqlite3"
    if connection.vendor != "sqlite":
        connection.settings_dict.update(NAME="nowhere", HOST="127.0.0.1", PORT="1")
    yield
    connection.close()
    connection.settings_dict.update(reachable)


@pytest.fixture
def issued(db):
    """A session that was just issued to a device."""
    return sessions.issue("device:42")


@pytest.fixture(params=BROWSERS, ids=lambda make: make.__name__)
def browser(request):
    """A browser, in every pairing of server and view: the test runs once in each."""
    return request.param()


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def face(request):
    """The configured sessions through one of their faces: the test runs once through each."""
    return Face(sessions, is_async=request.param)


@pytest.fixture
def heard():
    """Every signal of ours that was sent during the test, as ``(name, payload)``."""
    payloads = []
    receivers = {name: _recorder(name, payloads) for name in SIGNALS}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver)
    yield payloads
    for name, receiver in receivers.items():
        getattr(signals, name).disconnect(receiver)


SIGNALS = [name for name, value in vars(signals).items() if isinstance(value, Signal)]


def _recorder(name, payloads):
    def receive(signal, sender, **payload):
        payloads.append((name, payload))

    return receive
