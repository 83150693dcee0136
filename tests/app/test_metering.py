"""What is measured is what happened, and no traffic makes another series."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from gateway import Gateway, spi
from gateway.app.measuring import Measuring
from gateway.engine.histogram import Histogram
from gateway.engine.lines import Line
from gateway.engine.outbox import Outbox
from gateway.model.states import ConnectionState as S
from gateway.net.transport import Kind
from gateway.serving import metering
from gateway.serving.figures import Figures
from gateway.spi.steps import Open
from gateway.telemetry.metrics import catalogue as m
from gateway.telemetry.metrics.model import Metric, Reading
from gateway.testing.memory import Accept, MemoryNetwork
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.virtual import virtually
from gateway_mock.plugin import INFO, MockExchange

FEW, MANY = 10, 5_000
STREAMS = 100
"""On each connection."""


class Listless(MockExchange):
    """The mock exchange with any symbol, and without limits to speak of."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        limits = tuple(replace(limit, count=10**9, per=1.0) for limit in INFO.limits)
        return replace(INFO, limits=limits)

    @spi.hookimpl
    def gateway_instruments(self) -> None:
        return None


class Far:
    """Acknowledges whatever is asked, and says one thing of each stream."""

    def __init__(self, peer: MemoryPeer) -> None:
        self.peer = peer
        peer.hearing = self

    def heard(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.TEXT:
            request = json.loads(payload)
            self.peer.say(json.dumps({"op": "ok", "id": request["id"]}))
            for stream in request["streams"]:
                quote = {"bid": "1", "bid_size": "1", "ask": "2", "ask_size": "1", "ts": 1}
                self.peer.say(json.dumps({"stream": stream, "ts": 1, "data": [quote]}))

    def ended(self) -> None:
        pass


class Pipe:
    """A client that never reads, as the figures count it."""

    def __init__(self, gateway: Gateway) -> None:
        self.outbox = Outbox(lambda: None)
        self.writes = self.bytes = self.unsent = 0
        for topic in gateway.hub.topics.values():
            topic.attach(Line(topic, self.outbox, "disconnect"))  # type: ignore[arg-type]


def accepted(_: Open) -> Accept:
    return Accept(Far)


class Measured:
    """A gateway in virtual time, and a reading of it when one is asked for."""

    def __init__(self, plugin: object | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.network = MemoryNetwork(accepted)
        self.figures = Figures(lambda: 0)
        self.measuring = Measuring("1.2.3", "none", {})
        self.gateway = Gateway(
            {"exchanges": {"mock": {"streams_per_connection": STREAMS}}},
            plugins={"mock": plugin or Listless()},
            network=self.network,
            observers=[self.measuring.tally],
            now=loop.time,
            wall_us=lambda: round(loop.time() * 1e6),
        )

    async def hear(self, symbols: Sequence[str], channel: str = "quotes") -> None:
        for symbol in symbols:
            await self.gateway.listen(f"mock:{channel}:{symbol}", lambda _: None)
        await asyncio.sleep(5)

    def begin(self) -> None:
        exchanges = self.gateway.operations.get_exchange_details()
        self.measuring.begin(exchanges, self.gateway.metering.read, partial(metering.read, self.figures))

    def read(self) -> Reading:
        return self.measuring.read()


def value(reading: Reading, metric: Metric, *labels: str) -> Any:
    return reading[metric][("mock", *labels) if metric.labels[:1] == ("exchange",) else labels]


def count(reading: Reading, metric: Metric) -> int:
    histogram = value(reading, metric)
    assert isinstance(histogram, Histogram)
    return sum(histogram.counts)


def series(reading: Reading) -> set[tuple[str, tuple[str, ...]]]:
    return {(metric.name, labels) for metric, told in reading.items() for labels in told}


async def told_by(topics: int, clients: int) -> set[tuple[str, tuple[str, ...]]]:
    """Return the series of a gateway with so many topics and clients, one of whose connections was lost."""
    one = Measured()
    async with one.gateway:
        one.begin()
        await one.hear([f"S{number}" for number in range(topics)])
        for pipe in [Pipe(one.gateway) for _ in range(clients)]:
            one.figures.enter(pipe)
        one.network.peers[0].drop()
        await asyncio.sleep(60)
        reading = one.read()
        assert value(reading, m.TOPICS, "live") == topics
        assert value(reading, m.CONNECTIONS, "CONNECTED") == -(-topics // STREAMS)
        assert value(reading, m.CLIENTS) == clients
        return series(reading)


@virtually
async def test_topics_and_clients_make_no_series() -> None:
    few, many = await told_by(FEW, 1), await told_by(MANY, 20)
    assert few == many
    assert 100 < len(few) < 250


@virtually
async def test_a_gateway_tells_what_it_did() -> None:
    one = Measured()
    async with one.gateway:
        one.begin()
        await one.hear(["A", "B", "C"])
        peer = one.network.peers[0]
        peer.say("nonsense")
        peer.say('{"stream":"quotes.z","ts":1,"data":[]}')
        await asyncio.sleep(18)
        reading = one.read()
        assert value(reading, m.EXCHANGE_UP) == 1
        assert value(reading, m.CONNECTIONS, "CONNECTED") == value(reading, m.HEALTHY) == 1
        assert value(reading, m.CONNECTIONS, "ERROR") == 0
        assert value(reading, m.STREAMS) == value(reading, m.LISTENERS) == value(reading, m.TOPICS, "live") == 3
        assert value(reading, m.PUBLISHED) == 3
        assert value(reading, m.ENCODED) == 0, "no client listens"
        assert (value(reading, m.UNDECODABLE), value(reading, m.UNHEARD), value(reading, m.DIALS)) == (1, 1, 1)
        assert value(reading, m.FRAMES_RECEIVED) == value(reading, m.DECODED) + 1
        assert value(reading, m.PINGS) == value(reading, m.PONGS) == count(reading, m.ROUND_TRIP) > 0
        assert 17 <= value(reading, m.MESSAGE_AGE) <= 19
        assert 0 <= value(reading, m.PONG_AGE) <= 15
        assert count(reading, m.TRANSIT) == 3
        assert value(reading, m.CHANGES, "CONNECTED", "handshake_done") == 1
        assert value(reading, m.LIMIT_ALLOWED, "mock-dials") == 10**9


class Paced(MockExchange):
    """The mock exchange, which takes one request a minute and lists nothing."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        paced = (replace(one, count=1, per=60.0) if one.name == "mock-messages" else one for one in INFO.limits)
        return replace(INFO, limits=tuple(paced))

    @spi.hookimpl
    def gateway_instruments(self) -> None:
        return None


@virtually
async def test_requests_that_wait_for_a_limit_are_told_while_they_wait() -> None:
    one = Measured(Paced())
    async with one.gateway:
        one.begin()
        await one.hear(["A"])
        await one.hear(["B"])
        assert value(one.read(), m.WAITING) == 1
        await asyncio.sleep(90)
        assert value(one.read(), m.WAITING) == 0


@virtually
async def test_a_connection_that_was_lost_shows_as_long_as_it_is_away_and_how_long_that_was() -> None:
    one = Measured()
    async with one.gateway:
        one.begin()
        await one.hear(["A"])
        assert count(one.read(), m.RECOVERY) == 0
        one.network.peers[0].drop()
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        lost = one.read()
        assert value(lost, m.CONNECTIONS, "CONNECTED") == value(lost, m.HEALTHY) == 0
        assert (m.MESSAGE_AGE, ("mock",)) not in {(metric, labels) for metric in lost for labels in lost[metric]}
        assert value(lost, m.TOPICS, "disconnected") == 1
        await asyncio.sleep(30)
        back = one.read()
        assert (count(back, m.RECOVERY), value(back, m.DIALS)) == (1, 2)
        assert value(back, m.CHANGES, S.ERROR.value, "connection_reset") == 1
        assert value(back, m.TOLD, "gap") == value(back, m.TOLD, "restored") == 1


@virtually
async def test_what_was_counted_of_what_is_gone_is_not_forgotten() -> None:
    one = Measured()
    async with one.gateway:
        one.begin()
        listening = one.gateway.subscribe("mock:quotes:A", queue=10)
        async with listening:
            await asyncio.sleep(5)
        before = one.read()
        await asyncio.sleep(60)
        after = one.read()
        assert value(after, m.STREAMS) == sum(value(after, m.CONNECTIONS, state.value) for state in S) == 0
        for metric in (m.PUBLISHED, m.FRAMES_RECEIVED, m.BYTES_RECEIVED, m.DIALS):
            assert value(after, metric) >= value(before, metric) > 0


@virtually
async def test_a_plugin_that_is_broken_is_down() -> None:
    class Broken:
        """Nothing of a plugin."""

    gateway = Gateway(
        {"exchanges": {"mock": {}, "other": {}}},
        plugins={"mock": Listless(), "other": Broken()},
        network=MemoryNetwork(accepted),
        now=asyncio.get_running_loop().time,
    )
    async with gateway:
        up = {labels: told for metric, labels, told in gateway.metering.read() if metric is m.EXCHANGE_UP}
        assert up == {("mock",): 1, ("other",): 0}


async def test_what_is_not_sent_anywhere_needs_no_end() -> None:
    measuring = Measuring("1.2.3", "none", {})
    measuring.begin(["mock"])
    assert await measuring.finish(within=0.1)


async def test_the_last_reading_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    measuring = Measuring("1.2.3", "console", {})
    measuring.begin(["mock"])
    measuring.lag.observe(0.5)
    assert await measuring.finish(within=10)
    assert "gateway.loop.lag" in capsys.readouterr().err
