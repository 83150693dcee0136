"""How often something took how long: fixed bounds, plain integers, no clock and no lock."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

DELIVERY: Final = (
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0,
)  # fmt: skip
"""Bounds, in seconds, for what this process does by itself."""
TRANSIT: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
"""Bounds, in seconds, for what goes over a network."""
OUTAGE: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Bounds, in seconds, for what people notice."""


class Histogram:
    """
    Counts of seconds by size. One thread writes; what others read may be one observation old.

    Args:
        bounds: the largest value of each bucket, growing; what is larger than all has a bucket of its own.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        """How many were in each bucket, not in those below it, too."""
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count ``seconds``; a time below zero, which only clocks that differ can give, counts as none."""
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds
