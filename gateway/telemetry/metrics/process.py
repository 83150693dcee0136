"""What the operating system says of this process; what it does not say is left out."""

import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from gateway.telemetry.metrics.catalogue import BUILD_INFO, CPU, MEMORY, MOST_FILES, OPEN_FILES, STARTED
from gateway.telemetry.metrics.model import Sample

_OWN: Final = Path("/proc/self")
_PAGES: Final = 1
"""The field of ``statm`` with the resident pages."""


def process(version: str) -> Callable[[], Iterator[Sample]]:
    """Return what reads the figures of this process; ``version`` is the gateway's."""
    build = (version, platform.python_version())
    began = time.time() - _age()

    def read() -> Iterator[Sample]:
        yield BUILD_INFO, build, 1
        yield STARTED, (), began
        yield CPU, (), time.process_time()
        yield from _memory()
        yield from _files()

    return read


def _age() -> float:
    """Return for how many seconds the process has run, 0 where nobody says."""
    try:
        ticks = float((_OWN / "stat").read_text().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, ValueError):
        return 0.0


def _memory() -> Iterator[Sample]:
    try:
        pages = int((_OWN / "statm").read_text().split()[_PAGES])
    except OSError:
        return
    yield MEMORY, (), pages * os.sysconf("SC_PAGE_SIZE")


def _files() -> Iterator[Sample]:
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return
    yield MOST_FILES, (), resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        yield OPEN_FILES, (), len(os.listdir(_OWN / "fd"))  # noqa: PTH208  # the fastest way, and a name is all we want
    except OSError:
        return
