"""The story that the example site is there to tell, walked over real HTTP."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping

from example_project.people import ADMINISTRATOR, VISITOR
from example_project.server import TOP
from example_project.visitor import Page, Visitor

COOKIE = "sessionid"
SESSIONS = "/admin/codlet_sessions/session/"
MINE = "/account/sessions/"


class Unexpected(Exception):
    """Something else came than what was expected."""


class Story:
    """Grace visits, ada revokes, grace is out."""

    def __init__(self, home: str, password: str, environment: Mapping[str, str]) -> None:
        self.password, self.environment = password, environment
        self.grace, self.ada, self.stranger, self.elsewhere = (Visitor(home) for _ in range(4))

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """Return the steps, each with the sentence that tells it."""
        return [
            ("who has not signed in is nobody, and gets no cookie", self._look_anonymously),
            ("grace signs in on the page", self._sign_in),
            ("she sees her name, since when and how often, in the sync and the async view", self._look),
            ("she finds her other browser in the list of her sessions, and signs it out from here", self._tidy),
            ("a tampered and a malformed cookie are nobody", self._forge),
            ("ada signs in to the admin, and the page knows her, too", self._enter_admin),
            ("she finds grace's session in the list", self._find),
            ("she revokes it, by the action and its confirmation page", self._revoke),
            ("grace's secret stood on no page of the admin", self._search_admin_pages),
            ("grace is out on her next request, and her cookie is cleared", self._be_out),
            ("purge_sessions deletes the row", self._purge),
            ("the session is gone from the admin", self._look_for_the_row),
        ]

    def _look_anonymously(self) -> None:
        for path in ("/", "/async/"):
            page = self.stranger.get(path)
            _expect(page, "Nobody is signed in here")
            _expect_that(not page.cookies_set, "no cookie", [cookie.key for cookie in page.cookies_set])

    def _sign_in(self) -> None:
        page = self.grace.submit(
            self.grace.get("/sign-in/"), "username", username=VISITOR, password=self.password, next="/"
        )
        _expect(page, f"Hello, {VISITOR}.")
        given = page.cookie_set(COOKIE)
        _expect_that(
            given is not None and bool(given["httponly"]),
            f"an HttpOnly cookie {COOKIE}",
            "none, or one that scripts can read",
        )
        self.secret = self.grace.cookies[COOKIE]
        self.session_id = page.text.partition('id="session-id">')[2].partition("<")[0]

    def _look(self) -> None:
        for visits, path in ((2, "/"), (3, "/async/")):  # signing in led to the first
            page = self.grace.get(path)
            for words in (f"Hello, {VISITOR}.", "Signed in", "Expires", self.session_id, f"in this session: {visits}"):
                _expect(page, words)

    def _tidy(self) -> None:
        self.elsewhere.submit(
            self.elsewhere.get("/sign-in/"), "username", username=VISITOR, password=self.password, next="/"
        )
        sessions = self.grace.get(MINE)
        for words in ("This device", self.session_id, "End all other sessions"):
            _expect(sessions, words)
        _expect(self.grace.press(sessions, f"{MINE}end-others/"), "You are not signed in anywhere else.")
        _expect(self.elsewhere.get("/"), "Nobody is signed in here")

    def _forge(self) -> None:
        tampered = ("1" if self.secret[0] == "0" else "0") + self.secret[1:]
        for value in (tampered, "not-a-secret", self.secret.upper(), self.session_id):
            page = self.stranger.get("/", cookie=f"{COOKIE}={value}")
            _expect(page, "Nobody is signed in here")

    def _enter_admin(self) -> None:
        page = self.ada.submit(self.ada.get(SESSIONS), "username", username=ADMINISTRATOR, password=self.password)
        _expect(page, "Select session to")
        _expect(self.ada.get("/"), f"Hello, {ADMINISTRATOR}.")

    def _find(self) -> None:
        found = self.ada.get(SESSIONS).form("_selected_action").choices_of("_selected_action")
        _expect_that(self.session_id in found, f"session {self.session_id} in the list", found)
        _expect(self.ada.get(f"{SESSIONS}{self.session_id}/change/"), self.session_id)

    def _revoke(self) -> None:
        sessions = self.ada.get(SESSIONS)
        question = self.ada.submit(
            sessions, "_selected_action", action="revoke_selected", _selected_action=self.session_id
        )
        _expect(question, "1 active session")
        _expect(self.ada.submit(question, "confirmed_sessions"), "1 session")
        _expect(self.ada.get(f"{SESSIONS}{self.session_id}/history/"), "evoked")

    def _search_admin_pages(self) -> None:
        for page in self.ada.seen:
            _expect_that(self.secret not in page.text, "no secret", f"grace's secret on {page.address}")

    def _be_out(self) -> None:
        page = self.grace.get("/")
        _expect(page, "Nobody is signed in here")
        cleared = page.cookie_set(COOKIE)
        _expect_that(cleared is not None and cleared["max-age"] == "0", f"{COOKIE} cleared", "nothing of the kind")
        _expect_that(COOKIE not in self.grace.cookies, f"no {COOKIE} left in her browser", list(self.grace.cookies))

    def _purge(self) -> None:
        command = [sys.executable, "manage.py", "purge_sessions", "--retain-revoked", "0", "--json"]
        done = subprocess.run(  # noqa: S603  the command is ours
            command,
            cwd=TOP,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        _expect_that(done.returncode == 0, "exit code 0", f"{done.returncode}: {done.stderr[-500:]}")
        _expect_that(json.loads(done.stdout)["revoked"] >= 1, "at least one revoked session deleted", done.stdout)

    def _look_for_the_row(self) -> None:
        page = self.ada.get(SESSIONS)
        _expect(page, "Select session to")
        _expect_that(self.session_id not in page.text, f"no session {self.session_id}", "it is still in the list")


def _expect(page: Page, words: str) -> None:
    came = f"status {page.status} from {page.address}, headed {_heading(page.text)!r}"
    _expect_that(page.status == 200 and words in page.text, f"a page that says {words!r}", came)


def _expect_that(is_so: bool, expected: str, came: object) -> None:
    if not is_so:
        raise Unexpected(f"expected {expected}; got {came}")


def _heading(text: str) -> str:
    return text.partition("<title>")[2].partition("</title>")[0].strip() or text[:80]
