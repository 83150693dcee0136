"""
When a connection that may only last so long is replaced: in good time, in the operator's window if it can be.

All replacements are spread at random, so that connections that were opened
together are not replaced together.
"""

from collections.abc import Iterator
from typing import Final

EARLIEST: Final = 0.95
"""The part of its age from which a connection is replaced, where no window says otherwise."""
LATEST: Final = 0.99
SPARE: Final = 60.0
"""Seconds that must be left for it, and for another attempt; of a short age a quarter."""
DAY: Final = 86_400.0

Window = tuple[float, float]
"""Seconds after midnight, UTC; one that ends before it begins lasts over midnight."""


def rollover_after(
    opened_us: int, age: float, window: Window | None, share: float, *, passed: float = 0.0
) -> float:
    """
    Return after how many seconds a connection is to be replaced.

    Args:
        opened_us: when it was opened; wall time in microseconds since 1970.
        age: seconds after which it would end by itself.
        window: in which replacements are to happen.
        share: from 0 to 1, which spreads them.
        passed: seconds of its life that are over; a window in them is of no use any more.
    """
    latest = min(LATEST * age, age - min(SPARE, age / 4))
    earliest = latest * EARLIEST / LATEST
    if window is not None:
        opened = opened_us / 1e6
        for begin, end in _within(opened % DAY, passed, latest, window):
            earliest, latest = begin, end  # the last one is the best use of the connection
    return earliest + share * (latest - earliest)


def _within(opened: float, passed: float, latest: float, window: Window) -> Iterator[tuple[float, float]]:
    """Yield the parts of each day's window that lie in what is left of a connection opened at a time of day."""
    begin, end = window
    length = (end - begin) % DAY
    start = begin - opened - DAY
    while start < latest:
        if start + length > passed:
            yield max(passed, start), min(latest, start + length)
        start += DAY
