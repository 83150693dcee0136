"""docs/architecture.md shows the states, the layers and the defaults that the code has."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.model.states import TRANSITIONS, ConnectionState

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()
DEFAULTS = re.findall(r"^\| .+ \| ([0-9.]+) \| `(gateway\.[\w.]+)` \|$", PAGE, re.MULTILINE)
CONTRACT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]


def block(name: str) -> list[str]:
    """Return the lines of the fenced block below the comment that begins with ``name``."""
    [found] = re.findall(rf"<!-- {name}: [^\n]+ -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    return found.splitlines()


def test_the_diagram_is_the_table():
    moves = sorted(f"    {state} --> {target}" for state, row in TRANSITIONS.items() for target in row)
    assert block("transitions") == ["stateDiagram-v2", *moves]


def test_every_state_is_explained():
    assert set(re.findall(r"^\| ([A-Z]+) \|", PAGE, re.MULTILINE)) == set(ConnectionState)


def test_the_layers_are_those_that_are_checked():
    assert block("layers") == [re.sub(r"[()]", "", layer) for layer in CONTRACT["layers"]]


def test_the_tree_has_every_package():
    shown = set(re.findall(r"^\| `gateway\.(\w+)` \|", PAGE, re.MULTILINE))
    layers = {name for layer in CONTRACT["layers"] for name in re.findall(r"(\w+)", layer)}
    assert shown == layers - {"__main__"}


def test_no_exchange_is_known_by_its_name():
    for path in (ROOT / "gateway").rglob("*.py"):
        code = re.sub(r'""".*?"""|#[^\n]*', "", path.read_text(), flags=re.DOTALL)
        examples = "" if path.parent.name == "cli" else r"|\bmock\b"
        assert not re.search(f"binance|acme{examples}", code, re.IGNORECASE), path


@pytest.mark.parametrize(("value", "name"), DEFAULTS)
def test_a_default_is_what_the_code_says(value, name):
    assert float(value) == _found(name)


def test_there_are_defaults_to_compare():
    assert len(DEFAULTS) > 20


def _found(name: str) -> Any:
    """Return the constant called ``name``, or the field's default of the dataclass before its last dot."""
    module, _, constant = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), constant)
    except ModuleNotFoundError:
        module, _, kind = module.rpartition(".")
        return getattr(getattr(importlib.import_module(module), kind)(), constant)
