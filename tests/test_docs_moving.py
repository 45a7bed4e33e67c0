"""Whoever follows the page about moving has changed settings only, and signed nobody out: neither there nor back."""

import json

import pytest

from tests.documentation import PAGES
from tests.test_docs_install import Shop

MOVING = PAGES["moving"]
SIGN_IN = """
import django
django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
ada = get_user_model().objects.create_user("ada", is_staff=True, is_superuser=True)
client = Client(headers={"host": "localhost"})
client.force_login(ada)
print(client.cookies["sessionid"].value)
"""
LOOK = """
import json, sys
import django
django.setup()
from django.contrib.auth import SESSION_KEY
from django.test import Client
client = Client(headers={"host": "localhost"})
client.cookies["sessionid"] = sys.argv[1]
page = client.get("/admin/")
tables = {}
for label in ("sessions.Session", "codlet_sessions.Session"):
    from django.apps import apps
    try:
        tables[label] = apps.get_model(label).objects.count()
    except LookupError:
        pass
cookie = client.cookies["sessionid"].value
print(json.dumps({"status": page.status_code, "cookie": cookie, "rows": tables}))
"""

PUT_BACK = """
CODLET_SESSIONS.pop("ADOPT_FROM")
MIDDLEWARE[1] = "shop.leaving.LeavingMiddleware"
MIDDLEWARE[4] = "django.contrib.auth.middleware.AuthenticationMiddleware"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A site with an admin who has signed in by Django's own engine."""
    shop = Shop(tmp_path_factory.mktemp("moving"))
    shop.python("-m", "django", "startproject", "shop", ".", "--settings", "django.conf.global_settings")
    shop.python("manage.py", "migrate")
    shop.cookie = shop.python("-c", SIGN_IN).stdout.strip()
    return shop


def look(shop, cookie):
    return json.loads(shop.python("-c", LOOK, cookie).stdout)


@pytest.fixture(scope="module")
def moved(shop):
    """The site after the page's three lines, and the first visit of whoever was signed in."""
    before = look(shop, shop.cookie)
    shop.append("settings.py", MOVING.example("python", saying="# settings.py"))
    migrate, _check = MOVING.example("sh", saying="check --deploy").splitlines()
    shop.python(*migrate.split()[1:])
    return before, look(shop, shop.cookie)


def test_the_page_changes_four_lines_of_what_startproject_wrote(shop, moved):
    before, after = shop.lists("MIDDLEWARE")
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert [new for _old, new in changed] == [
        "codlet_sessions.middleware.SessionMiddleware",
        "codlet_sessions.middleware.AuthenticationMiddleware",
    ]
    before, after = shop.lists("INSTALLED_APPS")
    assert [app for app in after if app != "codlet_sessions"] == before


def test_the_moved_site_passes_our_checks(shop, moved):
    said = shop.python("manage.py", "check", "--deploy", "--tag", "security").stderr
    assert "security.W018" in said  # Django's own: the new site has DEBUG = True
    assert "codlet_sessions" not in said


def test_whoever_was_signed_in_still_is_and_the_old_table_holds_nothing(shop, moved):
    before, after = moved
    assert (before["status"], after["status"]) == (200, 200)
    assert after["rows"] == {"sessions.Session": 0, "codlet_sessions.Session": 1}
    assert (len(before["cookie"]), len(after["cookie"])) == (32, 64)
    assert look(shop, after["cookie"])["status"] == 200


def test_moving_out_by_the_pages_middleware_signs_nobody_out(shop, moved):
    _before, after = moved
    shop.append("leaving.py", MOVING.example("python", saying="# leaving.py"))
    shop.append("settings.py", MOVING.example("python", saying="# settings_before.py"))
    shop.append("settings.py", PUT_BACK)
    left = look(shop, after["cookie"])
    assert (left["status"], len(left["cookie"])) == (200, 32)
    assert left["rows"]["sessions.Session"] == 1
    assert look(shop, left["cookie"])["status"] == 200
    assert look(shop, after["cookie"])["status"] == 302  # the old cookie opens nothing: it was replaced


def test_once_everybody_has_left_the_tables_can_go(shop, moved):
    shop.python(*MOVING.example("sh", saying="codlet_sessions zero").split()[1:])
    assert not [name for name in shop.tables() if name.startswith("codlet_sessions")]
