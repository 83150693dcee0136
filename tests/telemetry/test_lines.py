"""Every line that the code writes to the log is in docs/telemetry.md, with its level and fields, and no other."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.engine import observer
from gateway.errors import Reason
from gateway.serving.auth.needs import NEEDS
from gateway.telemetry.logs import FAILURES, WARNINGS

ROOT = Path(__file__).parents[2]
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
NOTICES = {"noticed": 2, "notice": 0, "_notice": 0}
"""Which argument of these is the name of what is noticed."""
WRITTEN = 5
"""Arguments of ``_write``, the first of which is the level and the fourth the name."""
ALWAYS = {"connection", "epoch", "trace_id"}
SHOWN_AS_A_TRACEBACK = {"exc_info"}


@dataclass(frozen=True)
class Line:
    event: str
    level: str
    fields: frozenset[str]


def told(node: ast.expr | None) -> str | None:
    """Return a name that is written out, or is one of the reasons."""
    match node:
        case ast.Constant(value=str(name)):
            return name
        case ast.Attribute(value=ast.Name(id="Reason"), attr=name):
            return str(Reason[name])
        case _:
            return None


def level_of(event: str) -> str:
    return "error" if event in FAILURES else "warning" if event in WARNINGS else "info"


def is_logger(node: ast.expr) -> bool:
    match node:
        case ast.Name(id="log") | ast.Attribute(attr="_logger"):
            return True
        case ast.Call(func=ast.Attribute(attr="get_logger")):
            return True
        case _:
            return False


def line_of(call: ast.Call) -> Line | None:
    """Return what a call writes, if it does; sentences are for programs that have no structlog."""
    if not isinstance(call.func, ast.Attribute):
        return None
    name, arguments = call.func.attr, call.args
    fields = frozenset(one.arg for one in call.keywords if one.arg) - SHOWN_AS_A_TRACEBACK
    if name in NOTICES and len(arguments) > NOTICES[name]:
        event = told(arguments[NOTICES[name]])
        text = {"text"} if len(arguments) > 1 and name != "noticed" else set()
        return Line(event, level_of(event), fields | text) if event else None
    if name == "_write" and len(arguments) == WRITTEN and (event := told(arguments[3])):
        return Line(event, told(arguments[0]) or "", fields)
    if name in LEVELS and is_logger(call.func.value) and (event := told(arguments[0])) and "%" not in event:
        return Line(event, LEVELS[name], fields)
    return None


def written() -> Iterator[Line]:
    for path in (ROOT / "gateway").rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        yield from filter(None, map(line_of, calls))


def documented() -> dict[str, Line]:
    section = (ROOT / "docs/telemetry.md").read_text().split("\n## Logs\n")[1]
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| (.*) \|$", section, re.MULTILINE)
    assert rows
    return {
        event: Line(event, level.strip(), frozenset(re.findall(r"`(\w+)`", more))) for event, level, more in rows
    }


LINES = tuple(written())
PAGE = documented()


def test_there_is_no_line_that_the_page_does_not_have_and_the_other_way_round() -> None:
    events = {line.event for line in LINES} - observer.MOMENTS
    assert events == set(PAGE)


@pytest.mark.parametrize("event", sorted(PAGE))
def test_a_line_has_the_level_and_the_fields_of_the_page(event: str) -> None:
    levels, fields = set(), set()
    for line in LINES:
        if line.event == event:
            levels.add(line.level)
            fields |= line.fields
    said = PAGE[event].level
    if event == "connection_changed":
        assert said == "warning for ERROR, else info"
    else:
        assert levels == {said}
    assert fields - ALWAYS <= PAGE[event].fields


def test_each_event_has_one_row() -> None:
    section = (ROOT / "docs/telemetry.md").read_text().split("\n## Logs\n")[1]
    rows: defaultdict[str, int] = defaultdict(int)
    for event in re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE):
        rows[event] += 1
    assert set(rows.values()) == {1}


def test_the_actions_of_the_audit_are_those_that_there_are() -> None:
    actions = {need.action for need in NEEDS.values() if need.action}
    commands = set(re.findall(r'_audit\(settings, "(\w+)"', (ROOT / "gateway/cli/token.py").read_text()))
    section = (ROOT / "docs/telemetry.md").read_text().split("\n## Logs\n")[1]
    [listed] = re.findall(r"`action` \(([^)]+)\)", section)
    assert set(re.findall(r"`(\w+)`", listed)) == actions | commands
