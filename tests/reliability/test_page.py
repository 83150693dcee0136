"""The page is the script's, every row of the catalogue is accounted for, and every test that is named exists."""

import ast
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from expected import EXPECTED
from faultmap import ROOT, WHY, Fault, faults
from figures import FIGURES, KEPT
from page import CATALOGUE, PAGE, page

from gateway.testing.catalogue import catalogue

ROWS = faults()
SIZES = {"A": 23, "B": 17, "C": 18, "D": 13, "E": 20, "F": 22, "G": 15, "H": 10, "I": 19, "J": 15, "K": 14}
SIZES |= {"L": 21, "M": 15, "N": 24}
SURVIVED = 180
"""As many rows must be, at least."""


def test_the_page_is_what_the_script_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tests/reliability/page.py"


def test_every_row_is_there_in_order() -> None:
    assert list(ROWS) == [f"{group}{number:02}" for group, size in SIZES.items() for number in range(1, size + 1)]


def test_no_row_of_the_catalogue_is_forgotten() -> None:
    path = ROOT.parent / "shared" / "facts" / "faults.md"
    if not path.exists():
        pytest.skip("the catalogue's own text is not beside this checkout")
    assert (
        set(re.findall(r"^\| \*\*([A-N]\d\d)\*\*", path.read_text(encoding="utf-8"), re.MULTILINE)) == ROWS.keys()
    )


@pytest.mark.parametrize("fault", ROWS.values(), ids=ROWS)
def test_a_row_has_tests_or_says_why_not(fault: Fault) -> None:
    assert bool(fault.tests) is not bool(fault.why)
    assert fault.title
    assert fault.reason == "" or len(fault.reason) > 20
    assert (fault.why == "to_come") == (fault.id[0] == "M")
    assert fault.why in {"", *WHY}
    assert len(set(fault.tests)) == len(fault.tests)


def test_so_many_are_survived() -> None:
    assert Counter(bool(fault.tests) for fault in ROWS.values())[True] >= SURVIVED


@cache
def named_in(path: Path) -> set[str]:
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, defined)}


@pytest.mark.parametrize("fault", [fault for fault in ROWS.values() if fault.tests], ids=lambda fault: fault.id)
def test_every_test_that_is_named_exists(fault: Fault) -> None:
    for test in fault.tests:
        path, _, name = test.partition("::")
        assert name.startswith("test_"), test
        assert name.partition("[")[0] in named_in(ROOT / path), test


def test_what_is_played_is_counted_as_such() -> None:
    named = {
        fault.id
        for fault in ROWS.values()
        for test in fault.tests
        if test.endswith(f"faults.py::test_it_is_survived[{fault.id}]")
    }
    assert named >= EXPECTED.keys()
    assert {row for row in catalogue() if ROWS[row].why == ""} >= EXPECTED.keys()


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem)
def test_what_was_found_is_of_a_command_that_there_is(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert {"command", "date", "machine", "versions"} <= found.keys()
    if path.name == CATALOGUE:
        failed = [name for name, counts in found["faults"].items() if counts.get("failed")]
        assert failed == []
        assert found["faults"].keys() <= ROWS.keys()
    else:
        assert found["command"] == FIGURES[path.stem].shown(full=found["size"] == "full")
