"""A small browser, made of the standard library: it keeps cookies, follows redirects and fills in forms."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from http.cookies import Morsel, SimpleCookie
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, ProxyHandler, Request, build_opener

TIMEOUT = 20  # seconds, for one answer
_REDIRECTS = (301, 302, 303)


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a page: where it goes, what it would send by itself, and what may be chosen or ticked."""

    action: str
    sends: list[tuple[str, str]] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)

    def choices_of(self, name: str) -> list[str]:
        """Return the values that the field ``name`` offers."""
        return [value for other, value in self.choices if other == name]

    @property
    def names(self) -> set[str]:
        """The names of all its fields."""
        return {name for name, _value in (*self.sends, *self.choices)}


@dataclass(frozen=True, slots=True)
class Page:
    """An answer. ``way`` has the redirects that led to it."""

    address: str
    status: int
    headers: Message
    text: str
    way: tuple["Page", ...] = ()

    @property
    def forms(self) -> list[Form]:
        """Its forms."""
        reader = _FormReader()
        reader.feed(self.text)
        return reader.forms

    def form(self, having: str) -> Form:
        """Return the first form with a field of that name."""
        forms = [form for form in self.forms if having in form.names]
        if not forms:
            raise LookupError(f"{self.address} (status {self.status}) has no form with a field {having!r}.")
        return forms[0]

    @property
    def cookies_set(self) -> list[Morsel[str]]:
        """The cookies that this page, or a redirect on the way to it, set, in their order."""
        lines = [line for page in (*self.way, self) for line in page.headers.get_all("Set-Cookie", [])]
        return [cookie for line in lines for cookie in SimpleCookie(line).values()]

    def cookie_set(self, name: str) -> Morsel[str] | None:
        """Return the cookie of that name as it was last set on the way to this page, or None."""
        return next((cookie for cookie in reversed(self.cookies_set) if cookie.key == name), None)


class Visitor:
    """Somebody with a browser of their own, at the site at ``home``."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.seen: list[Page] = []
        self._jar = CookieJar()
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self._jar), _StayHere())

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies this browser would send."""
        return {cookie.name: cookie.value or "" for cookie in self._jar}

    def get(self, path: str, **headers: str) -> Page:
        """Look at a page. A header such as ``cookie="…"`` goes in the place of the browser's own."""
        return self._ask(Request(urljoin(self.home, path), headers=headers))  # noqa: S310  the address is ours

    def submit(self, page: Page, having: str, **fields: object) -> Page:
        """Send the form of ``page`` that has a field ``having``, with ``fields`` filled in."""
        return self._send(page, page.form(having), fields)

    def press(self, page: Page, action: str) -> Page:
        """Press the button of the form of ``page`` that goes to ``action``."""
        return self._send(page, next(form for form in page.forms if form.action == action), {})

    def _send(self, page: Page, form: Form, fields: Mapping[str, object]) -> Page:
        sends = [(name, value) for name, value in form.sends if name not in fields] + list(fields.items())
        address = urljoin(page.address, form.action)
        headers = {"Referer": page.address}
        return self._ask(Request(address, urlencode(sends).encode(), headers, method="POST"))  # noqa: S310

    def _ask(self, request: Request) -> Page:
        page = self._answer(request)
        while page.status in _REDIRECTS:
            onward = Request(urljoin(page.address, page.headers["Location"]))  # noqa: S310
            page = replace(self._answer(onward), way=(*page.way, page))
        self.seen.append(page)
        return page

    def _answer(self, request: Request) -> Page:
        try:
            response = self._opener.open(request, timeout=TIMEOUT)
        except HTTPError as answer:  # to urllib, every status but 200 is an error
            response = answer
        with response:
            return Page(request.full_url, response.status, response.headers, response.read().decode(errors="replace"))


class _StayHere(HTTPRedirectHandler):
    """Leaves redirects to `Visitor`, which wants to see the cookies they set."""

    def redirect_request(self, *args: object) -> None:
        return None


class _FormReader(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(found.get("action", "")))
        elif tag == "select":
            self._select = found.get("name", "")
        elif self.forms and tag == "option":
            self._choice(self._select, found, is_chosen="selected" in found)
        elif self.forms and tag in ("input", "button"):
            self._input(found)

    def _input(self, found: dict[str, str]) -> None:
        kind, name = found.get("type", ""), found.get("name", "")
        if kind in ("checkbox", "radio"):
            self._choice(name, found, is_chosen="checked" in found)
        elif name and kind not in ("submit", "button"):
            self.forms[-1].sends.append((name, found.get("value", "")))

    def _choice(self, name: str, found: dict[str, str], *, is_chosen: bool) -> None:
        self.forms[-1].choices.append((name, found.get("value", "")))
        if is_chosen:
            self.forms[-1].sends.append((name, found.get("value", "")))
