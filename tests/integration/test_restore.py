"""After a cut every wanted stream is asked for again, once, at the exchange's pace, whatever was under way."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import gateway_mock.plugin
from gateway import Gateway
from gateway.engine.ledger import StreamLedger, StreamState
from gateway.model.states import ConnectionState as S
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.records import busiest
from gateway.testing.venue import Venue
from gateway.testing.virtual import run
from gateway_mock.plugin import MockExchange
from gateway_mock.venue import MockVenue

STREAMS = 500
BATCH = 10
PER_SECOND = 50
"""What the mock exchange allows."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty requests, so that half of them can be unanswered."""
    monkeypatch.setattr(gateway_mock.plugin, "MOST_STREAMS", BATCH)


def venue() -> MockVenue:
    return MockVenue(symbols=STREAMS - 3)


def tables(one: Venue | MemoryVenue) -> dict[str, Any]:
    return {"exchanges": {"mock": {"endpoints": {**one.addresses, "allow_plaintext": True}}}}


async def cut_halfway(gateway: Gateway, one: Venue, cut: Callable[[], None]) -> None:
    """Want every stream, cut the connection when half of the acks are there, and wait until all is well again."""
    one.faults.ack_delay = 0.05
    for symbol in sorted(market.symbol for market in one.markets.values()):  # type: ignore[attr-defined]
        await gateway.listen(f"mock:trades:{symbol}", lambda _: None)
    ledger = ledger_of(gateway)
    await until(lambda: ledger.count(StreamState.CONFIRMED) >= STREAMS // 2)
    assert gateway.connection("mock/stream/0").state is S.CONNECTING, "it is not live before all has settled"
    asked = len(one.subscribes)
    assert 0 < ledger.count(StreamState.PENDING) < STREAMS
    cut()
    await until(lambda: bool(gateway.registry.snapshot.live))
    assert ledger.count(StreamState.CONFIRMED) == STREAMS
    assert exactly_once(one)
    again = [stream for subscribing in list(one.subscribes)[asked:] for stream in subscribing.streams]
    assert Counter(again).most_common(1)[0][1] == 1
    assert len(again) == STREAMS
    for number in {subscribing.socket for subscribing in one.subscribes}:
        times = [subscribing.at for subscribing in one.subscribes if subscribing.socket == number]
        assert busiest(times, 1.0) <= PER_SECOND


def exactly_once(one: Venue) -> bool:
    return Counter(stream for _, stream in one.streams()) == Counter(
        f"trades.{native}"
        for native in one.markets  # type: ignore[attr-defined]
    )


def ledger_of(gateway: Gateway) -> StreamLedger:
    (link,) = gateway._assembly.exchanges["mock"].links.all.values()
    return link.connection.ledger


def drop_newest(network: MemoryVenue) -> None:
    network.open_peers[-1].drop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(100):
        while not holds():  # noqa: ASYNC110  # a ledger tells nobody
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("seed", range(3))
def test_five_hundred_streams_survive_a_cut_among_their_acks(seed: int) -> None:
    async def main() -> None:
        async with MemoryVenue(venue()) as network:
            loop = asyncio.get_running_loop()
            gateway = Gateway(tables(network), plugins={"mock": MockExchange()}, network=network, now=loop.time)
            async with gateway:
                await cut_halfway(gateway, network.venue, partial(drop_newest, network))

    run(main(), seed=seed)


@pytest.mark.parametrize("rst", [False, True])
async def test_the_same_over_a_real_socket(*, rst: bool) -> None:
    async with venue() as one, Gateway(tables(one)) as gateway:
        await cut_halfway(gateway, one, lambda: one.drop(rst=rst))
