"""Thousands of books from cold, in virtual time: no limit is exceeded, and hardly any time is lost."""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from test_markets import BEGIN, PLACES, PLUGINS

from gateway import Gateway
from gateway.engine.messages import Message, Notice
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import virtually
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

FULL: Final = bool(os.environ.get("GATEWAY_FULL_SIZE"))
BOOKS: Final = 3000 if FULL else 360
MARKETS: Final = {"binance": (Market.SPOT, 50), "binance-usdm": (Market.USDM, 20)}
"""Where books are kept, and what a snapshot weighs there."""
RATE: Final = 8 if FULL else 4
"""Ticks a second: enough for every quiet symbol to say something before it is thought to be mute."""
MOST: Final = 1.2
"""Times the least that the limits allow, within which everything is ready."""


class Ready:
    """
    When each book was live for the first time.

    Args:
        now: seconds.
        count: how many books there are.
    """

    def __init__(self, now: Callable[[], float], count: int) -> None:
        self._now = now
        self._count = count
        self.at: dict[str, float] = {}
        self.every = asyncio.Event()

    def hear(self, topic: str, told: Message | Notice) -> None:
        if isinstance(told, Notice) and told.status == "live":
            self.at.setdefault(topic, self._now())
            if len(self.at) == self._count:
                self.every.set()


@pytest.mark.timeout(1800 if FULL else 120)
@pytest.mark.parametrize("exchange", MARKETS)
@virtually
async def test_books_from_cold_are_ready_as_soon_as_the_limits_allow(exchange: str, capsys: Any) -> None:
    now = asyncio.get_running_loop().time
    begin = BEGIN - now()
    venue = BinanceVenue(settings=Settings(now=lambda: begin + now(), more_symbols=BOOKS), rate=RATE)
    place, weight = MARKETS[exchange]
    guard = venue.guards[place]
    used, dials = guard.weight, guard.dials
    least = BOOKS * weight / used.quota.count * used.quota.seconds
    tables: Any = {"exchanges": {exchange: {"endpoints": {**PLACES[exchange], "allow_plaintext": True}}}}
    async with (
        MemoryVenue(venue) as network,
        Gateway(tables, plugins={exchange: PLUGINS[exchange]}, network=network, now=now) as gateway,
    ):
        start, ready = now(), Ready(now, BOOKS)
        for symbol in list(venue.made[place].listed)[-BOOKS:]:
            topic = f"{exchange}:book:{symbol}"
            await gateway.listen(topic, partial(ready.hear, topic))
        async with asyncio.timeout(10 * least):
            await ready.every.wait()
        took = max(ready.at.values()) - start
        # Whoever says too much is closed; whoever asks for too many streams is refused, and never ready.
        closed = len(venue.closed)
    with capsys.disabled():
        print(  # noqa: T201  # what was measured is part of the result
            f"\n{exchange}: {BOOKS} books ready in {took:.0f} s, {least:.0f} s at the limits; most {used.most} of"
            f" {used.quota.count} in a minute, {dials.most} dials, {closed} cut off"
        )
    assert took <= MOST * least
    assert used.most <= used.quota.count
    assert dials.most <= dials.quota.count
    assert (guard.refused, closed) == (0, 0)
