"""A connection that is closed because it said too much teaches all to say less."""

import asyncio
from dataclasses import replace
from itertools import product

from silent import HOUR, Scene, scene

from gateway import spi
from gateway.testing.virtual import virtually
from gateway.testing.ways import Quota
from gateway_mock.plugin import INFO, MockExchange

TOO_MUCH = 4429
"""The code with which the mock exchange closes whoever sends too much."""
TOPICS = [
    f"mock:{channel}:{symbol}"
    for channel, symbol in product(("trades", "quotes", "ticker", "book"), ("BTC-USDT", "ETH-USDT", "SOL-USDT"))
]


class Wrong(MockExchange):
    """The mock exchange with a limit that is not the exchange's."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        limits = (replace(one, count=20) if one.name == "mock-messages" else one for one in INFO.limits)
        return replace(INFO, limits=tuple(limits))


async def burst(one: Scene) -> None:
    """Ask for every stream by itself, and give all up."""
    leaves = []
    for topic in TOPICS:
        leaves.append(await one.gateway.listen(topic, lambda _: None))
        await asyncio.sleep(0.01)
    await asyncio.sleep(20)
    for leave in leaves:
        leave()
    await asyncio.sleep(100)


@virtually
async def test_it_is_not_closed_again_within_the_hour() -> None:
    async with scene(Wrong()) as one:
        await one.gateway.connect_account("mock/stream/0", retry=True)
        one.venue.faults.message_limit = Quota(5, 1.0, TOO_MUCH)
        for _ in range(4):
            await burst(one)
        ended = [(state, reason) for state, reason in one.history if state == "ERROR"]
        assert ended == [("ERROR", "rate_limited")] * 2
        noticed = [what for what, _ in one.noticed]
        assert noticed == ["limit_halved"] * 2, "18, 9, 4"
        for _ in range(20):
            await burst(one)
        assert one.venue.counts.upgrades == 3
        await asyncio.sleep(2 * HOUR)
        await burst(one)
        assert one.venue.counts.upgrades == 4, "what it was before is tried again"


@virtually
async def test_another_end_teaches_nothing() -> None:
    async with scene(Wrong()) as one:
        await one.gateway.connect_account("mock/stream/0", retry=True)
        one.venue.faults.message_limit = Quota(5, 1.0, 4000)
        await burst(one)
        assert ("ERROR", "closed_by_peer") in one.history
        assert one.noticed == []
