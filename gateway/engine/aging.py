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
"""Seconds that must be left, beside twice what a restore takes: for another attempt. Of a short age a quarter."""
SPREAD: Final = 0.01
"""
The part of its age over which replacements in a window are spread, at the window's end.

Whoever is replaced early in a daily window is so once more in the same one: a day later he would be too old.
"""
PART: Final = 0.125
"""The part of a window over which they are spread at most."""
DAY: Final = 86_400.0

Window = tuple[float, float]
"""Seconds after midnight, UTC; one that ends before it begins lasts over midnight."""


def rollover_after(
    opened_us: int, age: float, window: Window | None, share: float, *, passed: float = 0.0, takes: float = 0.0
) -> float:
    """
    Return after how many seconds a connection is to be replaced.

    Args:
        opened_us: when it was opened; wall time in microseconds since 1970.
        age: seconds after which it would end by itself.
        window: in which replacements are to happen.
        share: from 0 to 1, which spreads them.
        passed: seconds of its life that are over; a window in them is of no use any more.
        takes: seconds from the dial of a connection until it is restored.
    """
    latest = min(LATEST * age, age - min(SPARE + 2 * takes, age / 4))
    earliest = latest * EARLIEST / LATEST
    if window is not None:
        opened = opened_us / 1e6
        for begin, end in _within(opened % DAY, passed, latest, window):
            earliest, latest = max(begin, end - _spread(window, age)), end  # the last is the best use of it
    return earliest + share * (latest - earliest)


def _spread(window: Window, age: float) -> float:
    begin, end = window
    return min(SPREAD * age, (end - begin) % DAY * PART)


def _within(opened: float, passed: float, latest: float, window: Window) -> Iterator[tuple[float, float]]:
    """Yield the parts of each day's window that lie in what is left of a connection opened at a time of day."""
    begin, end = window
    length = (end - begin) % DAY
    start = begin - opened - DAY
    while start < latest:
        if start + length > passed:
            yield max(passed, start), min(latest, start + length)
        start += DAY
