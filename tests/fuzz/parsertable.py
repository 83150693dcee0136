"""
The list of parsers: what each reads, which tests write anything into it, and how it may end.

``python tests/fuzz/parsertable.py`` writes it into docs/fuzzing.md.
"""

import ast
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
LIST: Final = Path(__file__).with_name("parsers.toml")
PAGE: Final = ROOT / "docs" / "fuzzing.md"
BEGIN: Final = "<!-- parsers: written by tests/fuzz/parsertable.py -->\n"
END: Final = "<!-- end of the parsers -->\n"
AREAS: Final[Mapping[str, str]] = {
    "exchanges": "What exchanges send",
    "clients": "What clients ask",
    "gateways": "What gateways send their clients",
    "plugins": "What plugins are",
    "configuration": "What operators set",
    "files": "What is stored",
}


@dataclass(frozen=True, slots=True)
class Parser:
    """One of them: ``reads`` are its files, ``tests`` the ids of the tests, ``ends`` how it may end, in words."""

    what: str
    area: str
    reads: Sequence[str]
    tests: Sequence[str]
    ends: str


def parsers() -> Sequence[Parser]:
    """Return all of them."""
    return [Parser(**one) for one in _list()["parser"]]


def elsewhere() -> Mapping[str, str]:
    """Return the files that read and need no such test, and why."""
    found: Mapping[str, str] = _list()["elsewhere"]
    return found


def ids(area: str) -> list[str]:
    """Return the ids of an area's tests, each once."""
    return list(dict.fromkeys(test for one in parsers() if one.area == area for test in one.tests))


@cache
def given(path: Path) -> frozenset[str]:
    """Return the tests of a file that hypothesis gives their arguments."""
    functions = (one for one in ast.walk(ast.parse(path.read_text("utf-8"))) if hasattr(one, "decorator_list"))
    return frozenset(one.name for one in functions if any(_is_given(by) for by in one.decorator_list))


def written() -> str:
    """Return the table as the page has it."""
    lines: list[str] = []
    for area, title in AREAS.items():
        lines += [f"### {title}", "", "| what | ends with | tests |", "| --- | --- | --- |"]
        lines += [f"| {one.what} | {one.ends} | {_linked(one.tests)} |" for one in parsers() if one.area == area]
        lines.append("")
    return "\n".join(lines)


def renewed(page: str) -> str:
    """Return ``page`` with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{written()}\n{end}{after}"


def _linked(ids: Sequence[str]) -> str:
    found = (one.partition("::") for one in ids)
    return ", ".join(f"[{name.removeprefix('test_').replace('_', ' ')}](../{path})" for path, _, name in found)


def _list() -> dict[str, Any]:
    return tomllib.loads(LIST.read_text("utf-8"))


def _is_given(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else None
    return isinstance(called, ast.Name) and called.id == "given"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")
