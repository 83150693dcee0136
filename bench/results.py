"""What counts as a result, and how many of them become one figure: medians, paired by round, with their range."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run; ``problem`` says why it is no result, if it is none."""

    counted: int
    seconds: float | None
    cpu: float | None
    problem: str | None

    @property
    def rate(self) -> float | None:
        """Messages a second."""
        return self.counted / self.seconds if self.seconds and self.problem is None else None

    @property
    def cost(self) -> float | None:
        """Microseconds of CPU for each message."""
        return self.cpu / self.counted * 1e6 if self.cpu and self.problem is None else None


def judge(result: Mapping[str, Any], expected: int, proof: Mapping[str, Any] | None) -> Run:
    """Compare what was counted and what was seen last with the tape; without a proof nothing was looked at."""
    if "error" in result:
        return Run(0, None, None, result["error"])
    counted = result["counted"]
    problem = None
    if counted != expected:
        problem = f"{expected} messages were sent and {counted} counted"
    elif proof is not None and (wrong := _differing(result["proof"], proof)):
        problem = f"the last {wrong} is not the tape's"
    return Run(counted, result["seconds"], result["cpu"], problem)


def _differing(seen: Mapping[str, Any], proof: Mapping[str, Any]) -> str:
    return ", ".join(name for name, value in proof.items() if _plain(seen.get(name)) != _plain(value))


def _plain(value: Any) -> Any:
    """Return ``value`` with numbers compared as numbers, however they are spelled."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return Decimal(value) if isinstance(value, str) else value


Figure = Callable[[Run], float | None]


def rate(run: Run) -> float | None:
    """Return messages a second."""
    return run.rate


def cost(run: Run) -> float | None:
    """Return microseconds of CPU for each message."""
    return run.cost


def share(run: Run) -> float | None:
    """Return per cent of a core: below a hundred by what the process waited, or had to leave to others."""
    return run.cpu / run.seconds * 100 if run.cpu and run.seconds and run.problem is None else None


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Return median and range as text."""
    if not values:
        return "-"
    middle, low, high = (f"{value:,.{digits}f}" for value in (median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low}..{high})"


def values(runs: Sequence[Run], figure: Figure) -> list[float]:
    """Return a figure of each run that is a result."""
    return [value for run in runs if (value := figure(run)) is not None]


def ratios(runs: Sequence[Run], others: Sequence[Run], figure: Figure) -> list[float]:
    """Return by how much ``figure`` is greater in ``runs`` than in ``others``, round by round."""
    pairs = ((figure(one), figure(other)) for one, other in zip(runs, others, strict=True))
    return [one / other for one, other in pairs if one is not None and other]
