"""``python -m benchmarks validate request``: ask the questions, print the tables."""

import argparse
import os
import platform
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from django.db import connection  # noqa: E402  # settings first

from benchmarks.questions import QUESTIONS  # noqa: E402
from benchmarks.rounds import against, compete, noise_of, table  # noqa: E402


def main() -> int:
    """Run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "questions", nargs="*", choices=[[], *QUESTIONS], help=f"of {', '.join(QUESTIONS)}; all if none"
    )
    parser.add_argument("--size", type=int, default=1000, help="sessions of each engine, and calls in a round")
    parser.add_argument("--rounds", type=int, default=11, help="how often everybody is measured")
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, Django {django.__version__}, {connection.vendor}, {os.cpu_count()} cores."
    )
    for name in options.questions or QUESTIONS:
        ask(name, options.size, options.rounds)
    return 0


def ask(name: str, size: int, rounds: int) -> None:
    """Ask one question on a database of its own, and print what came of it."""
    question = QUESTIONS[name]
    before = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        contestants, base_name = question(size)
        compete(contestants, rounds)
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)
    base = next(contestant for contestant in contestants if contestant.name == base_name)
    print(f"\n## {name}\n\n{question.__doc__}\n\n{table(against(base, contestants), base_name)}")
    print(f"\n{rounds} rounds of {size} calls. Noise: {base_name} itself varied by {noise_of(base):.0%} (quartiles).")


if __name__ == "__main__":
    sys.exit(main())
