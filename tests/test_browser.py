"""Two people and an administrator, each in a real browser of their own."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from example_project.server import Server, free_port
from tests.servers import SESSIONS, site_environment

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium():
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "There is no Chromium. Install it as 'chromium', or set CHROMIUM to its path."
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The demo, with two keys: the sessions of the older one are there, too."""
    directory = tmp_path_factory.mktemp("browser")
    environment = site_environment(f"sqlite:///{directory / 'demo.sqlite3'}", ENV_FILE=str(directory / ".env"))
    port = free_port()
    with Server(["manage.py", "demo", "--port", str(port)], port, environment, directory / "log") as server:
        yield server.address, environment["DEMO_PASSWORD"]


@pytest.fixture
def pictures(tmp_path):
    directory = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    directory.mkdir(parents=True, exist_ok=True)

    def take(page, name):
        page.screenshot(path=directory / f"{name}.png", full_page=True)

    return take


@contextmanager
def person(chromium, home, *, refused=0, **habits):
    """A browser context of somebody's own. Whatever its console complains about fails the test, but some refusals."""
    address, _password = home
    context = chromium.new_context(base_url=address, **{"viewport": DESKTOP, **habits})
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert [complaint for complaint in complaints if "status of 403" not in complaint] == []
    assert len(complaints) == refused


def sign_in(page, home, name, path="/sign-in/"):
    page.goto(path)
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(home[1])
    page.locator("main, #login-form").locator("button, input[type=submit]").last.click()


def heading(page):
    return page.get_by_role("heading", level=1).inner_text()


def test_of_two_people_signed_in_the_one_the_administrator_revokes_is_out(chromium, home, pictures):
    with (
        person(chromium, home, java_script_enabled=False) as grace,
        person(chromium, home, color_scheme="dark") as ada,
        person(chromium, home) as administrator,
    ):
        grace.goto("/")
        pictures(grace, "nobody")
        grace.get_by_role("link", name="Sign in").click()
        pictures(grace, "sign-in")
        sign_in(grace, home, "grace")
        sign_in(ada, home, "ada")
        assert (heading(grace), heading(ada)) == ("Hello, grace.", "Hello, ada.")
        pictures(grace, "grace")
        pictures(ada, "ada-dark")
        grace.get_by_role("link", name="Async view").click()
        assert (heading(grace), visits(grace)) == ("Hello, grace.", "Visits in this session: 2")
        pictures(grace, "grace-async")

        revoke_in_admin(administrator, home, grace.locator("#session-id").inner_text(), pictures)

        grace.reload()
        ada.reload()
        administrator.goto("/")
        assert heading(grace) == "Nobody is signed in here."
        assert (heading(ada), visits(ada)) == ("Hello, ada.", "Visits in this session: 2")
        assert (heading(administrator), visits(administrator)) == ("Hello, ada.", "Visits in this session: 1")
        assert [cookie["name"] for cookie in grace.context.cookies()] == ["csrftoken"]


def visits(page):
    return page.locator("#visits").inner_text()


def revoke_in_admin(page, home, session_id, pictures):
    sign_in(page, home, "ada", SESSIONS)
    page.locator("#toggle-nav-sidebar").click()
    page.locator("#toggle-nav-sidebar").blur()
    pictures(page, "admin")
    page.locator(f'input[name="_selected_action"][value="{session_id}"]').check()
    page.locator('select[name="action"]').select_option("revoke_selected")
    page.locator('button[name="index"], #changelist-form button[type="submit"]').first.click()
    pictures(page, "confirmation")
    assert session_id in page.locator("#content").inner_text()
    page.get_by_role("button", name="Revoke 1 active session").click()
    pictures(page, "admin-afterwards")
    assert "1 session" in page.locator(".messagelist").inner_text()
    page.goto(f"{SESSIONS}{session_id}/change/")
    pictures(page, "revoked-session")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_pages_fit_a_phone(chromium, home, pictures, color_scheme):
    with person(chromium, home, viewport=PHONE, color_scheme=color_scheme, java_script_enabled=False) as grace:
        for path in ("/sign-in/", "/", "/async/"):
            sign_in(grace, home, "grace", f"/sign-in/?next={path}") if path != "/sign-in/" else grace.goto(path)
            pictures(grace, f"phone-{color_scheme}{path.replace('/', '-').rstrip('-')}")
            assert grace.locator("html").evaluate("page => page.scrollWidth") <= PHONE["width"]


def test_signing_in_and_out_works_with_the_keyboard_alone(chromium, home, pictures):
    with person(chromium, home) as grace:
        grace.goto("/sign-in/")
        grace.locator("#id_username:focus").wait_for()
        grace.keyboard.type("grace")
        grace.keyboard.press("Tab")
        grace.keyboard.type(home[1])
        grace.keyboard.press("Enter")
        grace.wait_for_url("/")
        grace.get_by_role("button", name="Sign out").focus()
        pictures(grace, "focus")
        grace.keyboard.press("Enter")
        grace.get_by_role("heading", name="Nobody is signed in here.").wait_for()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_an_administrator_ends_all_sessions_of_a_user_and_sees_how_many_there_are(
    chromium, home, pictures, color_scheme
):
    with (
        person(chromium, home, java_script_enabled=False) as grace,
        person(chromium, home, viewport=PHONE, color_scheme=color_scheme) as administrator,
    ):
        sign_in(grace, home, "grace")
        sign_in(administrator, home, "ada", "/admin/login/?next=/admin/auth/user/")
        administrator.get_by_role("link", name="grace", exact=True).click()
        administrator.get_by_role("link", name="Sessions", exact=True).last.click()
        administrator.get_by_role("region", name="Sessions").scroll_into_view_if_needed()
        pictures(administrator, f"user-{color_scheme}")
        administrator.get_by_role("button", name="End all sessions").click()
        pictures(administrator, f"end-all-{color_scheme}")
        administrator.get_by_role("button", name="Revoke").click()
        assert "No session of this user is active." in administrator.locator("#codlet-sessions").inner_text()
        grace.reload()
        assert heading(grace) == "Nobody is signed in here."

        administrator.goto(f"{SESSIONS}over-time/")
        assert administrator.locator("html").evaluate("page => page.scrollWidth") <= PHONE["width"]
        assert administrator.get_by_role("img", name="By state").is_visible()
        administrator.get_by_text("The same in figures").first.click()
        assert administrator.get_by_role("columnheader", name="revoked").is_visible()
        pictures(administrator, f"over-time-{color_scheme}")
