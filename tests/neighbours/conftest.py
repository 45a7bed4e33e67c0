"""Our engine in the tests' own process, and the site with everybody in it on two servers."""

import pytest

from example_project.server import Server, free_port
from tests.neighbours.visits import signed_in
from tests.servers import PASSWORD, fresh_database, run_code, site_environment

PREPARE = f"""
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
User.objects.create_user("grace", password="{PASSWORD}")
"""


@pytest.fixture
def our_engine(settings, db):
    """``request.session`` is on our rows, and ``request.user`` is by our middleware."""
    settings.SESSION_ENGINE = "codlet_sessions.backends.db"
    settings.ROOT_URLCONF = "tests.neighbours.urls"
    settings.MIDDLEWARE = [
        path.replace("django.contrib.auth.middleware", "codlet_sessions.middleware") for path in settings.MIDDLEWARE
    ]


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    """The environment of the site, with a database that has grace in it."""
    with fresh_database(tmp_path_factory.mktemp("neighbours")) as database_url:
        environment = site_environment(database_url, DJANGO_SETTINGS_MODULE="tests.neighbours.settings")
        run_code(environment, PREPARE)
        yield environment


@pytest.fixture(scope="package")
def wsgi_server(site, tmp_path_factory):
    port = free_port()
    command = ["-m", "gunicorn", "example_project.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    options = ["--threads", "4", "--no-control-socket"]
    with Server([*command, *options], port, site, tmp_path_factory.mktemp("gunicorn") / "log") as server:
        yield server


@pytest.fixture(scope="package")
def asgi_server(site, tmp_path_factory):
    port = free_port()
    command = ["-m", "uvicorn", "tests.neighbours.asgi:application", "--port", str(port), "--lifespan", "off"]
    with Server(command, port, site, tmp_path_factory.mktemp("uvicorn") / "log") as server:
        yield server


@pytest.fixture
def grace(wsgi_server):
    return signed_in(wsgi_server)
