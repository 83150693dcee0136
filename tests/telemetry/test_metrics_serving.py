"""A serving gateway sends its metrics to the end; a deaf collector costs it neither a message nor its bound."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

import aiohttp
from collector import Collector
from metered import parsed
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from gateway import Client
from gateway.app import serve
from gateway.config import load
from gateway_mock.venue import MockVenue

BOUND = 30.0
TOPIC = "mock:trades:BTC-USDT"


@contextlib.asynccontextmanager
async def serving(venue: MockVenue, environ: dict[str, str]) -> AsyncIterator[str]:
    """Serve in this process; yields the address, and stops by a signal as an operator does."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    tables = {
        "server": {"listen": "127.0.0.1:0"},
        "exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}},
        "telemetry": {"metrics": "otlp"},
    }
    task = asyncio.create_task(serve(load(None, {}, tables), ready=ready.set_result, environ=environ))
    await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield ready.result()
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(BOUND):
            await task


async def heard(client: Client, number: int) -> list[int]:
    """Return the offsets of the next messages."""
    offsets: list[int] = []
    async with asyncio.timeout(BOUND):
        async for message in client:
            if message.get("type") == "update":
                offsets.append(message["offset"])
            if len(offsets) == number:
                break
    return offsets


def last(bodies: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """Return the metrics of the last request by name."""
    *_, body = [body for path, body in bodies if path == "/v1/metrics"]
    [resource] = ExportMetricsServiceRequest.FromString(body).resource_metrics
    return {metric.name: metric for metric in resource.scope_metrics[0].metrics}


def points(metric: Any) -> dict[tuple[str, ...], float]:
    """Return the points of a sum by the values of their labels."""
    return {
        tuple(one.value.string_value for one in point.attributes): point.as_int or point.as_double
        for point in metric.sum.data_points
    }


async def test_what_happens_at_the_very_end_is_sent_too() -> None:
    with Collector() as collector:
        async with MockVenue(rate=100) as venue, serving(venue, collector.environ) as address:
            async with Client(f"ws://{address}") as client:
                await client.subscribe(TOPIC)
                await heard(client, 10)
            async with aiohttp.ClientSession() as http, http.get(f"http://{address}/metrics") as reply:
                page = parsed(await reply.text())
            stays = await aiohttp.ClientSession().__aenter__()
            socket = await stays.ws_connect(f"ws://{address}/v1/ws")
        await socket.close()
        await stays.close()
        told = last(collector.bodies.queue)
    ended = points(told["gateway.clients.ended"])
    assert (ended[("left",)], ended[("shutting_down",)]) == (1, 1), "whom the stop has closed is counted"
    changes = points(told["gateway.connection.changes"])
    assert changes[("mock", "DISCONNECTED", "stopped")] == 1
    assert points(told["gateway.frames.received"])[("mock",)] >= page.value(
        "gateway_frames_received_total", exchange="mock"
    )
    assert points(told["gateway.messages.published"])[("mock",)] >= 10


async def test_a_collector_that_is_deaf_costs_no_message_and_the_end_comes_in_time() -> None:
    with Collector(deaf=True) as collector:
        async with MockVenue(rate=200) as venue:
            async with (
                serving(venue, {**collector.environ, "OTEL_METRIC_EXPORT_INTERVAL": "20"}) as address,
                Client(f"ws://{address}") as client,
            ):
                await client.subscribe(TOPIC)
                await asyncio.to_thread(collector.bodies.get, timeout=BOUND)
                offsets = await heard(client, 200)
                assert offsets == list(range(offsets[0], offsets[0] + 200))
                begun = time.monotonic()
            assert time.monotonic() - begun < BOUND
        assert collector.bodies.empty(), "one at a time, however many were due"
