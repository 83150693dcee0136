"""What a metric is, and one reading of all of them; how it is spelled elsewhere follows from it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gateway.engine.histogram import Histogram

Kind = Literal["counter", "gauge", "histogram"]
SUFFIXES: Final[Mapping[str, str]] = {"s": "_seconds", "By": "_bytes"}
"""How Prometheus spells the units that are more than a number of things."""


@dataclass(frozen=True, slots=True)
class Metric:
    """
    One metric, as the catalogue lists it.

    Args:
        name: OpenTelemetry's, with dots.
        kind: a counter only grows.
        unit: in UCUM's spelling: ``s``, ``By``, or a thing in braces.
        text: what it says, in one sentence without a full stop.
        labels: the names of its labels; the values of each are a closed list, or exchanges.
        spelling: Prometheus' name where custom has another one than follows from ``name``.
    """

    name: str
    kind: Kind
    unit: str
    text: str
    labels: tuple[str, ...] = ()
    spelling: str = ""

    @property
    def prometheus(self) -> str:
        """Return the name that Prometheus has, with its unit and what marks a counter."""
        if self.spelling:
            return self.spelling
        unit = SUFFIXES.get(self.unit, "")
        base = self.name.replace(".", "_").removesuffix(unit) + unit
        return f"{base}_total" if self.kind == "counter" else base


Value = int | float | Histogram
Sample = tuple[Metric, tuple[str, ...], Value]
"""A metric, the values of its labels in their order, and its value now."""
Source = Callable[[], Iterable[Sample]]
"""Reads some metrics. Called on the event loop."""
Reading = Mapping[Metric, Mapping[tuple[str, ...], Value]]
"""What all sources said at one moment, in the order of the catalogue; histograms are copies."""


def read(catalogue: Iterable[Metric], sources: Iterable[Source]) -> Reading:
    """
    Ask every source.

    Raises:
        KeyError: If one tells of a metric that is not in the catalogue.
        ValueError: If one has other labels than the catalogue says, or a series is told twice.
    """
    reading: dict[Metric, dict[tuple[str, ...], Value]] = {metric: {} for metric in catalogue}
    for source in sources:
        for metric, labels, value in source():
            series = reading[metric]
            if len(labels) != len(metric.labels) or labels in series:
                raise ValueError(f"{metric.name} cannot have {labels}")
            series[labels] = _copied(value)
    return reading


def _copied(value: Value) -> Value:
    if not isinstance(value, Histogram):
        return value
    copy = Histogram(value.bounds)
    copy.counts, copy.sum = list(value.counts), value.sum
    return copy
