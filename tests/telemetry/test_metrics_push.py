"""Metrics reach a collector as they are, the last ones too; one that is away costs no message and no memory."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from collector import Collector
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from gateway.engine.histogram import Histogram
from gateway.errors import ConfigError
from gateway.telemetry.metrics.catalogue import CATALOGUE, CHANGES, CLIENTS, CPU, DELIVERY
from gateway.telemetry.metrics.model import Reading, Sample, read
from gateway.telemetry.metrics.push import Push, interval_of, push


class Source:
    """A reading that grows by one each time, and how often it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def read(self) -> Reading:
        self.taken += 1
        return read(CATALOGUE, [self._samples])

    def _samples(self) -> Iterator[Sample]:
        delivery = Histogram((0.1, 1.0))
        for seconds in (0.05, 0.5, 0.5, 5.0):
            delivery.observe(seconds)
        yield CLIENTS, (), 7
        yield CPU, (), 1.5
        yield CHANGES, ("mock", "error", "rollover"), self.taken
        yield DELIVERY, (), delivery


def sent(body: bytes) -> dict[str, Any]:
    """Return the metrics of a request by name."""
    request = ExportMetricsServiceRequest.FromString(body)
    [resource] = request.resource_metrics
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == (
        "exchange-gateway"
    )
    [scope] = resource.scope_metrics
    assert scope.scope.name == "gateway"
    return {metric.name: metric for metric in scope.metrics}


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("gateway metrics")]


def made(collector: Collector, source: Source, **environ: str) -> Push:
    pushing = push("otlp", {**collector.environ, **environ}, source.read)
    assert pushing is not None
    return pushing


async def test_a_collector_gets_every_kind_as_it_is() -> None:
    source = Source()
    with Collector() as collector:
        assert await made(collector, source).finish(within=10)
        path, body = collector.bodies.get_nowait()
    assert path == "/v1/metrics"
    told = sent(body)
    assert set(told) == {
        "gateway.clients",
        "process.cpu.time",
        "gateway.connection.changes",
        "gateway.message.delivery",
    }
    assert told["gateway.clients"].gauge.data_points[0].as_int == 7
    total = told["process.cpu.time"].sum
    assert (total.is_monotonic, total.aggregation_temporality, total.data_points[0].as_double) == (True, 2, 1.5)
    assert told["process.cpu.time"].unit == "s"
    [changes] = told["gateway.connection.changes"].sum.data_points
    assert {one.key: one.value.string_value for one in changes.attributes} == {
        "exchange": "mock",
        "state": "error",
        "reason": "rollover",
    }
    [delivery] = told["gateway.message.delivery"].histogram.data_points
    assert (list(delivery.bucket_counts), list(delivery.explicit_bounds)) == ([1, 2, 1], [0.1, 1.0])
    assert (delivery.count, delivery.sum) == (4, 6.05)
    assert not delivery.HasField("min")
    assert 0 < delivery.start_time_unix_nano <= delivery.time_unix_nano


async def test_it_sends_each_interval_and_what_was_counted_since_at_the_end() -> None:
    source = Source()
    with Collector() as collector:
        pushing = made(collector, source, OTEL_METRIC_EXPORT_INTERVAL="20")
        task = asyncio.create_task(pushing.run())
        bodies = [await asyncio.to_thread(collector.bodies.get, timeout=10) for _ in range(2)]
        task.cancel()
        taken = source.taken
        assert await pushing.finish(within=10)
        while not collector.bodies.empty():
            bodies.append(collector.bodies.get_nowait())
    counts = [sent(body)["gateway.connection.changes"].sum.data_points[0].as_int for _, body in bodies]
    assert counts == sorted(set(counts)), "none twice, none out of order"
    assert counts[-1] == source.taken > taken


async def test_a_collector_that_never_answers_is_waited_for_by_one_thread_with_one_reading() -> None:
    source = Source()
    with Collector(deaf=True) as collector:
        pushing = made(collector, source)
        assert pushing.offer()
        await asyncio.to_thread(collector.bodies.get, timeout=10)
        for _ in range(1000):
            assert not pushing.offer()
        assert (pushing.left_out, source.taken, threads()) == (1000, 1, ["gateway metrics"])
        async with asyncio.timeout(5):
            assert not await pushing.finish(within=0.1)
        assert source.taken == 1
        await _over(collector.release.set)


async def test_a_collector_that_comes_back_gets_all_there_was() -> None:
    """What is left out meanwhile is no loss: every reading has the whole."""
    source = Source()
    with Collector(deaf=True) as collector:
        pushing = made(collector, source)
        pushing.offer()
        await asyncio.to_thread(collector.bodies.get, timeout=10)
        pushing.offer()
        collector.release.set()
        assert await pushing.finish(within=10)
        told = sent(collector.bodies.get_nowait()[1])
    assert told["gateway.connection.changes"].sum.data_points[0].as_int == source.taken == 2


async def test_nobody_there_is_an_answer_within_the_bound() -> None:
    pushing = push("otlp", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, Source().read)
    assert pushing is not None
    async with asyncio.timeout(5):
        assert not await pushing.finish(within=0.2)
    await _over()


async def _over(also: Callable[[], None] = lambda: None) -> None:
    """Wait until no thread of ours is left."""
    also()
    left = [one for one in threading.enumerate() if one.name.startswith("gateway metrics")]
    for thread in left:
        await asyncio.to_thread(thread.join, 15)
    assert not threads()


async def test_the_console_gets_json_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    pushing = push("console", {}, Source().read)
    assert pushing is not None
    assert await pushing.finish(within=10)
    out, err = capsys.readouterr()
    assert not out
    [resource] = json.loads(err)["resource_metrics"]
    names = [metric["name"] for metric in resource["scope_metrics"][0]["metrics"]]
    assert "gateway.clients" in names


@pytest.mark.parametrize(
    ("metrics", "environ", "on"),
    [
        ("none", {}, False),
        ("none", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, False),
        ("none", {"OTEL_METRICS_EXPORTER": "console"}, True),
        ("console", {"OTEL_METRICS_EXPORTER": "none"}, False),
        ("console", {"OTEL_TRACES_EXPORTER": "none"}, True),
        ("console", {"OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_environment_overrules_the_configuration(metrics: str, environ: dict[str, str], on: bool) -> None:
    assert (push(metrics, environ, Source().read) is not None) is on


@pytest.mark.parametrize(
    ("metrics", "environ", "key"),
    [
        ("statsd", {}, "telemetry.metrics"),
        ("none", {"OTEL_METRICS_EXPORTER": "prometheus"}, "OTEL_METRICS_EXPORTER"),
        ("console", {"OTEL_METRIC_EXPORT_INTERVAL": "often"}, "OTEL_METRIC_EXPORT_INTERVAL"),
        ("console", {"OTEL_METRIC_EXPORT_INTERVAL": "0"}, "OTEL_METRIC_EXPORT_INTERVAL"),
        ("console", {"OTEL_METRIC_EXPORT_INTERVAL": "inf"}, "OTEL_METRIC_EXPORT_INTERVAL"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_key(metrics: str, environ: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        push(metrics, environ, Source().read)
    assert caught.value.key == key


@pytest.mark.parametrize(("said", "seconds"), [(None, 60.0), ("", 60.0), ("250", 0.25)])
def test_the_interval_is_in_milliseconds(said: str | None, seconds: float) -> None:
    assert interval_of({} if said is None else {"OTEL_METRIC_EXPORT_INTERVAL": said}) == seconds
