"""Whether a figure grows: the slope of a straight line through samples of it, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95
FEWEST: Final = 10
"""Samples below which nothing is said: the quantile below is exact to a thousandth from here on."""


@dataclass(frozen=True, slots=True)
class Trend:
    """How much y grows for each x: ordinary least squares, with the ends of its confidence interval."""

    slope: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.slope:+.3g} ({self.low:+.3g}..{self.high:+.3g})"


def trend(xs: Sequence[float], ys: Sequence[float], *, confidence: float = CONFIDENCE) -> Trend:
    """
    Return the slope of the line that fits best.

    Raises:
        ValueError: If there are too few samples, or all are of one x.
    """
    count = len(xs)
    if count < FEWEST:
        raise ValueError(f"need {FEWEST} samples at least, got {count}")
    middle, level = fsum(xs) / count, fsum(ys) / count
    spread = fsum((x - middle) ** 2 for x in xs)
    if spread == 0:
        raise ValueError("all samples are of one x")
    slope = fsum((x - middle) * (y - level) for x, y in zip(xs, ys, strict=True)) / spread
    missed = fsum((y - level - slope * (x - middle)) ** 2 for x, y in zip(xs, ys, strict=True))
    margin = t_quantile((1 + confidence) / 2, count - 2) * sqrt(missed / (count - 2) / spread)
    return Trend(slope, slope - margin, slope + margin)


def t_quantile(p: float, freedom: int) -> float:
    """
    Return the ``p`` quantile of Student's t distribution.

    Cornish-Fisher's expansion around the normal one; exact to a thousandth from
    eight degrees of ``freedom`` on, at the levels that anybody uses.
    """
    z = NormalDist().inv_cdf(p)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return fsum(term / freedom**power for power, term in enumerate(terms))
