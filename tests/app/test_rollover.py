"""Connections are replaced without a gap on request and when they are due; traces and plugins show it."""

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway import spi
from gateway.model.changes import Change
from gateway.telemetry.tracing import Tracing
from gateway.testing.virtual import virtually
from gateway_mock.plugin import MockExchange

ID = "mock/stream/0"


@virtually
async def test_a_connection_is_rolled_over_on_request(running) -> None:
    async with running() as one:
        assert await one.gateway.rollover("mock") is False, "there is none"
        assert one.gateway.get_connection_details() == {}
        await one.gateway.connect_account("mock")
        assert await one.gateway.rollover(ID) is True
        details = one.gateway.get_connection_details()[ID]
        assert (details["state"], details["epoch"], details["reason"]) == ("CONNECTED", 2, "rollover")
        assert [step["after"] for step in details["history"]] == ["CONNECTING", "CONNECTED", "CONNECTED"]
        assert details["counters"]["dials"] == 2
        with pytest.raises(KeyError):
            one.gateway.rollover("nobody")


@virtually
async def test_what_serves_asks_for_is_recorded_or_refused(running) -> None:
    async with running() as one:
        operations = one.gateway.operations
        for ask in (operations.rollover, operations.reconnect):
            for unknown in (ID, "nobody/stream/0", "mock"):
                with pytest.raises(KeyError):
                    ask(unknown)
        hope = one.gateway.connect_account("mock")
        await one.quiet()
        assert await hope is True
        assert operations.rollover(ID) is True
        await asyncio.sleep(2)
        assert one.gateway.registry.snapshot.live[ID].epoch == 2
        assert operations.reconnect(ID) is True
        await one.quiet()
        assert one.state() == "RECONNECTING"
        assert operations.rollover(ID) is False
        assert operations.reconnect(ID) is False


@virtually
async def test_the_window_is_the_configurations(running) -> None:
    async with running(mock={"rollover": {"window": "22:30-04:00"}}) as one:
        [exchange] = one.gateway._assembly.exchanges.values()
        assert exchange.ground.pace.rollover_window == (81_000.0, 14_400.0)
    async with running() as one:
        [exchange] = one.gateway._assembly.exchanges.values()
        assert exchange.ground.pace.rollover_window is None


class Told(MockExchange):
    """A plugin that remembers what it is told."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    @spi.hookimpl
    def gateway_connection_changed(self, change: Change) -> None:
        self.changes.append(change)


@virtually
async def test_plugins_are_told(running) -> None:
    plugin = Told()
    async with running(plugins={"mock": plugin}) as one:
        await one.gateway.connect_account("mock")
        await one.gateway.rollover("mock")
        assert [(change.before, change.after, change.epoch) for change in plugin.changes] == [
            ("DISCONNECTED", "CONNECTING", 1),
            ("CONNECTING", "CONNECTED", 1),
            ("CONNECTED", "CONNECTED", 2),
        ]


def traced() -> tuple[Tracing, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider.get_tracer("test")), exporter


def span(spans: Any, name: str) -> ReadableSpan:
    [found] = [one for one in spans if one.name == name]
    return found


@pytest.mark.parametrize("fails", [False, True])
@virtually
async def test_a_rollover_has_its_span_with_the_handshake_below_it(running, fails: bool) -> None:
    tracing, exporter = traced()
    async with running(observers=[tracing]) as one:
        await one.gateway.connect_account("mock")
        [root] = [each for each in exporter.get_finished_spans() if each.name == "gateway.connect"]
        exporter.clear()
        if fails:
            one.faults.reset_dials.arm(times=1)
        assert await one.gateway.rollover("mock") is not fails
        await asyncio.sleep(0.1)
        spans = exporter.get_finished_spans()
        rollover, step = span(spans, "gateway.rollover"), span(spans, "gateway.step.open")
        assert rollover.parent is not None
        assert rollover.parent.span_id == root.context.span_id
        assert step.parent is not None
        assert step.parent.span_id == rollover.context.span_id
        assert rollover.attributes is not None
        assert rollover.attributes["gateway.epoch"] == 2
        assert rollover.attributes.get("error.type") == ("connection_reset" if fails else None)
        if fails:
            return
        await asyncio.sleep(15)
        assert span(exporter.get_finished_spans(), "gateway.close").attributes["gateway.epoch"] == 1  # type: ignore[index]
        exporter.clear()
        await one.gateway.disconnect_account("mock")
        closed = span(exporter.get_finished_spans(), "gateway.close")
        assert closed.parent is not None
        assert closed.parent.span_id == root.context.span_id, "the rollover's span has ended"
        assert closed.attributes is not None
        assert closed.attributes["gateway.epoch"] == 2
