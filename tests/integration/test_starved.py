"""
A process that the machine gives hardly anything: memory that ends with a kill, and a tenth of a processor.

The kill comes when the memory is short, as the kernel's does, and again right after each start. The
processor is taken away by stopping the process nine tenths of the time, for a few seconds; with
``GATEWAY_FULL_SIZE`` for two minutes.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from process import Process, ask

from gateway.client import Client, connect
from gateway_mock.venue import MockVenue

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
STARVED = 120.0 if FULL else 3.0
"""Seconds with a tenth of a processor."""
EACH = 5
"""Trades and quotes to an order."""
TENTH = (0.09, 0.01)
"""Seconds of standing and of running, in turn."""
KILLS = 10 if FULL else 1
PATIENCE = 60.0
LIMIT = 400 << 20
HUNGRY = f"""
import pathlib, threading, time
from gateway.app import memory

memory._limits = lambda *_: iter([{LIMIT}])
memory.MemoryAlarm.__init__.__defaults__ = (*memory.MemoryAlarm.__init__.__defaults__[:-1], 0.1)

def eat():
    while not pathlib.Path("{{sign}}").exists():
        time.sleep(0.05)
    eaten.append(b"x" * ({LIMIT} - memory.resident() - (20 << 20)))

eaten = []
threading.Thread(target=eat, daemon=True).start()
"""
"""A process that may have so much, and takes nearly all of it when a file is there."""
SECRETS = {"KEY": "mock-key", "SECRET": "mock-secret"}
CONFIGURED, ASKED_FOR = "mock:trades:BTC-USDT", "mock:quotes:ETH-USDT"

pytestmark = pytest.mark.timeout(900 if FULL else 180)


def tables(venue: MockVenue, path: Path) -> dict[str, Any]:
    endpoints = {**venue.addresses, "allow_plaintext": True}
    return {
        "server": {"listen": "127.0.0.1:0"},
        "store": {"path": str(path / "gateway.db")},
        "exchanges": {"mock": {"endpoints": endpoints, "heartbeat_interval": "1s"}},
        "accounts": {"main": {"exchange": "mock", "api_key": "env:KEY", "secret": "env:SECRET"}},
        "subscriptions": [{"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT"]}],
    }


# --- memory


@asynccontextmanager
async def hungry(venue: MockVenue, path: Path) -> AsyncIterator[tuple[Process, str]]:
    before = HUNGRY.replace("{sign}", str(path / "eat"))
    async with Process(path, tables(venue, path), before=before, **SECRETS) as process:
        yield process, await process.address()


async def short(process: Process, address: str) -> dict[str, Any]:
    """Wait until it says that memory is short, and return what it says."""
    async with asyncio.timeout(PATIENCE):
        while True:
            assert not process.has_ended, process.said
            _, told = await ask("GET", address, "/api/v1/events?format=json")
            for event in told["events"]:
                if event["what"] == "memory_short":
                    return dict(event["facts"])
            await asyncio.sleep(0.05)


async def served(venue: MockVenue, address: str) -> None:
    """See that all that was asked for is there again, once."""
    _, listed = await ask("GET", address, "/api/v1/subscriptions")
    assert sorted(one["topic"] for one in listed["subscriptions"]) == [ASKED_FOR, CONFIGURED]
    async with asyncio.timeout(PATIENCE):
        await venue.wait_for(
            lambda: sorted(stream for _, stream in venue.streams()) == ["quotes.eth_usdt", "trades.btc_usdt"]
        )


async def kill(process: Process, venue: MockVenue) -> None:
    process.tell(signal.SIGKILL)
    assert (await process.end()).status == -signal.SIGKILL
    await venue.wait_for(lambda: not venue.sockets)


async def test_short_memory_is_told_and_a_kill_for_want_of_it_loses_nothing_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    async with MockVenue() as venue:
        async with hungry(venue, tmp_path) as (process, address):
            wish = {"exchange": "mock", "channel": "quotes", "symbols": ["ETH-USDT"]}
            assert (await ask("POST", address, "/api/v1/subscriptions", wish))[0] == 201
            await served(venue, address)
            assert "memory_short" not in process.said
            (tmp_path / "eat").touch()
            facts = await short(process, address)
            assert (int(facts["limit"]), 80 <= int(facts["percent"]) <= 100) == (LIMIT, True)
            [line] = [one for one in map(json.loads, process.said.splitlines()) if one["event"] == "memory_short"]
            assert line["level"] == "warning"
            await kill(process, venue)
        for _ in range(KILLS):  # as a service manager starts it again, though nothing is better
            async with hungry(venue, tmp_path) as (process, address):
                await short(process, address)
                await served(venue, address)
                await kill(process, venue)
        (tmp_path / "eat").unlink()
        async with hungry(venue, tmp_path) as (process, address):
            await served(venue, address)
            process.tell(signal.SIGTERM)
            assert (await process.end()).status == 0


# --- processor


class Heard:
    """What one client was told, by topic: each record's number, and whatever is no data."""

    def __init__(self, client: Client) -> None:
        self.numbers: dict[str, list[int]] = {}
        self.told: list[str] = []
        self.conflated = 0
        self._client = client
        self._more = asyncio.Event()

    async def hear(self) -> None:
        async for message in self._client:
            if message["type"] == "status":
                self.told.append(f"{message['topic']}: {message['status']}")
            self.conflated += "first" in message
            for record in message.get("data", ()):
                number = int(next(record[name] for name in ("order_id", "id", "seq") if name in record))
                self.numbers.setdefault(message["topic"], []).append(number)
            self._more.set()

    def last(self, topic: str) -> int:
        """Return the number that came last."""
        return self.numbers.get(topic, [-1])[-1]

    async def until(self, holds: Callable[[], bool], hearing: asyncio.Task[None]) -> None:
        """Wait until ``holds``, and hear no more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not holds():
                    self._more.clear()
                    await self._more.wait()
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        lasts = {topic: numbers[-1] for topic, numbers in self.numbers.items()}
        assert holds(), f"the last that came: {lasts}; told {self.told}"


@asynccontextmanager
async def starved(process: Process) -> AsyncIterator[None]:
    """Have it stand still nine tenths of the time."""

    async def starve() -> None:
        while True:
            for number, seconds in zip((signal.SIGSTOP, signal.SIGCONT), TENTH, strict=True):
                process.tell(number)
                await asyncio.sleep(seconds)

    task = asyncio.create_task(starve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        process.tell(signal.SIGCONT)


def order(number: int) -> dict[str, str]:
    what = {"symbol": "btc_usdt", "order_id": str(number), "side": "buy", "type": "limit", "status": "new"}
    return {**what, "price": "1", "size": "1", "filled": "0"}


async def test_with_a_tenth_of_a_processor_newest_quotes_come_and_of_orders_and_trades_all(tmp_path: Path) -> None:
    orders, trades, quotes = "mock:orders:@main", CONFIGURED, ASKED_FOR
    async with (
        MockVenue() as venue,
        Process(tmp_path, tables(venue, tmp_path), **SECRETS) as process,
        connect(f"ws://{await process.address()}") as client,
    ):
        await client.subscribe((orders, trades))
        await client.subscribe(quotes, conflate_ms=20)
        heard = Heard(client)
        hearing = asyncio.create_task(heard.hear())
        await venue.wait_for(lambda: len(venue.streams()) == 3)
        sockets, pings = set(venue.sockets), venue.counts.pings
        number, quoted, last = 0, 0, {}
        async with starved(process), asyncio.timeout(STARVED + PATIENCE):
            begun = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < begun + STARVED:
                number += 1
                venue.emit_order(order(number))
                for _ in range(EACH):
                    trade = venue.emit_trade("btc_usdt")
                    venue.emit_quote("eth_usdt")
                    quoted += 1
                last = {orders: number, trades: int(trade["id"]), quotes: quoted}
                await asyncio.sleep(0.01)
        await heard.until(lambda: all(heard.last(topic) >= number for topic, number in last.items()), hearing)
        assert set(venue.sockets) == sockets, "no connection was given up"
        assert venue.counts.pings > pings, "they are kept alive"
        assert [one for one in heard.told if not one.endswith((": live", ": synced"))] == []
        assert heard.numbers[orders][-number:] == list(range(1, number + 1)), "of an account nothing is left out"
        first = heard.numbers[trades][0]
        assert heard.numbers[trades] == list(range(first, first + len(heard.numbers[trades])))
        assert heard.numbers[quotes] == sorted(set(heard.numbers[quotes]))
        assert heard.conflated > 0
        assert len(heard.numbers[quotes]) < number * EACH
