"""
Killed at any instant while subscriptions change, the whole gateway keeps what it has acknowledged.

It is started again on the same file each time: what was acknowledged is listed at
once and asked for at the exchange, what was acknowledged to be gone is neither;
of what was not acknowledged each may be either. 6 kills; with
``GATEWAY_FULL_SIZE`` 200.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from measured import counted, happened, took
from process import Process

from gateway_mock.venue import MockVenue

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
KILLS = 200 if FULL else 6
LANES, EACH = 6, 5
"""Clients that change subscriptions at the same time, and how many each has to change."""
SLOW = 0.02
"""Seconds that the exchange takes to answer a request."""
DISK = """
import random, time
from gateway.store.database import Database

def commit(self, jobs, *, original=Database.commit):
    time.sleep(random.uniform(0.0, 0.004))
    results = original(self, jobs)
    time.sleep(random.uniform(0.0, 0.002))
    return results

Database.commit = commit
"""
"""A disk so slow that kills come while something is being written, or just was."""
HURRIED = 0.3
"""Of so many the kill comes while they start."""
PATH = "/api/v1/subscriptions"
CONFIGURED = "mock:trades:BTC-USDT"

pytestmark = pytest.mark.timeout(1500 if FULL else 240)


class Lane:
    """A client that changes subscriptions of its own, one after the other, and knows what was acknowledged."""

    def __init__(self, topics: list[str], random: Random) -> None:
        self.kept: set[str] = set()
        self.asked: str | None = None
        """What was asked for last, if it was not answered."""
        self.answers = 0
        self._topics = topics
        self._random = random

    async def change(self, session: aiohttp.ClientSession, address: str) -> None:
        """Go on until nobody answers."""
        while True:
            self.asked = topic = self._random.choice(self._topics)
            method = "DELETE" if self._random.random() < 0.5 else "POST"
            async with self._request(session, method, f"http://{address}{PATH}", topic) as reply:
                await reply.read()
                assert reply.status in {"POST": {200, 201}, "DELETE": {204, 404}}[method], reply.status
            self.kept = self.kept - {topic} if method == "DELETE" else self.kept | {topic}
            self.asked = None
            self.answers += 1

    @staticmethod
    def _request(session: aiohttp.ClientSession, method: str, url: str, topic: str) -> Any:
        if method == "DELETE":
            return session.delete(f"{url}/{quote(topic, safe='')}")
        exchange, channel, symbol = topic.split(":")
        return session.post(url, json={"exchange": exchange, "channel": channel, "symbols": [symbol]})

    def look(self, listed: set[str]) -> None:
        """Compare with what is listed after the restart; what was not answered is what it is."""
        mine, unsure = listed & {*self._topics}, {self.asked}
        assert mine - unsure == self.kept - unsure, f"acknowledged {self.kept}, unsure of {unsure}, but {mine}"
        self.kept, self.asked = mine, None


class Killed:
    """One file, and gateways that are started on it and killed."""

    def __init__(self, venue: MockVenue, path: Path, seed: int) -> None:
        self.random = Random(seed)
        self.venue = venue
        self.path = path
        symbols = iter(sorted(market.symbol for market in venue.markets.values()))
        self.lanes = [
            Lane([f"mock:quotes:{next(symbols)}" for _ in range(EACH)], Random(self.random.random()))
            for _ in range(LANES)
        ]
        self.survived = 0
        self.back: list[float] = []
        """Seconds from each start until all that was kept had been asked for again."""

    def process(self) -> Process:
        endpoints = {**self.venue.addresses, "allow_plaintext": True}
        settings = {
            "server": {"listen": "127.0.0.1:0"},
            "store": {"path": str(self.path / "gateway.db")},
            "server.limits": {"commands_per_second": 100_000, "burst": 100_000},
            "exchanges": {"mock": {"endpoints": endpoints}},
            "subscriptions": [{"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT"]}],
        }
        return Process(self.path, settings, before=DISK)

    async def once(self) -> None:
        """Start one and kill it."""
        started = time.monotonic()
        async with self.process() as process:
            if self.random.random() < HURRIED:
                await asyncio.sleep(self.random.uniform(0.0, 1.0))
            else:
                address = await process.address()
                async with aiohttp.ClientSession() as session:
                    await self.look(session, address)
                    self.back.append(time.monotonic() - started)
                    await self.change_until(session, address, process)
            process.tell(signal.SIGKILL)
            assert (await process.end()).status == -signal.SIGKILL
            await self.venue.wait_for(lambda: not self.venue.sockets)

    async def look(self, session: aiohttp.ClientSession, address: str) -> None:
        """See that all is there that was acknowledged, and nothing that was acknowledged to be gone."""
        async with session.get(f"http://{address}{PATH}") as reply:
            listed = [one["topic"] for one in (await reply.json())["subscriptions"]]
        assert max(Counter(listed).values()) == 1
        for lane in self.lanes:
            lane.look({*listed})
        await self.asked_for({*listed})
        self.survived += 1

    async def asked_for(self, topics: set[str]) -> None:
        """See the exchange asked for exactly these, each once."""
        wanted = sorted(stream_of(topic) for topic in topics)
        async with asyncio.timeout(10):
            await self.venue.wait_for(lambda: sorted(stream for _, stream in self.venue.streams()) == wanted)

    async def change_until(self, session: aiohttp.ClientSession, address: str, process: Process) -> None:
        """Change subscriptions until so many answers have come, and some instant after that."""
        most = sum(lane.answers for lane in self.lanes) + self.random.randrange(1, 60)
        async with asyncio.TaskGroup() as tasks:
            changing = [tasks.create_task(self.change(lane, session, address)) for lane in self.lanes]
            while sum(lane.answers for lane in self.lanes) < most:  # noqa: ASYNC110  # lanes tell nobody
                await asyncio.sleep(0.001)
            await asyncio.sleep(self.random.choice((0.0, self.random.uniform(0.0, 0.005))))
            process.tell(signal.SIGKILL)
            await asyncio.wait(changing)

    @staticmethod
    async def change(lane: Lane, session: aiohttp.ClientSession, address: str) -> None:
        with suppress(aiohttp.ClientError):
            await lane.change(session, address)


def stream_of(topic: str) -> str:
    _, channel, symbol = topic.split(":")
    return f"{channel}.{symbol.lower().replace('-', '_')}"


async def test_what_was_acknowledged_is_there_after_any_kill(tmp_path: Path) -> None:
    async with MockVenue(symbols=LANES * EACH) as venue:
        venue.faults.reply_delay = SLOW
        killed = Killed(venue, tmp_path, seed=1)
        for _ in range(KILLS):
            await killed.once()
        async with killed.process() as process, aiohttp.ClientSession() as session:
            await killed.look(session, await process.address())
        assert killed.survived > KILLS / 2
        counted("kills of a gateway", KILLS)
        counted("starts after which it was looked at what is there", killed.survived)
        happened("acknowledged changes that were not there", 0, sum(lane.answers for lane in killed.lanes))
        took("seconds from its start until all that is kept was asked for again", killed.back)
