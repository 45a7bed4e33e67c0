"""The documentation, as something that can be run and compared."""

import re
from pathlib import Path
from textwrap import dedent

TOP = Path(__file__).parent.parent
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Page:
    """One Markdown file: its examples and its tables."""

    def __init__(self, path):
        self.name = path.stem
        self.text = path.read_text(encoding="utf-8")

    def __repr__(self):
        return self.name

    def examples(self, language, *, saying=""):
        """Return the code of the fenced blocks in a language, of those that have some words in them."""
        blocks = [dedent(code) for _indent, name, code in FENCE.findall(self.text) if name == language]
        return [code for code in blocks if saying in code]

    def example(self, language, *, saying=""):
        """Return the code of the one block there is."""
        (code,) = self.examples(language, saying=saying)
        return code

    def rows(self, *header):
        """Return the cells of the one table whose header row begins with these words."""
        tables = re.findall(r"(?:^\|.*\|\n)+", self.text, re.MULTILINE)
        (rows,) = [rows for rows in map(_rows, tables) if tuple(rows[0][: len(header)]) == header]
        return rows[2:]

    def column(self, *header):
        """Return what is set as code in the first cells of that table."""
        return [name for row in self.rows(*header) for name in codes(row[0])]


def codes(text):
    """Return what is set as code in ``text``."""
    return re.findall(r"`([^`]+)`", text)


def _rows(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


README = Page(TOP / "README.md")
PAGES = {path.stem: Page(path) for path in sorted((TOP / "docs").glob("*.md"))}
EVERYTHING = [README, *PAGES.values()]
