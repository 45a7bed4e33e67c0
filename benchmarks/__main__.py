"""
``python -m benchmarks validate request``: ask the questions, print the tables.

With ``--out docs/figures`` also write them down, draw them, and put the tables into the pages of ``docs``.
"""

import argparse
import os
import secrets
import subprocess
import sys
import traceback
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
for _name in ("BENCHMARKS_SECRET_KEY", "BENCHMARKS_KEY"):  # for the servers that this process starts
    os.environ.setdefault(_name, secrets.token_hex(32))
django.setup()

from benchmarks import pinning, running  # noqa: E402  # settings first
from benchmarks.people import NotHere  # noqa: E402  # settings first
from benchmarks.questions import QUESTIONS  # noqa: E402  # settings first

_WORLD = ("size", "rounds", "rows", "seconds")


def main() -> int:
    """Run, and return the exit code: 1 if a question failed. The others are asked all the same."""
    elsewhere, rest = _databases().parse_known_args()
    if elsewhere.on:
        return max(_ask_on(url, rest) for url in elsewhere.on)
    options = _parser().parse_args()
    is_well = options.draw_only or _ask_all(options)
    if options.out:
        from benchmarks.pages import publish  # which needs matplotlib

        publish(options.out)
    return 0 if is_well else 1


def _databases() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--on", action="append", metavar="DATABASE", help="'sqlite' or a URL; more than once for more")
    return parser


def _parser() -> argparse.ArgumentParser:
    description = (__doc__ or "").replace("``", "'")
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=description, parents=[_databases()])
    names = ", ".join(QUESTIONS)
    parser.add_argument("questions", nargs="*", type=_question, metavar="QUESTION", help=f"{names}; without any, all")
    parser.add_argument("--size", type=int, default=1000, help="sessions of each engine, and calls in a round")
    parser.add_argument("--rounds", type=int, default=11, help="how often everybody is measured")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of a big table")
    parser.add_argument("--seconds", type=float, default=2, help="how long a round over HTTP lasts")
    parser.add_argument("--pin", action="store_true", help="keep all that takes part on one CPU")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write results and pictures there, tables into its parent"
    )
    parser.add_argument("--draw-only", action="store_true", help="measure nothing: make tables and pictures again")
    return parser


def _ask_on(url: str, arguments: list[str]) -> int:
    """Ask in a process of its own, because settings are a process's, and return its exit code."""
    environment = {**os.environ, "DATABASE_URL": url}
    if url == "sqlite":
        del environment["DATABASE_URL"]
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603  # this command once more


def _ask_all(options: argparse.Namespace) -> bool:
    """Ask and print; return whether all went well."""
    for problem in pinning.pin() if options.pin else []:
        print(problem)
    with running.database():
        print(running.about(), flush=True)
        answered = [_ask(name, options) for name in options.questions or QUESTIONS]
    return all(answered)


def _question(name: str) -> str:
    if name not in QUESTIONS:
        raise argparse.ArgumentTypeError(f"there is no question {name!r}. There are: {', '.join(QUESTIONS)}")
    return name


def _ask(name: str, options: argparse.Namespace) -> bool:
    print(f"\n## {name}\n", flush=True)
    try:
        outcome = running.ask(name, **{field: getattr(options, field) for field in _WORLD})
    except NotHere as why:
        print(f"Not asked: {why}", flush=True)
        return True
    except Exception:  # hours may have gone into the others
        traceback.print_exc()
        return False
    print(outcome.markdown(), flush=True)
    if options.out:
        outcome.save(options.out)
    return True


if __name__ == "__main__":
    sys.exit(main())
