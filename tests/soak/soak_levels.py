"""
What the gateway's process holds while everything rests, fault after fault, and whether any of it grows.

All samples between two faults make one mean: neighbours in time resemble each other, and an interval that
took each for news of its own would be too narrow. Where the means still do (their first autocorrelation is
above 0) it is widened for that. What comes first is left out, until what has a fixed size has reached it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, sqrt
from pathlib import Path
from typing import Final

from gateway.testing.trend import CONFIDENCE, FEWEST, Trend, t_quantile, trend

HOUR: Final = 3600.0
WARM: Final = 0.25
"""The share of a run that is left out at its beginning."""
MOST_BLOCKS: Final = 40
"""As many means as a slope is made of; of a longer run each is of more samples."""
_CLOSEST: Final = 0.9
_FREEST: Final = 4.0


@dataclass(frozen=True, slots=True)
class Bound:
    """
    How much a figure may grow: ``hourly`` for ever, or by ``once`` at some moment, which is no leak.

    A step in the middle of the samples is one and a half times as steep as what a line through both ends would be.
    """

    hourly: float
    once: float

    def most(self, hours: float) -> float:
        """Return the steepest slope, by the hour, that samples over so many ``hours`` may have."""
        return max(self.hourly, 1.5 * self.once / hours)


BOUNDS: Final[Mapping[str, Bound]] = {
    "resident bytes": Bound(2 << 20, 8 << 20),
    "descriptors": Bound(2, 4),
    "threads": Bound(1, 2),
    "tasks": Bound(2, 4),
    "timers": Bound(2, 4),
    "objects": Bound(2_000, 4_000),
    "blocks of memory": Bound(5_000, 15_000),
}
"""
An hour has 120 faults, most of them of all 50 connections: one task for each fault would be 120 an hour,
one object for each connection that is made anew thousands. It has 7.2 million messages.
"""


class Levels:
    """The means, one of each figure for each time of rest; ``at`` is seconds since the run began."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.means: dict[str, list[float]] = {name: [] for name in BOUNDS}
        self._times: list[float] = []
        self._samples: dict[str, list[float]] = {name: [] for name in BOUNDS}

    def sample(self, at: float, figures: Mapping[str, float]) -> None:
        """Take figures of the present rest; ``at`` is seconds since the run began."""
        self._times.append(at)
        for name, value in figures.items():
            self._samples[name].append(value)

    def disturbed(self) -> None:
        """The rest is over; one without a sample of every figure is as if it had not been."""
        if all(self._samples.values()):
            self.at.append(fsum(self._times) / len(self._times))
            for name, values in self._samples.items():
                self.means[name].append(fsum(values) / len(values))
        self._times.clear()
        for values in self._samples.values():
            values.clear()

    def judged(self) -> dict[str, "Judged"]:
        """Return what is to be said of each figure; nothing if there were too few times of rest."""
        first = next((place for place, at in enumerate(self.at) if at >= WARM * self.at[-1]), 0)
        at = self.at[first:]
        if len(at) < FEWEST:
            return {}
        hours = (at[-1] - at[0]) / HOUR
        return {
            name: Judged(values[0], values[first], values[-1], slope(at, values[first:]), BOUNDS[name].most(hours))
            for name, values in self.means.items()
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """One figure: the mean of the first, of the first that counts and of the last rest; growth is by the hour."""

    cold: float
    warm: float
    last: float
    growth: Trend
    most: float

    @property
    def grows(self) -> bool:
        """Whether it does for certain: the whole interval is above what may be."""
        return self.growth.low > self.most

    @property
    def unsure(self) -> bool:
        """Whether nobody can tell: what may not be lies within the interval."""
        return self.growth.low <= self.most < self.growth.high


def slope(at: Sequence[float], values: Sequence[float]) -> Trend:
    """
    Return the growth by the hour of ``values``, with an honest interval.

    Raises:
        ValueError: If there are too few of them.
    """
    hours = _merged([one / HOUR for one in at])
    means = _merged(values)
    plain = trend(hours, means)
    likeness = _likeness(hours, means, plain.slope)
    wider = (1 + likeness) / (1 - likeness)
    quantile = (1 + CONFIDENCE) / 2
    freedom = max(_FREEST, len(means) / wider - 2)
    stretched = sqrt(wider) * t_quantile(quantile, freedom) / t_quantile(quantile, len(means) - 2)
    margin = (plain.high - plain.slope) * stretched
    return Trend(plain.slope, plain.slope - margin, plain.slope + margin)


def _merged(values: Sequence[float]) -> list[float]:
    """Return the means of as many neighbours as leave no more than ``MOST_BLOCKS``; what is over is left out."""
    size = -(-len(values) // MOST_BLOCKS)
    return [fsum(values[at : at + size]) / size for at in range(0, len(values) - size + 1, size)]


def _likeness(xs: Sequence[float], ys: Sequence[float], slope_of: float) -> float:
    """Return the first autocorrelation of what the line leaves, without its bias, from 0 to nearly 1."""
    count = len(xs)
    middle, level = fsum(xs) / count, fsum(ys) / count
    left = [y - level - slope_of * (x - middle) for x, y in zip(xs, ys, strict=True)]
    power = fsum(one * one for one in left)
    if power == 0:
        return 0.0
    found = fsum(one * other for one, other in pairwise(left)) / power
    return min(_CLOSEST, max(0.0, found + 2 / count))


def outside(pid: int) -> dict[str, float]:
    """
    Return what the system says of a process.

    Raises:
        OSError: If it is gone, or not our own.
    """
    place = Path(f"/proc/{pid}")
    status = (place / "status").read_text()
    return {
        "resident bytes": int((place / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(os.listdir(place / "fd")),  # noqa: PTH208  # the names are all we want
        "threads": int(status.partition("Threads:")[2].split()[0]),
    }
