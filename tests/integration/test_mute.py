"""A client over a real socket sees that a topic is stale, and why, while its exchange is up and says nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from gateway import Gateway
from gateway.client import Client
from gateway.engine.silence import Silence
from gateway.runtime import service, stalls
from gateway.serving import Server
from gateway_mock.venue import MockVenue

TOPICS = ("mock:quotes:BTC-USDT", "mock:ticker:BTC-USDT")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become tenths."""
    monkeypatch.setattr(stalls, "Silence", partial(Silence, first=0.8, shortest=0.5))
    monkeypatch.setattr(service, "TICK", 0.03)


@asynccontextmanager
async def served(venue: MockVenue) -> AsyncIterator[Client]:
    tables = {"exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}}}
    async with Gateway(tables) as gateway:
        server = Server(
            gateway.hub,
            gateway.operations,
            host="127.0.0.1",
            port=0,
            now=time.monotonic,
            wall_us=lambda: time.time_ns() // 1000,
            version="0",
        )
        await server.start()
        try:
            async with Client(f"ws://127.0.0.1:{server.address[1]}") as client:
                yield client
        finally:
            await server.stop()


class Told:
    """What a client heard: per topic each status with its reason, and ``data`` once for all between two."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._topics: dict[str, list[str]] = {topic: [] for topic in TOPICS}

    async def until(self, holds: Callable[[list[str]], bool]) -> list[list[str]]:
        async with asyncio.timeout(100):
            async for message in self._client:
                self._take(message)
                if all(map(holds, self._topics.values())):
                    break
        told = list(self._topics.values())
        self._topics = {topic: [] for topic in TOPICS}
        return told

    def _take(self, message: Any) -> None:
        assert message["type"] != "jump", message
        told = self._topics[message["topic"]]
        word = f"{message['status']} {message['reason']}".strip() if message["type"] == "status" else "data"
        if told[-1:] != ["data"] or word != "data":
            told.append(word)


async def test_a_mute_exchange_is_seen_through_to_its_diagnosis_and_back() -> None:
    async with MockVenue(rate=50.0) as venue, served(venue) as client:
        for channel in ("quotes", "ticker"):
            await client.subscribe(f"mock:{channel}:BTC-USDT")
        told = Told(client)
        await told.until(lambda heard: "data" in heard)
        await asyncio.sleep(1)
        venue.faults.stall = True
        began = time.monotonic()
        for heard in await told.until(lambda heard: heard[-1:] == ["stale endpoint_moved"]):
            assert [word for word in heard if word not in {"data", "live"}] == [
                "stale data_stalled",
                "disconnected data_stalled",
                "restored data_stalled",
                "stale no_data",
                "stale endpoint_moved",
            ]
        assert time.monotonic() - began < 60
        venue.faults.stall = False
        for heard in await told.until(lambda heard: heard[-1:] == ["data"]):
            assert heard == ["live", "gap no_data", "data"]
