"""
What a client called itself, in words: "Firefox on Windows".

Read by ua-parser, if the extra ``devices`` is installed. What it says is what the client says: a name to recognize a
device by, and no proof of anything.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

try:
    from ua_parser import parse
except ImportError:  # without the extra
    parse = None  # type: ignore[assignment]

DESKTOP: Final = "desktop"
PHONE: Final = "phone"
TABLET: Final = "tablet"
UNKNOWN: Final = "unknown"
_LONGEST_NAME: Final = 80
_OTHER: Final = ("Other", "", None)
_VARIANTS: Final = (" Mobile WebView", " WebView", " Mobile iOS", " Mobile", "Mobile ", " iOS")
_SYSTEMS: Final = {"Mac OS X": "macOS", "iOS": "iOS"}
_DESKTOPS: Final = ("Windows", "macOS", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD")


@dataclass(frozen=True, slots=True)
class Device:
    """
    What a client says it is.

    Attributes:
        name: In words, for people, in their language.
        browser, system: The names of the program and of what it runs on; "" if they are not known.
        kind: One of `DESKTOP`, `PHONE`, `TABLET` and `UNKNOWN`.
        is_verbatim: Whether the name is what the client called itself, in no language in particular.

    """

    name: str
    browser: str = ""
    system: str = ""
    kind: str = UNKNOWN
    is_verbatim: bool = False


def device_of(user_agent: str) -> Device:
    """
    Return what a client that called itself ``user_agent`` is, as far as that can be read.

    Without ua-parser, or when that does not know it, the name is the text itself, cut to 80 characters. Without any
    text, the device is unknown.
    """
    browser, system, model = _read(user_agent) if parse is not None else ("", "", "")
    if not (browser or system):
        return Device(_cut(user_agent), is_verbatim=True) if user_agent.strip() else Device(_("Unknown device"))
    return Device(_named(browser, system), browser, system, _kind(system, model))


def _read(user_agent: str) -> tuple[str, str, str]:
    found = parse(user_agent)
    browser, system, model = (_family(part) for part in (found.user_agent, found.os, found.device))
    for variant in _VARIANTS:
        browser = browser.replace(variant, "")
    if model in ("iPhone", "iPad", "iPod"):
        system = model
    return browser, _SYSTEMS.get(system, system), model


def _family(part: Any) -> str:
    family = getattr(part, "family", None)
    return "" if family in _OTHER else str(family)


def _named(browser: str, system: str) -> str:
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system


def _kind(system: str, model: str) -> str:
    if system == "iPad" or "Tablet" in model:
        return TABLET
    if system in ("iPhone", "iPod", "iOS", "Android"):
        return PHONE
    return DESKTOP if system in _DESKTOPS else UNKNOWN


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME].rstrip()}…"
