"""Users and their sessions, in a real browser: by mouse and by key, without scripts, on a phone, in Arabic."""

import secrets
from contextlib import ExitStack

import pytest

from example_project.server import Server, free_port
from tests.servers import run_code, site_environment
from tests.test_browser import chromium, heading, person, pictures, sign_in  # noqa: F401

pytestmark = pytest.mark.browser

LIST, CONFIRM, PASSWORDS = "/account/sessions/", "/account/sessions/confirm/", "/account/password/"
NARROW = {"width": 360, "height": 740}
ANOTHER = "an entirely other secret"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pages")
    return site_environment(
        f"sqlite:///{directory / 'demo.sqlite3'}",
        ENV_FILE=str(directory / ".env"),
        DJANGO_SETTINGS_MODULE="tests.browser_settings",
    )


@pytest.fixture(scope="module")
def home(site, tmp_path_factory):
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    with Server(["manage.py", "demo", "--port", str(port)], port, site, log) as server:
        yield server.address, site["DEMO_PASSWORD"]


@pytest.fixture
def mary(site):
    """Somebody whom no other test knows."""
    name = f"mary-{secrets.token_hex(4)}"
    run_code(site, MAKE.format(name, site["DEMO_PASSWORD"]))
    return name


MAKE = """
from django.contrib.auth.models import User
User.objects.create_user({!r}, password={!r})
"""


def let_time_pass(site, name):
    """Have every sign-in of that user be three hours ago."""
    run_code(site, AGE.format(name))


AGE = """
from datetime import timedelta
from django.utils import timezone
from codlet_sessions.models import Session
moment = timezone.now() - timedelta(hours=3)
assert Session.objects.filter(user__username={!r}).update(created_at=moment, authenticated_at=moment)
"""


def confirm(page, password):
    page.locator("#codlet-password").fill(password)
    page.locator("main button").click()


def names(page):
    return page.locator(".codlet-session h3").all_inner_texts()


def change_password(page, old):
    page.locator("#id_old_password").fill(old)
    page.locator("#id_new_password1").fill(ANOTHER)
    page.locator("#id_new_password2").fill(ANOTHER)
    page.get_by_role("button", name="Change it").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_who_is_signed_in_in_two_browsers_sees_both_and_ends_the_other(chromium, home, mary, pictures, scripts):  # noqa: F811
    with (
        person(chromium, home, java_script_enabled=scripts) as here,
        person(chromium, home, user_agent="Mozilla/5.0 (Android 15; Mobile; rv:146.0) Firefox/146.0") as phone,
    ):
        sign_in(here, home, mary)
        sign_in(phone, home, mary)
        here.get_by_role("link", name="Your sessions").click()
        assert heading(here) == "Your sessions"
        assert here.locator(".codlet-session[aria-current] h3").inner_text() == "HeadlessChrome on Linux"
        assert names(here)[1:] == ["Firefox on Android"]
        pictures(here, "two-sessions")
        here.get_by_role("button", name="End session Firefox on Android").click()
        assert here.get_by_role("status").inner_text() == "The session was ended. That device is signed out."
        assert names(here) == ["HeadlessChrome on Linux"]
        phone.goto(LIST)
        assert heading(phone) == "Sign in"
        here.get_by_role("button", name="Sign out HeadlessChrome on Linux").click()
        assert heading(here) == "Sign in"


def test_a_changed_password_asks_for_the_old_one_first_and_signs_out_the_other_browser(
    chromium,  # noqa: F811
    home,
    site,
    mary,
):
    with person(chromium, home, java_script_enabled=False) as here, person(chromium, home) as elsewhere:
        sign_in(here, home, mary)
        sign_in(elsewhere, home, mary)
        let_time_pass(site, mary)
        here.goto("/")
        here.get_by_role("link", name="Change your password").click()
        assert heading(here) == "Confirm your password"
        confirm(here, "wrong")
        assert here.get_by_role("alert").inner_text() == "That is not your password. Please try again."
        confirm(here, home[1])
        assert heading(here) == "Change your password"
        change_password(here, home[1])
        assert names(here) == ["HeadlessChrome on Linux"]
        elsewhere.goto(LIST)
        assert heading(elsewhere) == "Sign in"


