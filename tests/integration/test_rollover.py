"""
A hundred streams at 2,000 messages a second over real sockets: asked for over REST, noticed by no client.

Once; with ``GATEWAY_FULL_SIZE`` fifty times, with a second connection that fails before each other one.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway import Gateway
from gateway.client import Client, connect
from gateway.serving import Limits, Server
from gateway.testing.sockets import VenueSocket
from gateway_mock.venue import MockVenue

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
TIMES = 50 if FULL else 1
RATE = 20.0
STREAMS = 100
ID = "mock/stream/0"
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.timeout(1800 if FULL else 240)


class Counting(MockVenue):
    """Knows how many sockets there were at once."""

    most = 0

    def opened(self, socket: VenueSocket) -> None:
        self.most = max(self.most, len(self.sockets))
        super().opened(socket)


class Heard:
    """What a client is told: every number of every topic once and in order, and nothing but data."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.messages = 0
        self.wrong: list[str] = []

    async def listen(self, client: Client) -> None:
        async for message in client:
            self.take(message)

    def take(self, message: dict[str, Any]) -> None:
        topic = message["topic"]
        if message["type"] == "status":
            if message["status"] != "live":
                self.wrong.append(f"{topic} is told {message['status']}")
            return
        if message["type"] == "snapshot" and topic in self.last:
            self.wrong.append(f"{topic} is shown again")
        self.messages += 1
        for record in message["data"]:
            number = record[next(name for name in ("id", "seq", "ts") if name in record)]
            before = self.last.get(topic)
            is_next = before is None or (number > before if ":ticker:" in topic else number == before + 1)
            if not is_next:
                self.wrong.append(f"{topic}: {number} after {before}")
            self.last[topic] = number


@pytest.fixture
async def venue() -> AsyncIterator[Counting]:
    async with Counting(symbols=STREAMS // 4 - 3, rate=RATE) as venue:
        yield venue


async def test_a_rollover_is_noticed_by_no_client(venue: Counting) -> None:
    endpoints = {**venue.addresses, "allow_plaintext": True}
    async with (
        Gateway({"exchanges": {"mock": {"endpoints": endpoints}}}) as gateway,
        serving(gateway) as address,
        aiohttp.ClientSession() as http,
        connect(f"ws://{address}/v1/ws", queue=100_000) as client,
    ):
        heard = await subscribed(client, venue)
        listening = asyncio.create_task(heard.listen(client))
        await until(lambda: len(heard.last) == STREAMS)
        began, before = time.monotonic(), heard.messages
        for number in range(TIMES):
            if number % 2:
                venue.faults.close_at_subscribe.arm(1008, times=1)
            await roll(http, address, gateway, epoch=gateway.registry.snapshot.live[ID].epoch)
        rate = (heard.messages - before) / (time.monotonic() - began)
        after = heard.messages
        await until(lambda: heard.messages - after > RATE * STREAMS / 2)
        listening.cancel()
        await asyncio.wait({listening})
        assert heard.wrong == []
        assert venue.most == 2
        assert [change.reason for change in gateway.registry.history(ID)][2:] == ["rollover"] * TIMES
        assert rate > RATE * STREAMS / 4 or not FULL, "the machine was too busy for this to show anything"


async def subscribed(client: Client, venue: Counting) -> Heard:
    heard = Heard()
    for market in venue.markets.values():
        for channel in ("trades", "quotes", "ticker", "book"):
            [ack] = await client.subscribe([f"mock:{channel}:{market.symbol}"], on_lag="disconnect")
            assert ack["success"], ack
    return heard


async def roll(http: aiohttp.ClientSession, address: str, gateway: Gateway, *, epoch: int) -> None:
    async with http.post(f"http://{address}/api/v1/connections/{ID}:rollover", headers=JSON) as reply:
        assert (reply.status, await reply.json()) == (202, {"id": ID, "asked": "rollover"})
    await until(lambda: gateway.registry.snapshot.live[ID].epoch > epoch)


class serving:  # noqa: N801  # a context manager, used as a function
    """Serve ``gateway`` to clients."""

    def __init__(self, gateway: Gateway) -> None:
        self._server = Server(
            gateway.hub,
            gateway.operations,
            host="127.0.0.1",
            port=0,
            now=time.monotonic,
            wall_us=lambda: time.time_ns() // 1000,
            version="0",
            limits=Limits(commands_burst=1000),
        )

    async def __aenter__(self) -> str:
        await self._server.start()
        host, port = self._server.address
        return f"{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()


async def until(holds: Any) -> None:
    """Wait for what messages bring about."""
    async with asyncio.timeout(90):
        while not holds():  # noqa: ASYNC110  # nothing signals it
            await asyncio.sleep(0.01)
