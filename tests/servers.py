"""The example site on real servers and fresh databases, and what people do there."""

import os
import secrets
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

import environ

from example_project import dotenv
from example_project.people import ADMINISTRATOR
from example_project.server import TOP, Server, free_port
from example_project.visitor import Visitor

COOKIE = "sessionid"
PASSWORD = secrets.token_urlsafe(9)
SESSIONS = "/admin/codlet_sessions/session/"


def site_environment(database_url, **more):
    """The environment of a site with keys of its own and no ``.env``, that logs whatever it can."""
    inherited = {name: value for name, value in os.environ.items() if name not in dotenv.NAMES}
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "tests.example_settings",
        "ENV_FILE": "/nowhere/at/all/.env",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "CODLET_SESSIONS_KEYS": f"2026-11={secrets.token_hex(32)},2026-05={secrets.token_hex(32)}",
        "DEBUG": "on",
        "DEMO_PASSWORD": PASSWORD,
        "DJANGO_LOG_LEVEL": "DEBUG",
        "DATABASE_URL": database_url,
        **more,
    }


def manage(environment, *arguments):
    """Run ``manage.py`` in a process of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=TOP, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_code(environment, code):
    """Run a piece of Python in another process of the site, and return what it printed."""
    return manage(environment, "shell", "--no-imports", "-c", code)


@contextmanager
def fresh_database(directory):
    """Yield the URL of an empty database that goes afterwards."""
    server = os.environ.get("DATABASE_URL", "")
    if server.startswith(("postgres", "mysql")):
        name = f"codlet_site_{secrets.token_hex(6)}"
        _administer(server, f"CREATE DATABASE {name}")
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            _administer(server, f"DROP DATABASE {name}")
    else:
        with _kept_open(directory / "site.sqlite3"):
            yield f"sqlite:///{directory / 'site.sqlite3'}"


@contextmanager
def _kept_open(path):
    # While somebody has it open, SQLite leaves the write-ahead log as it is: what was just written stands only there.
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA user_version").fetchall()
    yield
    connection.close()


def _administer(server, statement):
    facts = environ.Env.db_url_config(server)
    if server.startswith("postgres"):
        import psycopg

        connection = psycopg.connect(urlsplit(server)._replace(path="/postgres").geturl(), autocommit=True)
    else:
        import MySQLdb

        connection = MySQLdb.connect(
            host=facts["HOST"], port=int(facts["PORT"] or 3306), user=facts["USER"], password=facts["PASSWORD"] or ""
        )
    connection.cursor().execute(statement)
    connection.close()


def gunicorn(environment, log):
    port = free_port()
    options = ["--threads", "4", "--log-level", "debug", "--access-logfile", "-", "--no-control-socket"]
    command = ["-m", "gunicorn", "example_project.wsgi:application", "--bind", f"127.0.0.1:{port}", *options]
    return Server(command, port, environment, log)


def uvicorn(environment, log):
    port = free_port()
    options = ["--lifespan", "off", "--log-level", "debug"]
    command = ["-m", "uvicorn", "example_project.asgi:application", "--port", str(port), *options]
    return Server(command, port, environment, log)


def sign_in(visitor, name, path="/"):
    """Sign in on the page, and return the page that comes of it."""
    return visitor.submit(visitor.get("/sign-in/"), "username", username=name, password=PASSWORD, next=path)


def enter_admin(home):
    """Return a visitor who is in the admin, as ada."""
    ada = Visitor(home)
    ada.submit(ada.get(SESSIONS), "username", username=ADMINISTRATOR, password=PASSWORD)
    return ada


def session_id_on(page):
    """Return the session id that a page shows."""
    return page.text.partition('id="session-id">')[2].partition("<")[0]


def visits_on(page):
    """Return the number of visits that a page shows."""
    return int(page.text.partition("Visits in this session: ")[2].partition("<")[0])
