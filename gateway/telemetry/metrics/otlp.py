"""
How OpenTelemetry gets a reading: as the data that its exporters take, made here without an instrument.

All sums and histograms are cumulative, from the moment at which the counting began.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ConsoleMetricExporter,
    DataT,
    Gauge,
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as Histograms
from opentelemetry.sdk.metrics.export import Metric as Told
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gateway.engine.histogram import Histogram
from gateway.telemetry import asked
from gateway.telemetry.metrics.model import Metric, Reading, Value

SCOPE: Final = InstrumentationScope("gateway")
_CUMULATIVE: Final = AggregationTemporality.CUMULATIVE

log = logging.getLogger("gateway")

Send = Callable[[Reading, int], bool]
"""Sends a reading of that time, nanoseconds since 1970, and tells whether it arrived. Blocks."""


class Exporters:
    """
    The exporters that were asked for. Every method may block, and may be called on any thread.

    Args:
        names: ``console``, ``otlp`` or both.
        environ: says where to, and under which name.
        since_ns: when the counting began, nanoseconds since 1970.
    """

    def __init__(self, names: frozenset[str], environ: Mapping[str, str], since_ns: int) -> None:
        self._exporters = [_exporter(name, environ) for name in sorted(names)]
        self._resource = asked.resource(environ)
        self._since_ns = since_ns

    def send(self, reading: Reading, at_ns: int) -> bool:
        """See :data:`Send`."""
        told = [_told(metric, series, (self._since_ns, at_ns)) for metric, series in reading.items() if series]
        scopes = [ScopeMetrics(SCOPE, told, "")]
        data = MetricsData([ResourceMetrics(self._resource, scopes, "")])
        arrived = [_exported(exporter, data) for exporter in self._exporters]  # by each of them
        return all(arrived)

    def close(self) -> None:
        """Give up what is being tried again."""
        for exporter in self._exporters:
            with suppress(Exception):  # nothing is left to lose
                exporter.shutdown()


def _exported(exporter: MetricExporter, data: MetricsData) -> bool:
    """Return whether it says that all arrived; what it raises keeps the others from nothing."""
    try:
        return exporter.export(data) is MetricExportResult.SUCCESS
    except BaseException as exc:  # noqa: BLE001  # its own exit would keep the others from theirs
        log.warning("the exporter of metrics has failed: %s", type(exc).__name__)
        return False


def _exporter(name: str, environ: Mapping[str, str]) -> MetricExporter:
    if name == "console":
        return ConsoleMetricExporter(out=sys.stderr)
    return OTLPMetricExporter(**asked.target("metrics", environ))


def _told(metric: Metric, series: Mapping[tuple[str, ...], Value], times: tuple[int, int]) -> Told:
    return Told(metric.name, metric.text, metric.unit, _data(metric, series, times))


def _data(metric: Metric, series: Mapping[tuple[str, ...], Value], times: tuple[int, int]) -> DataT:
    numbers: list[NumberDataPoint] = []
    histograms: list[HistogramDataPoint] = []
    for labels, value in series.items():
        attributes = dict(zip(metric.labels, labels, strict=True))
        if isinstance(value, Histogram):
            histograms.append(_point(attributes, value, times))
        else:
            numbers.append(NumberDataPoint(attributes, *times, value))
    match metric.kind:
        case "histogram":
            return Histograms(histograms, _CUMULATIVE)
        case "counter":
            return Sum(numbers, _CUMULATIVE, is_monotonic=True)
        case "gauge":
            return Gauge(numbers)


def _point(attributes: Mapping[str, str], value: Histogram, times: tuple[int, int]) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes,
        *times,
        count=sum(value.counts),
        sum=value.sum,
        bucket_counts=value.counts,
        explicit_bounds=value.bounds,
        min=None,  # type: ignore[arg-type]  # unknown, which the protocol allows
        max=None,  # type: ignore[arg-type]  # same
    )
