"""What every race needs: the site, the engine, both worlds, and a session that many know the cookie of."""

import pytest
from django.contrib.auth.models import User
from django.db import connections

from codlet_sessions.backends.db import SessionStore
from tests.races.worlds import Asgi, Wsgi

OURS = "codlet_sessions.backends.db"
DJANGOS = "django.contrib.sessions.backends.db"
STOCK = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


@pytest.fixture(autouse=True)
def race_site(settings, transactional_db):
    settings.ROOT_URLCONF = "tests.races.site"
    settings.SESSION_ENGINE = OURS
    settings.MIDDLEWARE = [
        "codlet_sessions.middleware.SessionMiddleware",
        "codlet_sessions.middleware.AuthenticationMiddleware",
    ]
    for name in ("ada", "grace"):
        User.objects.create_user(name)
    yield
    connections.close_all()


@pytest.fixture
def on_djangos_engine(settings):
    settings.SESSION_ENGINE = DJANGOS
    settings.MIDDLEWARE = STOCK


@pytest.fixture(params=[Wsgi, Asgi], ids=["wsgi", "asgi"])
def world(request):
    return request.param()


@pytest.fixture
def cookie(world):
    """The cookie of a session that holds something, and that nobody has signed in on."""
    return world.one("set:cart").secret


def keys_of(cookie):
    return set(SessionStore(cookie).keys())
