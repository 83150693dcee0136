"""A whole gateway and the mock exchange's venue in memory, in virtual time or on a thread of its own."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest

from gateway import Gateway, ThreadedGateway, spi
from gateway.net.transport import Kind
from gateway.testing.memory import Accept, MemoryNetwork
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.memory_venue import MemoryVenue
from gateway_mock.plugin import INFO, MockExchange
from gateway_mock.venue import MockVenue

ENVIRON = {"KEY": "mock-key", "SECRET": "mock-secret"}
ACCOUNTS = {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}}


class Running:
    """A gateway and the venue that it talks to."""

    def __init__(self, gateway: Gateway, network: MemoryVenue, tables: dict[str, Any]) -> None:
        self.gateway = gateway
        self.network = network
        self.tables = tables
        """What the gateway was given."""
        self.venue: MockVenue = network.venue  # type: ignore[assignment]
        self.faults = self.venue.faults

    async def quiet(self) -> None:
        """Let everything happen that can without time passing, to speak of."""
        await asyncio.sleep(1e-4)

    def changed(self, **values: Any) -> dict[str, Any]:
        """
        Return the tables with other values, the last word of whose keys may be new; :obj:`None` takes one out.

        Keys are written with two underscores for a dot, and ids as they are.
        """
        tables = copy.deepcopy(self.tables)
        for key, value in values.items():
            *path, last = key.split("__")
            table = tables
            for part in path:
                table = table.setdefault(part, {})
            if value is None:
                del table[last]
            else:
                table[last] = value
        return tables

    def state(self, id_: str = "mock/stream/0") -> str:
        """Return the state, or nothing if the connection is not there."""
        view = self.gateway.registry.snapshot.supervised.get(id_)
        return "" if view is None else str(view.state)


@asynccontextmanager
async def _running(
    *,
    mock: Mapping[str, Any] | None = None,
    plugins: Mapping[str, object] | None = None,
    tables: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = ENVIRON,
    **more: Any,
) -> AsyncIterator[Running]:
    loop = asyncio.get_running_loop()

    def wall_us() -> int:
        return round(loop.time() * 1e6)

    async with MemoryVenue(MockVenue(now=wall_us)) as network:
        endpoints = {**network.addresses, "allow_plaintext": True}
        settings = {"exchanges": {"mock": {"endpoints": endpoints, **(mock or {})}}, "accounts": ACCOUNTS}
        given = {**settings, **(tables or {})}
        gateway = Gateway(
            given,
            plugins=plugins or {"mock": MockExchange()},
            environ=environ,
            network=network,
            now=loop.time,
            wall_us=wall_us,
            rng=Random(1),  # type: ignore[arg-type]
            **more,
        )
        async with gateway:
            one = Running(gateway, network, given)
            await one.quiet()
            yield one
        assert network.held == ()


class Obliging:
    """A far half that acks everything, trades on each stream until the socket ends, and hangs up when told to."""

    def __init__(self, peer: MemoryPeer, *, every: float, lives: float | None) -> None:
        self._peer = peer
        self._every = every
        self._numbers: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        peer.hearing = self
        if lives is not None:
            self._timers[""] = asyncio.get_running_loop().call_later(lives, peer.drop)

    def heard(self, kind: Kind, payload: bytes) -> None:
        if kind is not Kind.TEXT:
            return
        request = json.loads(payload)
        self._peer.say(f'{{"op":"ok","id":{request["id"]}}}')
        for stream in request["streams"]:
            self._trade(stream)

    def ended(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _trade(self, stream: str) -> None:
        number = self._numbers[stream] = self._numbers.get(stream, 0) + 1
        trade = {"id": number, "price": "1", "size": "1", "side": "buy", "ts": number}
        self._peer.say(json.dumps({"stream": stream, "data": [trade]}, separators=(",", ":")))
        self._timers[stream] = asyncio.get_running_loop().call_later(self._every, self._trade, stream)


class Open(MockExchange):
    """The mock exchange without limits and without a list: ten streams a connection."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        stream, *others = INFO.endpoints
        limits = tuple(replace(limit, count=10**9) for limit in INFO.limits)
        return replace(INFO, limits=limits, endpoints=(replace(stream, max_streams=10), *others))

    @spi.hookimpl
    def gateway_instruments(self) -> None:
        """Have none."""


class Impatient(Random):
    """Draws no jitter: every wait is over at once."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


@pytest.fixture
def threaded() -> Any:
    """What makes a gateway on a thread of its own, with an exchange in memory that obliges."""

    def made(*, every: float = 0.001, lives: float | None = None, **more: Any) -> ThreadedGateway:
        network = MemoryNetwork(lambda _: Accept(partial(Obliging, every=every, lives=lives)))
        options = {"plugins": {"mock": Open()}, "network": network, "rng": Impatient(), **more}
        gateway = Gateway.in_thread(options.pop("settings", None), **options)
        gateway.network = network  # type: ignore[attr-defined]
        return gateway

    return made


@pytest.fixture
def running() -> Any:
    """What starts one: ``async with running() as one``."""
    return _running


@pytest.fixture
def accounts() -> dict[str, Any]:
    return {name: dict(account) for name, account in ACCOUNTS.items()}
