"""
Thousands of books from cold, in virtual time: no limit is exceeded, and hardly any time is lost.

Busy markets say something all the time. Of thin ones many say nothing for minutes:
nobody may take them for mute again and again, and begin anew each time.
"""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Any, Final

import pytest
from places import BEGIN, PLACES, PLUGINS

from gateway import Gateway
from gateway.engine.messages import Message, Notice
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.virtual import virtually
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

FULL: Final = bool(os.environ.get("GATEWAY_FULL_SIZE"))
BOOKS: Final = 3000 if FULL else 360
THIN_BOOKS: Final = 3000 if FULL else 200
MARKETS: Final = {"binance": (Market.SPOT, 50, 1024), "binance-usdm": (Market.USDM, 20, 200)}
"""Where books are kept, what a snapshot weighs there, and how many streams a connection carries."""
RATE: Final = 8 if FULL else 4
"""Ticks a second: enough for every quiet symbol to say something before it is thought to be mute."""
THIN_RATE: Final = 0.5
"""Ticks a second: many symbols say nothing for a minute."""
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


@pytest.mark.timeout(3600 if FULL else 240)
@pytest.mark.parametrize("exchange", MARKETS)
@virtually
async def test_books_from_cold_are_ready_as_soon_as_the_limits_allow(exchange: str, capsys: Any) -> None:
    await measure(exchange, BOOKS, RATE, capsys)


@pytest.mark.timeout(3600 if FULL else 240)
@pytest.mark.parametrize("exchange", MARKETS)
@virtually
async def test_books_of_thin_markets_are_ready_as_soon(exchange: str, capsys: Any) -> None:
    dials = await measure(exchange, THIN_BOOKS, THIN_RATE, capsys)
    connections = ceil(THIN_BOOKS / MARKETS[exchange][2])
    assert dials <= 3 * connections, "each may be left once, while nothing flows, and be taken over once"


async def measure(exchange: str, books: int, rate: float, capsys: Any) -> int:
    """Have ``books`` books from cold, demand what must hold, and return how many dials it took."""
    now = asyncio.get_running_loop().time
    begin = BEGIN - now()
    venue = BinanceVenue(settings=Settings(now=lambda: begin + now(), more_symbols=books), rate=rate)
    place, weight, _ = MARKETS[exchange]
    guard = venue.guards[place]
    used, dials = guard.weight, guard.dials
    least = books * weight / used.quota.count * used.quota.seconds
    tables: Any = {"exchanges": {exchange: {"endpoints": {**PLACES[exchange], "allow_plaintext": True}}}}
    async with (
        MemoryVenue(venue) as network,
        Gateway(tables, plugins={exchange: PLUGINS[exchange]}, network=network, now=now) as gateway,
    ):
        start, ready = now(), Ready(now, books)
        for symbol in list(venue.made[place].listed)[-books:]:
            topic = f"{exchange}:book:{symbol}"
            await gateway.listen(topic, partial(ready.hear, topic))
        async with asyncio.timeout(10 * least):
            await ready.every.wait()
        took = max(ready.at.values()) - start
        # Whoever says too much is closed; whoever asks for too many streams is refused, and never ready.
        closed = sum(socket.goodbye is None for socket in venue.closed)
    with capsys.disabled():
        print(  # noqa: T201  # what was measured is part of the result
            f"\n{exchange}: {books} books ready in {took:.0f} s, {least:.0f} s at the limits; most {used.most} of"
            f" {used.quota.count} in a minute, {dials.most} dials, {closed} cut off"
        )
    assert took <= MOST * least
    assert used.most <= used.quota.count
    assert dials.most <= dials.quota.count
    assert (guard.refused, closed) == (0, 0)
    return dials.most
