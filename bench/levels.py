"""What a process holds, sample by sample, and whether any of it grows with the number of reconnects."""

import asyncio
import gc
import os
import sys
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.testing.trend import Trend, trend

MOST: Final[Mapping[str, float]] = {
    "tasks": 0.05,
    "timers": 0.05,
    "descriptors": 0.05,
    "objects": 0.05,
    "blocks of memory": 0.25,
    "resident bytes": 32.0,
}
"""
How much of each a reconnect may leave behind: less than any leak there can be.

A connection that ends in one of five ways leaves a fifth of a task, timer or
descriptor for each reconnect, if it leaves one. Objects are those that hold others; blocks are all,
and what Python keeps of freed ones for the next of their kind, some hundreds. What
is resident comes and goes in pages.
"""
ARENAS: Final = 4 << 20
"""Bytes that may become resident at once, whatever they are for: the allocator takes memory by the MiB."""
_PAGE: Final = 4096


class Levels:
    """
    Samples of what the process holds, each beside the number of reconnects so far. Event-loop only.

    They take no memory of their own, which would be measured too.

    Args:
        count: how many samples there will be.
    """

    def __init__(self, count: int) -> None:
        self.at = array("d", bytes(8 * count))
        self.samples = {
            name: array("d", bytes(8 * count)) for name, level in LEVELS.items() if level() is not None
        }
        self._next = 0

    def sample(self, at: int) -> None:
        """Take every figure now, when everything rests; garbage is collected before."""
        gc.collect()
        self.at[self._next] = at
        for name, values in self.samples.items():
            values[self._next] = LEVELS[name]() or 0
        self._next += 1

    def trends(self) -> Mapping[str, Trend]:
        """Return how much of each comes with a reconnect."""
        return {name: trend(self.at, values) for name, values in self.samples.items()}

    def most(self, name: str) -> float:
        """Return how much a reconnect may leave behind."""
        return max(MOST[name], ARENAS / max(1.0, self.at[-1]) if name == "resident bytes" else 0.0)

    def growing(self) -> Mapping[str, Trend]:
        """Return what grows for certain: where even the low end of the interval is more than is allowed."""
        return {name: found for name, found in self.trends().items() if found.low > self.most(name)}

    def unsure(self) -> Mapping[str, Trend]:
        """Return what cannot be told of: where the interval is so wide that a leak would hide in it."""
        return {name: found for name, found in self.trends().items() if found.low <= self.most(name) < found.high}


def _timers() -> int:
    """Count the timers that the event loop would still fire."""
    loop: Any = asyncio.get_running_loop()
    return sum(not timer.cancelled() for timer in loop._scheduled)  # noqa: SLF001  # asyncio tells nobody


def _descriptors() -> int | None:
    """Count what is open, where the system tells (Linux, macOS)."""
    try:
        return len(os.listdir("/dev/fd")) - 1  # noqa: PTH208  # one of them is the listing's own
    except OSError:
        return None


def _resident() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None


LEVELS: Final[Mapping[str, Callable[[], int | None]]] = {
    "tasks": lambda: len(asyncio.all_tasks()),
    "timers": _timers,
    "descriptors": _descriptors,
    "objects": lambda: len(gc.get_objects()),
    "blocks of memory": sys.getallocatedblocks,
    "resident bytes": _resident,
}
