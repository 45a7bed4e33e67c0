"""Django's own tests of sessions pass on our engine and our middleware, whichever Django is installed."""

import ast
import os
import re
import subprocess
import sys

import pytest

from tests.django_suite.sources import sources_of_django
from tests.documentation import TOP

SUITE = "tests.django_suite.suite"


@pytest.fixture(scope="module")
def run():
    sources_of_django()
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", "test", "--noinput", "--verbosity", "2", SUITE],
        cwd=TOP,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.django_suite.settings"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def names_in(name):
    """The names of the tests that a class of Django's test module has."""
    module = ast.parse((sources_of_django() / "sessions_tests" / "tests.py").read_text())
    (found,) = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name]
    return {node.name for node in found.body if getattr(node, "name", "").startswith("test_")}


def test_all_of_it_passes_but_what_cannot_apply(run):
    assert run.returncode == 0, run.stderr
    assert "(expected failures=4)" in run.stderr


@pytest.mark.parametrize(
    ("of_django", "case"),
    [
        ("SessionTestsMixin", "EngineTests"),
        ("SessionTestsMixin", "CachedEngineTests"),
        ("DatabaseSessionTests", "EngineTests"),
        ("SessionMiddlewareTests", "MiddlewareTests"),
        ("SessionMiddlewareTests", "StockMiddlewareTests"),
    ],
)
def test_every_test_of_djangos_was_run(run, of_django, case):
    wanted = names_in(of_django)
    ran = re.findall(rf"^(test_\w+) \({re.escape(SUITE)}\.{case}\.", run.stderr, re.MULTILINE)
    assert len(wanted) > 4
    assert wanted <= set(ran)


def test_what_cannot_apply_is_listed_with_a_reason_and_fails(run):
    reasons = cannot_apply()
    assert all(len(reason) > 40 for reason in reasons.values())
    heading = rf"^(test_\w+) \({re.escape(SUITE)}\.(\w+)\.\w+\)"
    failed = re.findall(rf"{heading}(?:\n[^\n]*)? \.\.\. expected failure$", run.stderr, re.MULTILINE)
    assert sorted(f"{case}.{test}" for test, case in failed) == sorted(reasons)


def cannot_apply():
    """The list in the suite, read without importing it: that needs the other settings."""
    module = ast.parse((TOP / "tests" / "django_suite" / "suite.py").read_text())
    assigned = {node.targets[0].id: node.value for node in module.body if isinstance(node, ast.Assign)}
    return ast.literal_eval(assigned["CANNOT_APPLY"])
