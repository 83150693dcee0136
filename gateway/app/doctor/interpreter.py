"""Whether Python and what we need of the package index are there, and new enough."""

import platform
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from typing import Final

from gateway.app.doctor.case import Case
from gateway.app.doctor.findings import Finding, advice, well, wrong
from gateway.net.loops import loop_factory
from gateway.net.parsing import parses_in_python

OURS: Final = "exchange-gateway"
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*([0-9.]+)[^;]*(;.*)?")
_OLDER: Final = re.compile(r""";\s*python_version\s*<\s*['"]([0-9.]+)['"]""")


def python(_: Case, version: Sequence[int] = sys.version_info[:3]) -> Iterator[Finding]:
    """Tell whether this Python is new enough."""
    floor = _release((metadata.metadata(OURS)["Requires-Python"] or ">=0").removeprefix(">="))
    text = f"Python {'.'.join(map(str, version))} ({platform.python_implementation()}) at {sys.executable}"
    if tuple(version) < floor:
        needed = ".".join(map(str, floor))
        yield wrong(f"{text} is too old", f"install Python {needed} or later, and the gateway into it")
    else:
        yield well(text)


def distributions(
    _: Case,
    needed: Sequence[str] | None = None,
    version_of: Callable[[str], str] = metadata.version,
) -> Iterator[Finding]:
    """Tell which distributions are missing or older than they may be."""
    wanted = [one for one in (needed or metadata.requires(OURS) or ()) if _REQUIREMENT.match(one)]
    todo = f"install the gateway anew into this environment: pip install --upgrade {OURS}"
    sound = 0
    for requirement in wanted:
        match = _REQUIREMENT.match(requirement)
        assert match is not None
        name, floor, marker = match.groups()
        if not _applies(marker):
            continue
        try:
            found = version_of(name)
        except metadata.PackageNotFoundError:
            yield wrong(f"{name} is not installed", todo)
            continue
        if _release(found) < _release(floor):
            yield wrong(f"{name} {found} is older than {floor}", todo)
        else:
            sound += 1
    if parses_in_python():
        yield wrong(
            "aiohttp parses HTTP in Python, which is where most ways of smuggling a request were found",
            "unset AIOHTTP_NO_EXTENSIONS, or install aiohttp from a wheel",
        )
    yield well(f"{sound} distributions are there and new enough")


def event_loop(_: Case, system: str = sys.platform) -> Iterator[Finding]:
    """Tell which event loop would run."""
    if loop_factory() is not None:
        yield well("uvloop is there")
    elif system == "win32" or platform.python_implementation() != "CPython":
        yield well("asyncio's own event loop: uvloop is not to be had here")
    else:
        yield advice("uvloop is not there: a wake-up costs two fifths more CPU", "pip install uvloop")


def _applies(marker: str | None) -> bool:
    """Whether it is for this Python; an extra is not looked for, nor what only some systems have."""
    if marker is None:
        return True
    match = _OLDER.fullmatch(marker)
    return match is not None and sys.version_info[:2] < _release(match[1])


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
