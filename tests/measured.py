"""
What tests measured beside what they judge: with ``-s`` it is printed at the end, with how many there were of each.

Tests of one run that measure the same add to the same figure. Of what never happened
in N times it is said how often it may happen for all that is known: with a confidence of 95 %
less than 3 times in N, where the N do not depend on each other.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest

ROUNDING: Final = 1e-6
"""Of virtual seconds."""

FEW: Final = 6
"""Of so few it says nothing that something never happened."""


@dataclass
class Times:
    """How long something took each time, and for how long it may."""

    values: list[float] = field(default_factory=list)
    bound: float | None = None

    def __str__(self) -> str:
        shown = "  ".join(f"p{share} {percentile(self.values, share):.3f}" for share in (50, 90, 99))
        told = f"N {len(self.values):,}  {shown}  most {max(self.values):.3f}"
        if self.bound is None:
            return told
        above = sum(value > self.bound + ROUNDING for value in self.values)
        return f"{told}\n    more than {self.bound:g}: {often(above, len(self.values))}"


@dataclass
class Count:
    """How often something happened, in how many of what."""

    happened: int = 0
    times: float = 0
    of: str = ""

    def __str__(self) -> str:
        return often(self.happened, self.times, self.of)


_found: dict[str, Times | Count | int] = {}


def took(what: str, values: Iterable[float], *, bound: float | None = None) -> None:
    """Add to how long ``what`` took; ``bound`` is what the test holds each of them to."""
    times = _found.setdefault(what, Times(bound=bound))
    assert isinstance(times, Times)
    assert times.bound == bound, "one figure has one bound"
    times.values.extend(values)


def happened(what: str, times: int, of: float, unit: str = "") -> None:
    """Add to how often ``what`` happened, which should never have, in ``of`` units."""
    count = _found.setdefault(what, Count(of=unit))
    assert isinstance(count, Count)
    count.happened += times
    count.times += of


def counted(what: str, many: int) -> None:
    """Add to what is only counted."""
    before = _found.setdefault(what, 0)
    assert isinstance(before, int)
    _found[what] = before + many


def percentile(values: Sequence[float], per_cent: int) -> float:
    """Return the smallest of ``values`` that so many of a hundred do not exceed."""
    return sorted(values)[max(0, math.ceil(per_cent / 100 * len(values)) - 1)]


def often(times: int, of: float, unit: str = "") -> str:
    """Say how often it was, and for 0 of N how often it may be."""
    told = f"{times:,} of {of:,.0f} {unit}".rstrip()
    return told if times or of < FEW else f"{told}; 95 %: less than 1 in {of / 3:,.0f}"


def lines() -> Iterator[str]:
    """Yield what was measured so far."""
    for what, found in _found.items():
        match found:
            case Times():
                yield f"{what}\n    {found}"
            case Count():
                yield f"{what}: {found}"
            case many:
                yield f"{what}: {many:,}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print it all, for whoever wants to see what tests print."""
    if _found and config.getoption("capture") == "no":
        terminalreporter.write_line("")
        for line in lines():
            terminalreporter.write_line(line)
