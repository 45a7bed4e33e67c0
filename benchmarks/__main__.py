"""
``python -m benchmarks validate request``: ask the questions, print the tables.

With ``--out docs/figures`` also write them down, draw them, and put the tables into the pages of ``docs``.
"""

import argparse
import os
import secrets
import subprocess
import sys
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
for _name in ("BENCHMARKS_SECRET_KEY", "BENCHMARKS_KEY"):  # for the servers that this process starts
    os.environ.setdefault(_name, secrets.token_hex(32))
django.setup()

from benchmarks import pinning, running  # noqa: E402  # settings first
from benchmarks.people import NotHere  # noqa: E402
from benchmarks.questions import QUESTIONS  # noqa: E402


def main() -> int:
    """Run, and return the exit code."""
    options = _parser().parse_args()
    if options.on:
        for url in options.on:
            _ask_on(url)
    elif not options.draw_only:
        _ask_all(options)
    if options.out:
        from benchmarks.pages import publish  # which needs matplotlib

        publish(options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").replace("``", "'"))
    names = ", ".join(QUESTIONS)
    parser.add_argument("questions", nargs="*", choices=[[], *QUESTIONS], metavar="QUESTION", help=f"{names}; or all")
    parser.add_argument("--size", type=int, default=1000, help="sessions of each engine, and calls in a round")
    parser.add_argument("--rounds", type=int, default=11, help="how often everybody is measured")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of a big table")
    parser.add_argument("--seconds", type=float, default=2, help="how long a round over HTTP lasts")
    parser.add_argument("--pin", action="store_true", help="keep all that takes part on one CPU")
    parser.add_argument(
        "--on", action="append", metavar="URL", help="'sqlite', or the URL of a server; more than once for more"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write results and pictures there, tables into its parent"
    )
    parser.add_argument("--draw-only", action="store_true", help="measure nothing: make tables and pictures again")
    return parser


def _ask_on(url: str) -> None:
    """Ask in a process of its own, because settings are a process's."""
    arguments = list(sys.argv[1:])
    while "--on" in arguments:
        del arguments[arguments.index("--on") :][:2]
    environment = {**os.environ, "DATABASE_URL": url}
    if url == "sqlite":
        del environment["DATABASE_URL"]
    subprocess.run([sys.executable, "-m", "benchmarks", *arguments], env=environment, check=True)  # noqa: S603


def _ask_all(options: argparse.Namespace) -> None:
    for problem in pinning.pin() if options.pin else []:
        print(problem)
    world = {name: getattr(options, name) for name in ("size", "rounds", "rows", "seconds")}
    with running.database():
        print(running.about())
        for name in options.questions or QUESTIONS:
            try:
                outcome = running.ask(name, **world)
            except NotHere as why:
                print(f"\n## {name}\n\nNot asked: {why}")
                continue
            print(f"\n## {name}\n\n{outcome.markdown()}", flush=True)
            if options.out:
                outcome.save(options.out)


if __name__ == "__main__":
    sys.exit(main())
