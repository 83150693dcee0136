"""
How Prometheus gets a reading: its own text format 0.0.4, or OpenMetrics 1.0 for whoever asks for it.

Both name every metric, those too that have no series now, so that a page tells what there is.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from math import inf, isinf
from typing import Final

from gateway.engine.histogram import Histogram
from gateway.telemetry.metrics.model import SUFFIXES, Metric, Reading, Value

PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})


def wants_open(accept: str) -> bool:
    """Tell whether an ``Accept`` header prefers OpenMetrics; whoever names it at all names it first."""
    return "application/openmetrics-text" in accept


def page(reading: Reading, *, openmetrics: bool) -> bytes:
    """Return ``reading`` as a page of text."""
    lines: list[str] = []
    for metric, series in reading.items():
        lines += _head(metric, openmetrics=openmetrics)
        for labels, value in series.items():
            lines += _series(metric, dict(zip(metric.labels, labels, strict=True)), value)
    if openmetrics:
        lines.append("# EOF")
    return "\n".join((*lines, "")).encode()


def _head(metric: Metric, *, openmetrics: bool) -> Iterator[str]:
    name = metric.prometheus
    if openmetrics:
        name = name.removesuffix("_total")
    yield f"# HELP {name} {metric.text.translate(_HELP_ESCAPES if not openmetrics else _ESCAPES)}"
    yield f"# TYPE {name} {metric.kind}"
    unit = SUFFIXES.get(metric.unit, "")
    if openmetrics and unit and name.endswith(unit):
        yield f"# UNIT {name} {unit.removeprefix('_')}"


def _series(metric: Metric, labels: Mapping[str, str], value: Value) -> Iterator[str]:
    name = metric.prometheus
    if not isinstance(value, Histogram):
        yield f"{name}{_labels(labels)} {_number(value)}"
        return
    below = accumulate(value.counts)
    for bound, count in zip((*value.bounds, inf), below, strict=True):
        yield f"{name}_bucket{_labels({**labels, 'le': _number(float(bound))})} {count}"
    yield f"{name}_sum{_labels(labels)} {_number(value.sum)}"
    yield f"{name}_count{_labels(labels)} {sum(value.counts)}"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items()) + "}"


def _number(value: float) -> str:
    return "+Inf" if isinf(value) else repr(value)
