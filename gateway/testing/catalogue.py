"""The catalogue of faults on the side of the exchange: what each is, and what plays it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from gateway.testing.scenario import Scenario
from gateway.testing.scenario_files import build


@dataclass(frozen=True, slots=True)
class Row:
    """
    One fault.

    ``scenario`` plays it at the mock exchange's venue, ``proxy`` names what of
    :class:`~gateway.testing.chaos.ChaosProxy` does it to any connection;
    ``reason`` says why neither can. ``unseen`` is one that no client of the
    mock exchange can notice.
    """

    id: str
    fault: str
    scenario: Scenario | None = None
    proxy: str = ""
    reason: str = ""
    unseen: bool = False


def catalogue() -> Mapping[str, Row]:
    """Return every row under its id, in order."""
    text = files("gateway.testing").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: _row(name, given) for name, given in tomllib.loads(text).items()}


def _row(name: str, given: Mapping[str, Any]) -> Row:
    told = {key: value for key, value in given.items() if key != "steps"}
    scenario = build({"steps": given["steps"]}, name) if "steps" in given else None
    return Row(name, scenario=scenario, **told)
