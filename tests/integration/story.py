"""A story that a venue, a gateway and a client play, of which a collector and the log are to tell."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from process import Process, ask
from received import Collector, Received, received

from gateway.client import Client, connect
from gateway.testing.faults import Refusal
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.orders import Wish
from gateway_binance.venue.replay import BinanceVenue

STREAM, NEXT, PRIVATE = "binance/stream/0", "binance/stream/1", "binance/private@main"
FUTURES = "binance-usdm/private@futures"
BOOK, TRADES, ORDERS = "binance:book:BTC-USDT", "binance:trades:BTC-USDT", "binance:orders:@main"
SECRETS = {"KEY": "demoKey123", "SECRET": "demoSecret456"}
HEADER = "of-the-collector-1234"


@dataclass(frozen=True)
class Told:
    """What the collector got, as it came and taken apart, and the log."""

    sent: bytes
    spans: list[Received]
    lines: list[dict[str, Any]]
    port: int


class Story:
    """The exchange, the gateway, and a client of it."""

    def __init__(self, venue: BinanceVenue, process: Process, address: str, client: Client) -> None:
        self.venue = venue
        self.process = process
        self.client = client
        self._address = address
        self._orders = count()

    async def details(self, id_: str) -> dict[str, Any]:
        return (await ask("GET", self._address, f"/api/v1/connections/{id_}"))[1]

    async def until(self, id_: str, holds: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until it holds of what is told of a connection."""
        async with asyncio.timeout(100):
            while not holds(await self.details(id_)):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)

    async def changed(self, id_: str, reason: str, times: int = 1) -> None:
        """Wait until a connection has changed so many times for that reason."""
        await self.until(id_, lambda it: [one["reason"] for one in it.get("history", ())].count(reason) >= times)

    async def keys(self) -> None:
        """Wait until it is known what each account's key may do."""
        async with asyncio.timeout(100):
            while None in [one["key"] for one in await self.accounts()]:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)

    async def accounts(self) -> list[dict[str, Any]]:
        return (await ask("GET", self._address, "/api/v1/accounts"))[1]["accounts"]

    async def told(self, what: str, topic: str = BOOK) -> None:
        """Wait until the client is told a status, or sent a message of that type."""
        async with asyncio.timeout(100):
            async for message in self.client:
                if message["topic"] == topic and what in {message.get("status"), message["type"]}:
                    return

    async def act(self, id_: str, action: str) -> None:
        status, told = await ask("POST", self._address, f"/api/v1/connections/{id_}:{action}", {})
        assert status < 300, told

    def cut(self, path: str) -> None:
        for socket in self.venue.sockets.values():
            if socket.path.startswith(path):
                socket.close(1006)

    async def order(self) -> None:
        """Place an order, and wait until the client is told."""
        wish = Wish("BTCUSDT", "BUY", "LIMIT", Decimal(1), Decimal(1000), client_id=f"a{next(self._orders)}")
        self.venue.floors[Market.SPOT].desk.place(self.venue.accounts.named("main"), wish)
        await self.told("update", ORDERS)


def tables_of(venue: BinanceVenue, path: Path) -> dict[str, Any]:
    return {
        "server": {"listen": "127.0.0.1:0"},
        "store": {"path": str(path / "gateway.db")},
        "retention": {"topics": 0.1, "connections": 60},
        "exchanges": {
            "binance": {"endpoints": {**venue.addresses, "allow_plaintext": True}},
            "binance-usdm": {"endpoints": {**venue.addresses_of(Market.USDM), "allow_plaintext": True}},
        },
        "accounts": {
            "main": {"exchange": "binance", "api_key": "env:KEY", "secret": "env:SECRET"},
            "futures": {"exchange": "binance-usdm", "api_key": "env:KEY", "secret": "env:SECRET"},
        },
        "telemetry": {"traces": "otlp"},
    }


@asynccontextmanager
async def staged(path: Path, collector: Collector) -> AsyncIterator[Story]:
    async with BinanceVenue(rate=20) as venue:
        venue.faults.refuse_logins.arm("no", 1)
        tables = {
            **tables_of(venue, path),
            "subscriptions": [
                {"exchange": "binance", "channel": "orders", "account": "main"},
                {"exchange": "binance-usdm", "channel": "orders", "account": "futures"},
            ],
        }
        environ = {**SECRETS, **collector.environ, "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={HEADER}"}
        async with Process(path, tables, **environ) as process:
            address = await process.address()
            async with connect(f"ws://{address}") as client:
                yield Story(venue, process, address, client)


async def lived(story: Story) -> None:
    """Have all of it happen, one after the other; the last of it in the moment before the end."""
    await story.until(PRIVATE, lambda it: it.get("fatal", False))
    story.process.tell(signal.SIGHUP)
    await story.changed(PRIVATE, "handshake_done")
    await story.client.subscribe(ORDERS)
    await story.told("snapshot", ORDERS)
    await story.order()
    await story.keys()
    story.cut("/ws-api")
    await story.changed(PRIVATE, "handshake_done", 2)
    await story.told("live", ORDERS)
    await story.client.subscribe(BOOK)
    await story.told("live")
    story.venue.faults.lose("btcusdt@depth@100ms", 1)
    await story.told("resyncing")
    await story.told("live")
    await story.act(STREAM, "rollover")
    await story.changed(STREAM, "rollover")
    story.venue.faults.refuse_upgrades.arm(Refusal(503), 1)
    await story.act(STREAM, "reconnect")
    await story.changed(STREAM, "handshake_done", 2)
    await story.told("live")
    await story.act(STREAM, "drain")
    await story.client.subscribe(TRADES)
    await story.told("update", TRADES)
    story.venue.faults.lose("btcusdt@trade", 2)
    await story.until(NEXT, lambda _: any("rades" in asked.path for asked in story.venue.requests))
    await story.client.unsubscribe(BOOK)
    await story.until(STREAM, lambda it: it.get("state") == "DISCONNECTED")
    await story.order()
    story.process.tell(signal.SIGTERM)


async def played(path: Path) -> Told:
    with Collector() as collector:
        async with staged(path, collector) as story:
            await lived(story)
            began = time.monotonic()
            end = await story.process.end()
            assert end.status == 0, end.said
            assert time.monotonic() - began < 10
        bodies = [body for path, body in collector.bodies.queue if path == "/v1/traces"]
    lines = [json.loads(line) for line in end.said.splitlines()]
    return Told(b"".join(bodies), received(bodies), lines, story.venue.port)
