"""Where the clients find the exchange: its URLs, its pace, and its books when everything has been told."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Self

from gateway_binance.venue.generated.paces import TICKS
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.accounts import DEMO
from gateway_binance.venue.replay import BinanceVenue
from gateway_binance.venue.settings import Settings

_, KEY, SECRET = DEMO
_PACE: Final = 1 / TICKS
PATIENCE: Final = 15.0

Book = dict[str, dict[float, float]]
"""Bids and asks, each price with its size."""


class Place:
    """The venue, which goes on until it is told to hold."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.venue = BinanceVenue(rate=None, settings=settings)
        self._going = asyncio.Event()
        self._ticking: asyncio.Task[None] | None = None
        self.ticks = 0

    async def __aenter__(self) -> Self:
        await self.venue.__aenter__()
        self._going.set()
        self._ticking = asyncio.create_task(self._go())
        return self

    async def __aexit__(self, *about: object) -> None:
        assert self._ticking is not None
        self._ticking.cancel()
        await asyncio.wait({self._ticking})
        await self.venue.stop()
        if about[0] is None:
            self.venue._raise_failures()

    async def _go(self) -> None:
        while True:
            await self._going.wait()
            self.tick()
            await asyncio.sleep(_PACE)

    def tick(self) -> None:
        """Let a twentieth of a second pass."""
        self.ticks += 1
        self.venue.tick()

    def hold(self) -> None:
        """Stop just when all that has changed has been told on every stream."""
        self._going.clear()
        while self.ticks % TICKS:
            self.tick()

    def go(self) -> None:
        """Go on."""
        self._going.set()

    def there(self, url: str) -> str:
        """Return the URL here of one of the real exchange's."""
        scheme, _, rest = url.strip().partition("://")
        host, slash, path = rest.partition("/")
        if host.startswith("127.0.0.1"):
            return url
        plain = {"wss": "ws", "https": "http"}[scheme]
        return f"{plain}://127.0.0.1:{self.venue.port}/{host.partition(':')[0]}{slash}{path}"

    def book(self, market: Market, symbol: str) -> Book:
        """Return the book as it stands."""
        reply = self.venue.made[market].symbol(symbol).book(5000)
        return {"bids": levels(reply.bids), "asks": levels(reply.asks)}

    def number(self, market: Market, symbol: str) -> int:
        """Return the id of the newest change."""
        return self.venue.made[market].symbol(symbol).number


def levels(side: Any) -> dict[float, float]:
    """Return a side of a book as a client's numbers."""
    return {float(price): float(size) for price, size in side}


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what a client does in threads or tasks of its own, which tell nobody."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110  # there is no event to wait for: see above
            await asyncio.sleep(0.02)