def test_a_form_that_was_open_for_too_long_is_not_lost(chromium, home, site, mary, pictures):  # noqa: F811
    with person(chromium, home, refused=1, java_script_enabled=False) as here:
        sign_in(here, home, mary, f"/sign-in/?next={PASSWORDS}")
        let_time_pass(site, mary)
        change_password(here, home[1])
        assert heading(here) == "Confirm your password"
        assert "What you have filled in is kept" in here.locator("main").inner_text()
        pictures(here, "confirm")
        confirm(here, home[1])
        assert heading(here) == "Your sessions"
        here.get_by_role("button", name="Sign out").click()
        here.get_by_label("Username").fill(mary)
        here.get_by_label("Password").fill(ANOTHER)
        here.locator("main button").click()
        assert "Nobody" not in heading(here)


def test_everything_can_be_done_with_the_keyboard_alone(chromium, home, site, mary, pictures):  # noqa: F811
    with person(chromium, home, refused=1) as here, person(chromium, home) as elsewhere:
        sign_in(here, home, mary)
        sign_in(elsewhere, home, mary)
        here.goto(LIST)
        let_time_pass(site, mary)
        for _ in range(4):  # the site's name, sign out, end session, end all others
            here.keyboard.press("Tab")
        focused = here.locator(":focus")
        assert focused.inner_text() == "End all other sessions"
        assert focused.evaluate("it => getComputedStyle(it).outlineStyle") == "solid"
        pictures(here, "focus-on-a-button")
        here.keyboard.press("Enter")
        here.locator("#codlet-password:focus").wait_for()
        here.keyboard.type(home[1])
        here.keyboard.press("Enter")
        here.get_by_role("status").wait_for()
        assert "1 other session was ended." in here.get_by_role("status").inner_text()


STATES = {
    "sessions": LIST,
    "confirm": f"{CONFIRM}?next={LIST}",
    "sign-in": "/our-sign-in/",
    "unavailable": "/look/unavailable/",
    "limit-reached": "/look/limit_reached/",
    "files": "/asked/files/",
    "without-password": "/asked/without_password/",
}


@pytest.fixture(scope="module")
def reader(chromium, home):  # noqa: F811
    """Grace's browser, in a language and a colour scheme; one for all tests that only look."""
    with ExitStack() as stack:
        open_already = {}

        def read(**habits):
            key = str(sorted(habits.items()))
            if key not in open_already:
                page = stack.enter_context(person(chromium, home, **habits))
                sign_in_in_any_language(page, home)
                open_already[key] = page
            return open_already[key]

        yield read


def sign_in_in_any_language(page, home):
    page.goto("/our-sign-in/")
    page.locator("#id_username").fill("grace")
    page.locator("#id_password").fill(home[1])
    page.locator("main button").click()


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("locale", ["en", "ar"])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_of(reader, pictures, name, locale, color_scheme):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = reader(locale=locale, color_scheme=color_scheme)
    page.goto(STATES[name])
    pictures(page, f"{name}-{locale}-{color_scheme}")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.locator("html").get_attribute("dir") == ("rtl" if locale == "ar" else "ltr")


@pytest.mark.parametrize("locale", ["en", "ar"])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_axe_finds_nothing_on_what_goes_wrong_either(reader, pictures, site, locale, color_scheme):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = reader(locale=locale, color_scheme=color_scheme)
    page.goto(CONFIRM)
    confirm(page, "wrong")
    pictures(page, f"wrong-{locale}-{color_scheme}")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("locale", ["en", "de", "fr", "es", "pt-BR", "ja", "ar"])
def test_no_page_is_wider_than_a_narrow_screen_and_everything_to_press_is_large_enough(reader, pictures, name, locale):  # noqa: F811
    page = reader(locale=locale, viewport=NARROW)
    page.goto(STATES[name])
    pictures(page, f"narrow-{name}-{locale}")
    assert page.locator("html").evaluate("page => page.scrollWidth") <= NARROW["width"]
    pressed = page.locator("main button, main a, main input:not([type=hidden], [type=checkbox], [hidden])")
    assert all(box["height"] >= 44 for box in (it.bounding_box() for it in pressed.all()))


def test_the_policy_is_as_strict_as_it_says(reader):
    page = reader(locale="en")
    policy = page.goto(LIST).headers["content-security-policy"]
    assert "script-src 'none'; style-src 'self'" in policy
    assert page.locator(".codlet-session").first.evaluate("it => getComputedStyle(it).display") == "grid"
    assert page.locator("script, style, [style], [onclick]").count() == 0
