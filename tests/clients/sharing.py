"""A gateway before the exchange, and the exchange's own record of what it was asked for and what it told."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final, Self

import orjson
from place import Place

from gateway import Gateway
from gateway.serving import Server
from gateway_binance.venue.events import Event
from gateway_binance.venue.hosts import Market

EXCHANGES: Final = {Market.SPOT: "binance", Market.USDM: "binance-usdm", Market.COINM: "binance-coinm"}
HOSTS: Final = {"stream": "binance", "api": "binance", "fstream": "binance-usdm", "fapi": "binance-usdm"}
COINM_HOSTS: Final = {"dstream": "binance-coinm", "dapi": "binance-coinm"}


class Sharing:
    """The gateway; its clients find the exchange's hosts below ``/native/``."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.told: dict[tuple[Market, str], list[bytes]] = {}
        """What the exchange told, by market and stream."""
        self._stack = AsyncExitStack()
        self._exchange_tells(place.venue.delivery)

    async def __aenter__(self) -> Self:
        endpoints = {
            name: {"endpoints": {**self.place.venue.addresses_of(market), "allow_plaintext": True}}
            for market, name in EXCHANGES.items()
        }
        self.gateway = await self._stack.enter_async_context(Gateway({"exchanges": endpoints}, environ={}))
        self.server = Server(
            self.gateway.hub,
            self.gateway.operations,
            host="127.0.0.1",
            port=0,
            now=time.monotonic,
            wall_us=lambda: time.time_ns() // 1000,
            version="0",
        )
        await self.server.start()
        self._stack.push_async_callback(self.server.stop, 1.0)
        return self

    async def __aexit__(self, *about: object) -> None:
        await self._stack.aclose()

    @property
    def at(self) -> str:
        """Host and port."""
        host, port = self.server.address
        return f"{host}:{port}"

    def there(self, url: str) -> str:
        """Return the URL here of one of the real exchange's: another base, the same path."""
        scheme, _, rest = url.strip().partition("://")
        host, slash, path = rest.partition("/")
        if host.startswith("127.0.0.1"):
            return url
        name = {**HOSTS, **COINM_HOSTS}.get(host.partition(".")[0], "none")
        plain = {"wss": "ws", "https": "http"}[scheme]
        return f"{plain}://{self.at}/native/{name}{slash}{path}"

    def _exchange_tells(self, delivery: Any) -> None:
        publish: Callable[[Market, Event], int] = delivery.publish

        def noted(market: Market, event: Event) -> int:
            for name in event.names:
                self.told.setdefault((market, name), []).append(event.data)
            return publish(market, event)

        delivery.publish = noted

    # --- what the exchange says

    def asked(self) -> Counter[str]:
        """Return how often each stream was asked for, by whomever."""
        return Counter(stream for wish in self.place.venue.subscribes for stream in wish.streams)

    def numbers(self, stream: str, key: str, market: Market = Market.SPOT) -> list[int]:
        """Return a field of everything that was told of a stream."""
        return [orjson.loads(one)[key] for one in self.told.get((market, stream), ())]

    # --- what the gateway says

    async def joined(self, topic: str, clients: int) -> None:
        """Wait until so many clients have a topic."""
        async with asyncio.timeout(20):
            while sum(topic in one.topics() for one in self.server._arrivals.visitors) < clients:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
