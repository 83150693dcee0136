"""The catalogue of faults: which tests show that each is survived, and why where none does."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
WHY: Final = ("not_applicable", "not_covered", "to_come")
GROUPS: Final[Mapping[str, str]] = {
    "A": "Dials, names and TLS",
    "B": "Upgrades",
    "C": "Frames and messages of the exchange",
    "D": "Silences and clocks",
    "E": "Ends, and what follows them",
    "F": "Logins and subscriptions",
    "G": "Sequences and books",
    "H": "Limits, times and keys of the exchange",
    "I": "Clients",
    "J": "Plugins",
    "K": "The runtime",
    "L": "Telemetry, store, configuration, process",
    "M": "Several nodes",
    "N": "Security",
}


@dataclass(frozen=True)
class Fault:
    """
    One row. ``tests`` are node ids, some without the part in brackets.

    Where there are none, ``why`` is one of :data:`WHY` and ``reason`` a sentence.
    """

    id: str
    title: str
    tests: Sequence[str] = ()
    why: str = ""
    reason: str = ""


def faults() -> Mapping[str, Fault]:
    """Return every row under its id, in order."""
    given = tomllib.loads((HERE / "catalogue.toml").read_text(encoding="utf-8"))
    played = tomllib.loads((ROOT / "gateway" / "testing" / "catalogue.toml").read_text(encoding="utf-8"))
    return {name: _fault(name, row, played) for name, row in given.items()}


def _fault(name: str, row: Mapping[str, object], played: Mapping[str, Mapping[str, object]]) -> Fault:
    title = row.get("fault") or played[name]["fault"]
    tests = row.get("tests", ())
    assert isinstance(title, str)
    assert isinstance(tests, list | tuple)
    why = next((why for why in WHY if why in row), "")
    return Fault(name, title, tuple(tests), why, str(row.get(why, "")))


def ids_of_tests() -> Mapping[str, Sequence[str]]:
    """Return the rows that each test shows, by its node id, with or without brackets."""
    found: dict[str, list[str]] = {}
    for fault in faults().values():
        for test in fault.tests:
            found.setdefault(test, []).append(fault.id)
    return found
