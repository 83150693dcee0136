"""
An exporter that raises, exits or answers nonsense costs what it was given, and nothing else.

Not the thread that asks it, no other exporter, no message, and no end in good order.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from gateway import Gateway
from gateway.engine.messages import Message, Notice
from gateway.telemetry import Telemetry, traced
from gateway.telemetry.asked import Batching
from gateway.telemetry.metrics.otlp import Exporters
from gateway.telemetry.metrics.push import Push
from gateway.telemetry.sending import Losses, Sending
from gateway_mock.plugin import MockExchange
from gateway_mock.venue import MockVenue

PATIENCE = 20.0


def raising() -> Any:
    raise RuntimeError("an exporter's own mistake")


def leaving() -> Any:
    raise SystemExit(1)


def endless() -> Any:
    return endless()


JUNK: dict[str, Callable[[], Any]] = {
    "raises": raising,
    "exits": leaving,
    "recurses": endless,
    "nothing": lambda: None,
    "a number": lambda: 0,
    "a text": lambda: "SUCCESS",
    "another's answer": lambda: MetricExportResult.SUCCESS,
    "a class": lambda: SpanExportResult,
}


class Exporter(SpanExporter):
    """Does as it is told at each batch, and raises at its end too."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act
        self.batches = 0

    def export(self, _: Any) -> Any:
        self.batches += 1
        return self.act()

    def shutdown(self) -> None:
        raise RuntimeError("at the end too")


@pytest.fixture(autouse=True)
def no_thread_dies() -> Iterator[None]:
    """Whatever a thread raises beyond its work is an error of ours."""
    died: list[str] = []
    before, threading.excepthook = threading.excepthook, lambda args: died.append(repr(args.exc_value))
    yield
    threading.excepthook = before
    assert died == []


def spans(provider: TracerProvider, number: int) -> None:
    tracer = provider.get_tracer("test")
    for _ in range(number):
        tracer.start_span("x").end()


@pytest.mark.parametrize("how", JUNK)
def test_spans_are_lost_and_counted_and_the_next_ones_are_sent_once_it_is_well_again(how: str) -> None:
    exporter, provider = Exporter(JUNK[how]), TracerProvider(shutdown_on_exit=False)
    one = Sending(exporter, Batching(100, 1, 0.01))
    provider.add_span_processor(one)
    spans(provider, 2)
    waited = threading.Event()
    for _ in range(2000):
        if one.losses.refused == 2:
            break
        waited.wait(0.01)
    assert one.losses == Losses(refused=2)
    exporter.act = lambda: SpanExportResult.SUCCESS
    spans(provider, 3)
    one.shutdown()
    assert (exporter.batches, one.losses) == (5, Losses(refused=2))


async def test_an_end_that_takes_too_long_is_in_good_order_though_its_exporter_raises() -> None:
    may = threading.Event()
    exporter = Exporter(lambda: may.wait(PATIENCE))
    one, provider = Sending(exporter, Batching(100, 1, 0.01)), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(one)
    spans(provider, 1)
    made = traced(provider.get_tracer("test"))
    telemetry = Telemetry(made.observer, close=provider.shutdown, abandon=one.abandon)
    assert not await telemetry.shutdown(0.05)
    may.set()
    await asyncio.to_thread(one._thread.join, PATIENCE)
    assert not one._thread.is_alive()


class Readings:
    """An exporter of metrics that does as it is told."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act
        self.given = 0

    def export(self, _: Any) -> Any:
        self.given += 1
        return self.act()

    def shutdown(self) -> None:
        self.act()


@pytest.mark.parametrize("how", JUNK)
async def test_a_reading_is_lost_and_reaches_the_other_exporter_and_later_ones_arrive(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    exporters = Exporters(frozenset(), {}, 0)
    bad, good = Readings(JUNK[how]), Readings(lambda: MetricExportResult.SUCCESS)
    exporters._exporters = [bad, good]  # type: ignore[list-item]
    pushing = Push(exporters, dict)
    if how == "another's answer":
        bad.act = lambda: SpanExportResult.SUCCESS
    with caplog.at_level(logging.WARNING, "gateway"):
        for _ in range(3):
            assert pushing.offer()
            async with asyncio.timeout(PATIENCE):
                await pushing._idle.wait()
            assert not pushing._arrived
    assert (bad.given, good.given, pushing.left_out) == (3, 3, 0)
    bad.act = lambda: MetricExportResult.SUCCESS
    assert await pushing.finish(PATIENCE)


async def test_a_gateway_whose_spans_nobody_can_send_delivers_and_ends_as_ever() -> None:
    exporter, provider = Exporter(raising), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    made = traced(provider.get_tracer("test"))
    got = asyncio.Event()

    def hear(one: Message | Notice) -> None:
        if isinstance(one, Message):
            got.set()

    async with MockVenue() as venue:
        endpoints = {**venue.addresses, "allow_plaintext": True}
        settings = {"exchanges": {"mock": {"endpoints": endpoints}}}
        async with Gateway(settings, plugins={"mock": MockExchange()}, observers=made.observers) as gateway:
            await gateway.listen("mock:trades:BTC-USDT", hear)
            async with asyncio.timeout(PATIENCE):
                while not got.is_set():
                    venue.emit_trade("btc_usdt")
                    await asyncio.sleep(0.01)
            assert exporter.batches
            assert [str(one.state) for one in gateway.registry.snapshot.supervised.values()] == ["CONNECTED"]
