"""docs/writing-a-plugin.md lists every hook, step and event, and shows code that is really there."""

import inspect
import re
from pathlib import Path
from typing import get_args

import pytest

from gateway import spi
from gateway.host import PluginHost
from gateway.spi import hookspecs, steps
from gateway_acme.plugin import INFO, plugin

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/writing-a-plugin.md").read_text()
EXCERPTS = re.findall(r"<!-- from: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)


def called(page: str) -> dict[str, list[str]]:
    """Return the name and arguments of every call that begins a table's row."""
    rows = re.findall(r"^\| `(\w+)\(([^)]*)\)` \|", page, re.MULTILINE)
    return {name: [one for one in arguments.split(", ") if one] for name, arguments in rows}


def test_every_hook_is_explained_with_its_arguments():
    told = {name: arguments for name, arguments in called(PAGE).items() if name.startswith("gateway_")}
    hooks = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("gateway_")}
    assert told == {name: list(inspect.signature(hook).parameters) for name, hook in hooks.items()}


def test_every_step_and_event_is_explained_with_its_fields():
    told = {name: fields for name, fields in called(PAGE).items() if not name.startswith("gateway_")}
    kinds = {*get_args(steps.Step), *get_args(spi.Event)}
    assert told == {kind.__name__: list(inspect.signature(kind).parameters) for kind in kinds}


def test_the_hooks_that_nobody_calls_yet_are_named():
    waiting = set(re.findall(r"^\| `gateway_(\w+)\([^|]*\| not yet:", PAGE, re.MULTILINE))
    callers = [*(ROOT / "gateway/app").glob("*.py"), *(ROOT / "gateway/runtime").glob("*.py")]
    source = "".join(path.read_text() for path in callers)
    hooks = [name.removeprefix("gateway_") for name in vars(hookspecs) if name.startswith("gateway_")]
    ways = {hook: f"binding.{hook}(" for hook in hooks}
    ways |= {"exchange_info": "host.register(", "connection_changed": "host.connection_changed("}
    assert waiting == {hook for hook, way in ways.items() if way not in source}


@pytest.mark.parametrize(("path", "code"), EXCERPTS)
def test_what_is_shown_is_an_excerpt(path, code):
    assert code in (ROOT / path).read_text()


def test_all_code_that_is_shown_is_compared():
    assert len(EXCERPTS) == len(re.findall(r"^```(?:python|toml)$", PAGE, re.MULTILINE)) == 11


def test_what_speaks_an_exchanges_own_protocol_is_explained_with_its_arguments():
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    methods = {name: one for name, one in vars(spi.Native).items() if not name.startswith("_")}
    assert {name: re.findall(r"\w+", arguments) for name, arguments in rows} == {
        name: list(inspect.signature(one).parameters)[1:] for name, one in methods.items()
    }


def test_the_example_keeps_the_contract():
    host = PluginHost()
    host.register("acme", plugin)
    assert host.bind("acme").info is INFO


def test_trust_is_spoken_of_first():
    assert PAGE.split("\n\n")[1].startswith("**A plugin is trusted with everything.**")
