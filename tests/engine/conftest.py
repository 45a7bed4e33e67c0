"""The tests' site on our engine, with both middleware."""

import pytest
from django.contrib.auth.models import User

from codlet_sessions.backends.db import SessionStore
from tests.browsers import BROWSERS

COOKIE = "sessionid"


@pytest.fixture(autouse=True)
def engine(settings, transactional_db):
    settings.SESSION_ENGINE = "codlet_sessions.backends.db"
    settings.MIDDLEWARE = [
        path.replace("django.contrib.auth.middleware", "codlet_sessions.middleware") for path in settings.MIDDLEWARE
    ]


@pytest.fixture(params=BROWSERS, ids=lambda make: make.__name__)
def browser(request):
    """A browser, in every pairing of server and view."""
    made = request.param()
    made.cookie_name = COOKIE
    return made


@pytest.fixture
def ada(engine):
    return User.objects.create_user("ada", password="a secret of hers")


@pytest.fixture
def grace(engine):
    return User.objects.create_user("grace", password="a secret of hers")


@pytest.fixture
def stored(engine):
    """A session that holds a value, and that nobody has signed in on."""
    store = SessionStore()
    store["value"] = "blue"
    store.save()
    return store


@pytest.fixture
def atomic_requests(settings):
    from django.db import connection

    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = connection.settings_dict["ATOMIC_REQUESTS"] = False
