"""What the code must not even contain: mistakes that no run shows reliably, found by reading it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "gateway").rglob("*.py"), *(ROOT / "plugins").rglob("gateway_*/**/*.py")])
INJECTED = {"time", "monotonic", "sleep", "perf_counter"}
"""Functions of :mod:`time` that decisions are given, not take."""
OTHERS = {"callback", "notify", "changed", "put", "heard", "write", "warning", "info", "error", "debug"}
"""Names by which code of others, or logging, is called."""


def awaited_wrongly(tree: ast.AST) -> Iterator[int]:
    """Return the lines that use ``wait_for``, which can swallow a cancellation before Python 3.12."""
    for node in ast.walk(tree):
        used = isinstance(node, ast.Attribute) and ast.unparse(node) == "asyncio.wait_for"
        imported = isinstance(node, ast.ImportFrom) and node.module == "asyncio"
        if used or (imported and any(alias.name == "wait_for" for alias in node.names)):
            yield node.lineno


def held_too_long(tree: ast.AST) -> Iterator[int]:
    """Return the lines at which a thread's lock is held across an await or while others' code is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any("_lock" in ast.unparse(item.context_expr) for item in node.items):
            for inner in ast.walk(ast.Module(node.body, [])):
                waits = isinstance(inner, ast.Await | ast.AsyncWith | ast.AsyncFor | ast.Yield)
                called = isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute)
                if waits or (called and inner.func.attr in OTHERS):
                    yield inner.lineno


def clocks_read(tree: ast.AST) -> Iterator[int]:
    """Return the lines that read a clock or draw at random by themselves."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = node.value.id, node.attr
            if module == "random" or (module == "time" and name in INJECTED):
                yield node.lineno


def places(find, sources: list[Path] = SOURCES) -> list[str]:
    return [f"{path}:{line}" for path in sources for line in find(ast.parse(path.read_text()))]


def test_nobody_waits_with_what_swallows_cancellations() -> None:
    assert places(awaited_wrongly) == []


def test_no_lock_is_held_while_others_code_runs() -> None:
    assert places(held_too_long) == []


def test_no_decision_reads_a_clock_by_itself() -> None:
    assert places(clocks_read, sorted((ROOT / "gateway" / "engine").rglob("*.py"))) == []


@pytest.mark.parametrize(
    ("find", "text"),
    [
        (awaited_wrongly, "await asyncio.wait_for(x, 1)"),
        (awaited_wrongly, "from asyncio import wait_for"),
        (held_too_long, "async def f(self):\n with self._lock:\n  await x"),
        (held_too_long, "def f(self):\n with self._lock:\n  self._log.warning('x')"),
        (clocks_read, "import time\ntime.time()"),
        (clocks_read, "import random\nrandom.uniform(0, 1)"),
    ],
)
def test_each_of_them_would_be_found(find, text: str) -> None:
    assert list(find(ast.parse(text)))
