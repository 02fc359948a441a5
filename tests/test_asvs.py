"""docs/asvs.md: nothing of levels 1 and 2 is left out, every test named exists, and nothing is met without what shows it."""

import ast
import re

import pytest

from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "asvs.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| \d", line)]
WORDS = ("met", "not met", "installation", "n/a")
# Section → its last requirement of level 1 or 2 in 5.0.0; in these sections they are the first ones.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5,
    "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 11, "6.3": 3, "6.4": 4,
    "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1,
    "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4,
    "16.4": 3, "16.5": 3,
}  # fmt: skip
LEVEL_3 = {"2.3.5", "8.3.2", "15.4.1", "15.4.2", "15.4.3", "15.4.4"}


def test_nothing_of_levels_1_and_2_is_left_out():
    wanted = {f"{section}.{number}" for section, last in SECTIONS.items() for number in range(1, last + 1)} | LEVEL_3 | {"10", "17"}
    ids = [row[0] for row in ROWS]
    assert wanted - set(ids) == set()
    assert len(ids) == len(set(ids))
    assert ids == sorted(ids, key=lambda text: [int(part) for part in text.split(".")])


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_has_a_word_and_what_shows_it(row):
    assert len(row) == 4
    assert row[2] in WORDS
    assert len(row[3]) > 2


def named() -> list[tuple[str, str]]:
    """(file, test or nothing) wherever the page names a test."""
    return re.findall(r"`((?:\w+/)?test_\w+\.py)(?:::(\w+))?`", PAGE.replace("`tests/test_asvs.py`", ""))


@pytest.mark.parametrize(("path", "name"), sorted(set(named())))
def test_each_test_that_is_named_exists(path, name):
    tree = ast.parse((PROJECT / "tests" / path).read_text())
    assert not name or name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_most_of_what_is_met_is_shown_by_a_test():
    met = [row for row in ROWS if row[2] == "met"]
    shown = [row for row in met if "::test_" in row[3]]
    assert len(met) >= 120
    assert len(shown) >= 100
