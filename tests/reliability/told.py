"""What a run found, with where and when: the machine, the versions and the date belong to each figure."""

import importlib.metadata
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

SHOWN: Final = ("aiohttp", "msgspec", "orjson", "uvloop")
"""Libraries whose versions are told."""


def circumstances() -> dict[str, Any]:
    """Return what a figure depends on."""
    model = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": f"{os.cpu_count()} x {model.partition(': ')[2] or platform.machine()}, {platform.system()}",
        "versions": {"Python": platform.python_version(), **{name: _version(name) for name in SHOWN}},
    }


def _lines(path: str) -> Sequence[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Write it down with its circumstances."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**found, **circumstances()}, indent=1, sort_keys=True) + "\n", encoding="utf-8")


class Told:
    """
    A plugin of pytest that writes down how the tests of each fault went.

    Args:
        path: where to.
        arguments: of the command.
    """

    def __init__(self, path: Path, arguments: Sequence[str]) -> None:
        self._path = path
        self._arguments = arguments
        self._faults: dict[str, Counter[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: by its call, or by what kept it from being called."""
        if report.when != "call" and report.passed:
            return
        for name, value in report.user_properties:
            if name == "fault":
                self._faults.setdefault(str(value), Counter())[report.outcome] += 1

    def pytest_sessionfinish(self) -> None:
        """Write it down."""
        arguments = [str(one) for one in self._arguments if not str(one).startswith("--faults-told")]
        found = {name: dict(counts) for name, counts in sorted(self._faults.items())}
        write(self._path, {"command": " ".join(("pytest", *arguments)), "faults": found})
