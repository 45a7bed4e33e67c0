"""The pages of the documentation: what stands between markers is written here, and no number copied by hand."""

import re
from collections.abc import Callable, Mapping
from os.path import relpath
from pathlib import Path

from benchmarks import bars, capacity, pictures
from benchmarks.outcomes import VENDORS, Outcome, load_all

_PLACE = re.compile(r"(<!-- benchmarks: ([\w-]+)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)
COMPUTED: Mapping[str, Callable[[Mapping[str, Outcome]], str]] = {"bars": bars.table, "capacity": capacity.table}
_NOTHING = "Not measured yet."


def publish(folder: Path) -> None:
    """
    Draw what has been saved in ``folder``, and put tables and pictures into the pages of the folder above it.

    A page says where: between ``<!-- benchmarks: NAME VENDOR -->``, the vendor as Django calls it or left out for all
    there are, and ``<!-- end -->``.
    """
    outcomes = load_all(folder)
    for outcome in outcomes.values():
        pictures.draw(outcome, folder / f"{outcome.name}.svg")
        (folder / f"{outcome.name}.md").write_text(outcome.markdown() + "\n")
    for page in sorted(folder.parent.glob("*.md")):
        text = page.read_text()
        filled = _PLACE.sub(lambda place: _filled(place, outcomes, folder), text)
        if filled != text:
            page.write_text(filled)


def _filled(place: re.Match[str], outcomes: Mapping[str, Outcome], folder: Path) -> str:
    begin, name, vendor, end = place.groups()
    if name in COMPUTED:
        return f"{begin}\n{COMPUTED[name](outcomes)}\n\n{end}"
    wanted = [f"{name}-{known}" for known in VENDORS if vendor in (None, known)]
    shown = [_shown(outcomes[one], folder) for one in wanted if one in outcomes] or [_NOTHING]
    return begin + "\n" + "\n\n".join(shown) + "\n\n" + end


def _shown(outcome: Outcome, folder: Path) -> str:
    picture = relpath(folder / f"{outcome.name}.svg", folder.parent)
    words = f"{outcome.question} on {VENDORS[outcome.vendor]}: the numbers of the table below as a picture"
    return f"![{words}]({picture})\n\n{outcome.markdown()}"
