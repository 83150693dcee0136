"""Health and metrics are asked for all the time while data flow: neither waits for the other."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import aiohttp
import pytest

from gateway import Client, Gateway
from gateway.app import serve
from gateway.config import load
from gateway_mock.plugin import MockExchange
from gateway_mock.venue import MockVenue

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
ROUNDS = 600 if FULL else 10
RATE = 200
PATIENCE = 30.0
PATHS = ("/metrics", "/readyz", "/readyz?verbose", "/livez")
TOPIC = "mock:trades:BTC-USDT"


class Untouched:
    """A lock that nobody may take."""

    def __enter__(self) -> NoReturn:
        raise AssertionError("the lock was taken")

    def __exit__(self, *_: object) -> None:
        """Nobody gets so far."""


@contextlib.asynccontextmanager
async def serving(venue: MockVenue) -> AsyncIterator[str]:
    address: list[str] = []
    ready = asyncio.Event()

    def listening(place: str) -> None:
        address.append(place)
        ready.set()

    tables = {
        "server": {"listen": "127.0.0.1:0"},
        "exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}},
    }
    task = asyncio.create_task(serve(load(None, {}, tables), ready=listening, environ={}))
    try:
        async with asyncio.timeout(PATIENCE):
            await ready.wait()
        yield address[0]
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def asked(http: aiohttp.ClientSession, address: str, path: str) -> int:
    async with http.get(f"http://{address}{path}") as reply:
        await reply.read()
        return reply.status


async def test_ten_times_a_second_each_costs_no_message_and_every_answer_comes() -> None:
    async with MockVenue(rate=RATE) as venue, serving(venue) as address, Client(f"ws://{address}") as client:
        await client.subscribe(TOPIC)
        offsets: list[int] = []

        heard = asyncio.Event()

        async def hear() -> None:
            async for message in client:
                if message.get("type") == "update":
                    offsets.append(message["offset"])
                    heard.set()

        hearing = asyncio.create_task(hear())
        async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE + ROUNDS):
            await heard.wait()
            for _ in range(ROUNDS):
                await asyncio.sleep(0.1)
                answers = await asyncio.gather(*(asked(http, address, path) for path in PATHS))
                assert answers == [200] * len(PATHS)
            more = len(offsets) + RATE
            while len(offsets) < more:
                heard.clear()
                await heard.wait()
        hearing.cancel()
        await asyncio.wait((hearing,))
        assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))


async def test_whatever_they_read_is_read_without_the_lock_of_the_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with MockVenue() as venue:
        settings = {"exchanges": {"mock": {"endpoints": {**venue.addresses, "allow_plaintext": True}}}}
        async with Gateway(settings, plugins={"mock": MockExchange()}) as gateway:
            lock: Any = Untouched()
            with monkeypatch.context() as patched:
                patched.setattr(gateway.registry, "_lock", lock)
                with pytest.raises(AssertionError, match="was taken"):
                    gateway.registry.history("mock/stream/0")
                list(gateway.operations.problems())
                assert gateway.operations.get_stats()["total_connections"] == 0
                assert list(gateway.metering.read())
