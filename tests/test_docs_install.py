"""Whoever follows the installation page step by step has a site that signs people in, and can go back."""

import ast
import json
import os
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.documentation import PAGES, TOP

INSTALL = PAGES["install"]
URLS = """
from shop import views
urlpatterns += [path(f"{name}/", getattr(views, name)) for name in ("sign_in", "who", "sign_out")]
"""
VISIT = """
import json, sys
import django
django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
get_user_model().objects.create_user("ada", password="correct")
client = Client(headers={"host": "localhost"})
signed_in = client.post("/sign_in/", {"username": "ada", "password": "correct"})
cookie = signed_in.cookies["__Host-codlet_session"]
who, out, after = client.get("/who/"), client.post("/sign_out/"), client.get("/who/")
print(json.dumps({
    "secure": cookie["secure"],
    "names": [page.json()["name"] for page in (signed_in, who, out, after)],
}))
"""


class Shop:
    """A site that ``startproject`` made and the page changed."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "PYTHONPATH": os.pathsep.join([str(folder), str(TOP)]),
        }
        make_a_key = shlex.split(INSTALL.examples("sh", saying="token_hex")[0])[1:]
        self.environment["CODLET_SESSIONS_KEY"] = self.python(*make_a_key).stdout.strip()

    def python(self, *arguments):
        """Run Python in the site, and return what it said."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def append(self, name, text):
        """Write at the end of one of the site's files."""
        with (self.folder / "shop" / name).open("a") as file:
            file.write(f"\n{text}\n")

    def lists(self, name):
        """Return each list that the settings give this name, in their order."""
        body = ast.parse((self.folder / "shop" / "settings.py").read_text()).body
        named = [node.value for node in body if isinstance(node, ast.Assign) and node.targets[0].id == name]
        return list(map(ast.literal_eval, named))

    def tables(self):
        """Return the names of the tables of the site's database."""
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as database:
            return [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.python("-m", "django", "startproject", "shop", ".", "--settings", "django.conf.global_settings")
    shop.append("settings.py", INSTALL.example("python", saying="# settings.py"))
    shop.append("settings.py", PAGES["signals"].example("python", saying="LOGGING"))
    shop.append("views.py", INSTALL.example("python", saying="# views.py"))
    shop.append("urls.py", URLS)
    shop.python("manage.py", "migrate")
    return shop


def test_the_page_changes_two_lines_of_what_startproject_wrote(shop):
    before, after = shop.lists("MIDDLEWARE")
    assert [name.replace("django.contrib.sessions.", "codlet_sessions.") for name in before] == after
    before, after = shop.lists("INSTALLED_APPS")
    assert [*before, "codlet_sessions"] == after


def test_the_site_passes_our_checks(shop):
    said = shop.python("manage.py", "check", "--deploy", "--tag", "security").stderr
    assert "security.W018" in said  # Django's own: the new site has DEBUG = True
    assert "codlet_sessions" not in said


def test_the_site_signs_in_and_out_and_logs_it(shop):
    done = shop.python("-c", VISIT)
    assert json.loads(done.stdout) == {"secure": True, "names": ["ada", "ada", None, None]}
    assert " INFO codlet_sessions Session " in done.stderr
    assert " issued to subject '1'." in done.stderr
    assert " revoked (logout)." in done.stderr


def test_the_way_back_drops_our_tables(shop):
    tables = shop.tables()
    shop.python(*INSTALL.example("sh", saying="zero").split()[1:])
    ours = {f"codlet_sessions_{name}" for name in ("session", "retiredkey", "census")}
    assert set(tables) - set(shop.tables()) == ours
    shop.python(*INSTALL.examples("sh", saying="migrate")[0].splitlines()[0].split()[1:])
    assert sorted(shop.tables()) == sorted(tables)
