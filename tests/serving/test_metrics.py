"""The page of metrics: what it holds, how it is asked for, and who may."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.serving import metering
from gateway.serving.auth.needs import need_of
from gateway.serving.auth.scopes import METRICS
from gateway.serving.figures import Figures
from gateway.serving.metrics import Metrics
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
    app.add_routes(Metrics(lambda: reading(figures)).routes())
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


def test_it_needs_a_scope_of_its_own() -> None:
    assert need_of("GET", "/metrics").scope == METRICS
