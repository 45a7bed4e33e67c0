"""The table for auditors names every requirement once, and tests that are there."""

import re
from pathlib import Path

from tests.documentation import PAGES, codes

HERE = Path(__file__).parent
V7 = {"1": 3, "2": 4, "3": 2, "4": 5, "5": 3, "6": 2}
REQUIREMENTS = [f"7.{group}.{number}" for group, size in V7.items() for number in range(1, size + 1)]
REQUIREMENTS += [f"3.3.{number}" for number in range(1, 6)]


def rows():
    return PAGES["asvs"].rows("number", "level")


def test_every_requirement_of_v7_and_v3_3_has_one_row():
    assert [row[0] for row in rows()] == REQUIREMENTS
    assert len(REQUIREMENTS) == 19 + 5


def test_every_row_says_whose_it_is_and_names_a_test_that_exists():
    for number, _level, _short, met, by, test in rows():
        assert re.match(r"default|offered|yours", met), number
        assert by or met == "yours", number
        if met != "yours":
            assert codes(test), number
        for name in codes(test):
            file, _colons, function = name.partition("::")
            assert f"def {function}(" in (HERE / file).read_text(), name


def test_every_requirement_that_is_not_only_the_hosts_has_a_test_with_its_number():
    source = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    for number, _level, _short, met, _by, _test in rows():
        if met != "yours":
            assert f"def test_{number.replace('.', '_')}_" in source, number
