"""docs/known-issues.md names tests that there are, for each issue."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/known-issues.md").read_text()
ISSUES = {
    "A fixed heartbeat interval",
    "Metadata that grow",
    "A full reconnect on a transient error",
    "Subscriptions that do not come back",
    "Ghost connections",
    "Unclear states",
    "Races",
}
NAMED = re.findall(r"^- `(tests/\S+\.py)::(\w+)`$", PAGE, re.MULTILINE)


def sections() -> dict[str, str]:
    """Return what stands below each heading."""
    _, *parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    return {title: text for title, _, text in (part.partition("\n") for part in parts)}


def functions_of(module: Path) -> set[str]:
    """Return the functions on the top level of a module: what is collected, where it begins with ``test_``."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(module.read_text()).body if isinstance(node, kinds)}


def test_every_issue_has_its_section_with_tests() -> None:
    found = sections()
    assert set(found) == ISSUES
    for title, text in found.items():
        assert text.count("\n- `tests/") >= 4, title


def test_every_line_that_looks_like_one_is_the_name_of_a_test() -> None:
    assert len(NAMED) == PAGE.count("\n- ")


@pytest.mark.parametrize(("module", "name"), NAMED, ids=[name for _, name in NAMED])
def test_each_test_is_there(module: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions_of(ROOT / module)
