"""The page of metrics: what it holds, how it is asked for, and who may."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.serving import metering
from gateway.serving.auth.needs import need_of
from gateway.serving.auth.scopes import METRICS
from gateway.serving.figures import LEFT, Figures
from gateway.serving.metrics import SHARED, Metrics
from gateway.telemetry.metrics.catalogue import CATALOGUE
from gateway.telemetry.metrics.model import Reading, Sample, read

Reads = Callable[[], Reading]


def reading(figures: Figures) -> Reading:
    def source() -> Iterator[Sample]:
        yield from metering.read(figures)

    return read(CATALOGUE, [source])


@pytest.fixture
async def client() -> Any:
    app = web.Application()
    figures = Figures(lambda: 0)
    app.add_routes(Metrics(lambda: reading(figures), lambda: 0.0).routes())
    async with TestClient(TestServer(app)) as one:
        yield one


async def test_prometheus_gets_its_own_format(client: Any) -> None:
    async with client.get("/metrics") as reply:
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = (await reply.text()).splitlines()
    assert "gateway_clients 0" in lines
    assert 'gateway_clients_ended_total{why="too_slow"} 0' in lines
    assert lines[-1] != "# EOF"


async def test_openmetrics_is_for_whoever_asks(client: Any) -> None:
    async with client.get("/metrics", headers={"Accept": "application/openmetrics-text"}) as reply:
        assert reply.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert (await reply.text()).endswith("# EOF\n")


async def test_however_many_ask_and_how_often_there_are_ten_readings_a_second_at_most() -> None:
    now, readings, figures = 0.0, 0, Figures(lambda: 0)

    def counted() -> Reading:
        nonlocal readings
        readings += 1
        return reading(figures)

    app = web.Application()
    app.add_routes(Metrics(counted, lambda: now).routes())
    async with TestClient(TestServer(app)) as client:
        pages: list[bytes] = []
        for tenth in range(10):
            now = tenth * SHARED * 1.01
            figures.ended[LEFT] += 1
            for _ in range(20):
                now += SHARED / 25
                async with client.get("/metrics") as reply:
                    pages.append(await reply.read())
    assert readings == 10
    assert [len({*pages[begin : begin + 20]}) for begin in range(0, 200, 20)] == [1] * 10
    assert len({*pages}) == 10, "none is older than it may be"


def test_it_needs_a_scope_of_its_own() -> None:
    assert need_of("GET", "/metrics").scope == METRICS
