"""A whole gateway before a venue in memory that can fall silent, and ears that remember what they are told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from random import Random
from typing import Any

from gateway import Gateway, spi
from gateway.engine.messages import Message, Notice
from gateway.engine.observer import MOMENTS
from gateway.model.changes import Change
from gateway.model.states import Phase
from gateway.testing.memory_venue import MemoryVenue
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

QUOTES, TRADES = "mock:quotes:BTC-USDT", "mock:trades:BTC-USDT"
TICKER = "mock:ticker:BTC-USDT"
BOOK = "mock:book:BTC-USDT"
HOUR = 3600


class Sparse(MockExchange):
    """The mock exchange of thin markets."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        channels = tuple(replace(channel, rhythm=spi.Rhythm.SPARSE) for channel in INFO.channels)
        return replace(INFO, channels=channels)


class Mixed(MockExchange):
    """The mock exchange where trades are thin."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        sparse = (replace(one, rhythm=spi.Rhythm.SPARSE) if one.name == "trades" else one for one in INFO.channels)
        return replace(INFO, channels=tuple(sparse))


class Ear:
    """Hears one topic."""

    def __init__(self) -> None:
        self.heard: list[Message | Notice] = []

    def take(self, message: Message | Notice) -> None:
        self.heard.append(message)

    @property
    def told(self) -> list[str]:
        """What was told, and ``data`` once for all data between two statuses."""
        told: list[str] = []
        for one in self.heard:
            word = "data" if isinstance(one, Message) else f"{one.status} {one.reason}".strip()
            if not (word == "data" and told[-1:] == ["data"]):
                told.append(word)
        return told

    @property
    def ids(self) -> list[int]:
        """Of all trades."""
        return [record.id for one in self.heard if isinstance(one, Message) for record in one.records]


class Witness:
    """An observer that remembers what was noticed of connections."""

    def __init__(self) -> None:
        self.noticed_of: list[tuple[str, object]] = []

    def changed(self, change: Change) -> None:
        pass

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        pass

    def during(self, connection_id: str, epoch: int, what: str) -> AbstractContextManager[None]:
        return nullcontext()

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        if what not in MOMENTS:  # nothing is wrong
            self.noticed_of.append((what, facts.get("text")))


class Scene:
    def __init__(self, gateway: Gateway, venue: MockVenue, witness: Witness) -> None:
        self.gateway = gateway
        self.venue = venue
        self.noticed = witness.noticed_of
        self.ears: dict[str, Ear] = {}
        self._listening: list[Callable[[], None]] = []

    async def hear(self, *topics: str) -> None:
        for topic in topics:
            ear = self.ears[topic] = Ear()
            self._listening.append(await self.gateway.listen(topic, ear.take))

    async def leave(self) -> None:
        """Hear nothing more, and let nothing linger."""
        for end in self._listening:
            end()
        await asyncio.sleep(60)

    @property
    def details(self) -> Any:
        return self.gateway.get_connection_details()["mock/stream/0"]

    @property
    def history(self) -> list[tuple[str, str]]:
        return [(step["after"], step["reason"]) for step in self.details["history"]]

    def asked(self, stream: str) -> int:
        return Counter(one for asking in self.venue.subscribes for one in asking.streams)[stream]


@asynccontextmanager
async def scene(plugin: MockExchange | None = None, rate: float | None = 1.0) -> AsyncIterator[Scene]:
    loop = asyncio.get_running_loop()
    async with MemoryVenue(MockVenue(rate=rate)) as network:
        tables = {
            "exchanges": {"mock": {"endpoints": {**network.addresses, "allow_plaintext": True}}},
            "accounts": {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}},
        }
        plugins = {"mock": plugin or MockExchange()}
        environ = {"KEY": "mock-key", "SECRET": "mock-secret"}
        options = {"plugins": plugins, "network": network, "now": loop.time, "environ": environ, "rng": Random(1)}
        async with Gateway(tables, observers=[witness := Witness()], **options) as gateway:
            yield Scene(gateway, network.venue, witness)
