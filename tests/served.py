"""
The example site, served: a plugin for the tests that visit it, named in their ``pytest_plugins``.

All of them share one fresh database: a SQLite file, or a database on the server that DATABASE_URL names.
"""

import pytest

from tests.servers import fresh_database, gunicorn, run_code, site_environment, uvicorn

PREPARE = """
from django.core.management import call_command
from example_project import people
call_command("migrate", verbosity=0)
people.make_people()
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The environment of a site with a database that has ada and grace in it."""
    with fresh_database(tmp_path_factory.mktemp("site")) as database_url:
        environment = site_environment(database_url)
        run_code(environment, PREPARE)
        yield environment


@pytest.fixture(scope="session")
def gunicorn_server(site, tmp_path_factory):
    with gunicorn(site, tmp_path_factory.mktemp("gunicorn") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def uvicorn_server(site, tmp_path_factory):
    with uvicorn(site, tmp_path_factory.mktemp("uvicorn") / "log") as server:
        yield server
