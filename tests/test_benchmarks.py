"""The benchmarks run: each question that takes one process, on next to nothing. What they say of time is not asked."""

import os
import re
import subprocess
import sys
from inspect import cleandoc

import pytest

from benchmarks.bars import BARS
from benchmarks.outcomes import Outcome, load_all
from benchmarks.pages import COMPUTED
from benchmarks.pictures import draw
from benchmarks.questions import QUESTIONS
from benchmarks.rounds import Answer, Contestant, Line, Race
from tests.documentation import PAGES, TOP

TAKES_MORE = {"wsgi", "asgi", "purge", "memory"}  # processes
NOT_ON_SQLITE = {"cached", "ways", "size", "processor"}
ASKED = [name for name in QUESTIONS if name not in TAKES_MORE]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What one run said, and the folder with a page that it wrote to."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "page.md").write_text("# A page\n\n<!-- benchmarks: validate sqlite -->\nold\n<!-- end -->\n\nThe end.\n")
    options = ["--size", "5", "--rounds", "2", "--rows", "60", "--out", str(folder / "figures")]
    done = benchmarks(*ASKED, *options, BENCHMARKS_DATABASE_FILE=str(folder / "file"))
    assert done.returncode == 0, done.stderr
    return done.stdout, folder


def benchmarks(*arguments, **more):
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    environment |= {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", **more}
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def outcomes(run):
    return load_all(run[1] / "figures")


def test_every_question_is_answered_or_says_why_not(run, outcomes):
    assert {outcome.question for outcome in outcomes.values()} == set(ASKED) - NOT_ON_SQLITE
    assert run[0].count("\nNot asked: ") == len(NOT_ON_SQLITE)


def test_who_asks_what_there_is_not_is_told_what_there_is():
    done = benchmarks("valdate")
    assert done.returncode == 2
    assert "there is no question 'valdate'. There are: validate, request, " in done.stderr


def test_what_was_measured_is_said_with_its_noise_and_what_took_part(run):
    assert run[0].count("The base itself varied by ") == len(set(ASKED) - NOT_ON_SQLITE)
    assert re.search(r"Python \d.*, Django \d.*, SQLite \d.*, \d+ cores", run[0])


def test_a_page_gets_the_table_and_the_picture_between_its_markers(run, outcomes):
    page = (run[1] / "page.md").read_text()
    table = outcomes["validate-sqlite"].markdown()
    assert table.count("\n| ") > 8
    assert page.startswith("# A page\n\n<!-- benchmarks: validate sqlite -->\n\n![")
    assert page.endswith(f"{table}\n\n<!-- end -->\n\nThe end.\n")
    (picture,) = re.findall(r"\]\((.*?\.svg)\)", page)
    assert (run[1] / picture).read_text().count("ours, sessions.validate()") == 1


def test_counts_are_those_that_other_tests_hold_us_to(outcomes):
    def of(question, name):
        line = outcomes[f"{question}-sqlite"].named(name)
        return line.statements, line.hops

    assert of("validate", "ours, `sessions.validate()`") == (1, 0)
    assert of("request", "ours, nobody asks") == (0, 0)
    assert of("request", "ours, `request.user`") == (1, 0)
    assert of("issue", "ours, `sessions.issue()`") == (1, 0)
    assert of("login", "ours, `login()`") == (2, 0)
    assert of("everywhere", "ours, `sessions.revoke_all()`") == (1, 0)
    floor = of("async_one", "no session middleware at all")
    assert of("async_one", "ours, nobody asks") == floor
    assert of("async_one", "ours, `auser()`") == (1, floor[1])


@pytest.mark.parametrize("bar", BARS, ids=lambda bar: bar.question)
def test_every_bar_is_of_those_who_compete(bar, outcomes):
    question = bar.outcome.partition("-")[0]
    assert question in QUESTIONS
    if (outcome := outcomes.get(f"{question}-sqlite")) is not None:
        there = {name for line in outcome.answer.lines for name in (line.name, line.group)}
        assert {name.removesuffix(", where psycopg prepares") for name in (bar.ours, bar.theirs)} <= there


def test_every_question_has_its_place_on_a_page_and_every_place_its_question():
    places = {name for page in PAGES.values() for name in re.findall(r"<!-- benchmarks: ([\w-]+)", page.text)}
    assert places == {*QUESTIONS, *COMPUTED}


def test_every_question_says_what_it_asks():
    assert all(re.match(r"[A-Z].*[.:]", cleandoc(question.__doc__)) for question in QUESTIONS.values())


def measured(name, *seconds):
    return Contestant(name, None, [], seconds=list(seconds))


def ratios(race):
    return {line.name: round(line.ratio, 3) for line in race.lines()}


def test_a_ratio_is_the_median_of_those_within_a_round():
    slow_round = [measured("base", 1, 10, 1), measured("other", 2, 20, 3)]
    assert ratios(Race(slow_round, "base")) == {"base": 1, "other": 2}


def test_a_share_is_of_the_throughput():
    assert ratios(Race([measured("base", 1, 1), measured("half", 2, 2)], "base", is_share=True))["half"] == 0.5


def test_with_a_floor_what_comes_on_top_of_it_counts():
    contestants = [measured("floor", 1, 1), measured("base", 5, 5), measured("other", 2, 2)]
    (line,) = [line for line in Race(contestants, "base", floor="floor").lines() if line.name == "other"]
    assert (line.ratio, line.whole) == (0.25, 2)


def test_each_number_stands_in_the_picture_though_the_quartile_is_beyond_the_longest_bar(tmp_path):
    lines = [Line("no sessions", 1.0, 1.0, 1.0, 80.0), Line("ours", 5.95, 5.42, 6.88, 476.0)]
    draw(Outcome("validate", "Open.", "sqlite", Answer(lines, "of raw"), ""), tmp_path / "picture.svg")
    picture = (tmp_path / "picture.svg").read_text()
    assert ">1.00<" in picture
    assert ">5.95<" in picture


def test_what_is_saved_is_what_is_read(tmp_path):
    line = Line("ours", 1.5, 1.0, 2.0, 80.0, statements=1)
    outcome = Outcome("validate", "Open.", "sqlite", Answer([line], "of raw", noise=0.1, rounds=2, each="5 calls"), "")
    outcome.save(tmp_path)
    assert load_all(tmp_path) == {"validate-sqlite": outcome}
