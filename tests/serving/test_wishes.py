"""Standing subscriptions over REST: what is asked wrongly is a problem document, and nothing is kept of it."""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest

from gateway.engine.hub import Hub
from gateway.errors import StoreBusy, StoreError, SubscriptionError
from gateway.model.subscriptions import Subscription
from gateway.serving import Limits, Server

GOOD = {"exchange": "mock", "channel": "trades", "symbols": ["BTC-USDT", "ETH-USDT"]}


class Keeper:
    """Keeps wishes in a list, or fails as it is told."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.fails: Exception | None = None

    def standing(self) -> Sequence[dict[str, Any]]:
        return [{"topic": topic} for topic in self.kept]

    async def stand(self, wishes: Sequence[Subscription]) -> Sequence[dict[str, Any]]:
        if self.fails is not None:
            raise self.fails
        new = [wish.topic not in self.kept for wish in wishes]
        self.kept += [wish.topic for wish in wishes if wish.topic not in self.kept]
        return [{"topic": wish.topic, "is_new": one} for wish, one in zip(wishes, new, strict=True)]

    async def fall(self, topic: str) -> bool:
        if self.fails is not None:
            raise self.fails
        if topic not in self.kept:
            return False
        self.kept.remove(topic)
        return True


class Desk:
    def __init__(self, session: aiohttp.ClientSession, url: str, keeper: Keeper) -> None:
        self.session, self.url, self.keeper = session, url, keeper

    async def post(self, **options: Any) -> tuple[int, Any]:
        async with self.session.post(self.url, **options) as reply:
            return reply.status, await reply.json(content_type=None)

    async def delete(self, topic: str) -> int:
        async with self.session.delete(f"{self.url}/{topic}") as reply:
            return reply.status


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    keeper = Keeper()
    server = Server(
        Hub(lambda: "e"),
        object(),  # nothing else is asked
        host="127.0.0.1",
        port=0,
        now=time.monotonic,
        wall_us=lambda: 1,
        version="1",
        limits=Limits(message=4096),
        standing=keeper,
    )
    await server.start()
    host, port = server.address
    async with aiohttp.ClientSession() as session:
        yield Desk(session, f"http://{host}:{port}/api/v1/subscriptions", keeper)
    await server.stop(1)


async def test_what_is_new_is_created_and_what_stood_is_not(desk: Desk) -> None:
    status, body = await desk.post(json=GOOD)
    assert status == 201
    assert [one["topic"] for one in body["subscriptions"]] == desk.keeper.kept
    assert desk.keeper.kept == ["mock:trades:BTC-USDT", "mock:trades:ETH-USDT"]
    assert (await desk.post(json=GOOD))[0] == 200
    async with desk.session.get(desk.url) as reply:
        assert [one["topic"] for one in (await reply.json())["subscriptions"]] == desk.keeper.kept


async def test_one_that_is_removed_is_gone_and_a_second_time_unknown(desk: Desk) -> None:
    await desk.post(json=GOOD)
    assert await desk.delete("mock:trades:BTC-USDT") == 204
    assert desk.keeper.kept == ["mock:trades:ETH-USDT"]
    assert await desk.delete("mock:trades:BTC-USDT") == 404


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"data": b"{}"}, 415, "unsupported_media_type"),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "bad_request"),
        ({"data": b'{"exchange":"\xff"}', "headers": {"Content-Type": "application/json"}}, 400, "bad_request"),
        ({"json": {**GOOD, "symbol": "X"}}, 400, "bad_request"),
        ({"json": [GOOD]}, 400, "bad_request"),
        ({"json": {"exchange": "mock", "channel": "trades"}}, 400, "bad_request"),
        ({"json": {"exchange": "mock", "channel": "orders", "symbols": ["A"]}}, 400, "bad_request"),
        ({"json": {**GOOD, "symbols": ["X" * 100] * 50}}, 413, "content_too_large"),
    ],
)
async def test_what_is_asked_wrongly_is_explained(desk: Desk, options: Any, status: int, code: str) -> None:
    answered, body = await desk.post(**options)
    assert (answered, body["code"]) == (status, code)
    assert desk.keeper.kept == []


@pytest.mark.parametrize(
    ("fails", "status", "code", "later"),
    [
        (SubscriptionError("unknown_symbol", "mock has no symbol X"), 422, "unknown_symbol", None),
        (SubscriptionError("timeout", "no list in time", temporary=True), 422, "timeout", "1"),
        (StoreError("the disk is full"), 503, "not_kept", None),
        (StoreBusy("too much waits for the disk"), 503, "not_kept", "1"),
    ],
)
async def test_what_cannot_be_kept_is_told(
    desk: Desk, fails: Exception, status: int, code: str, later: str | None
) -> None:
    desk.keeper.fails = fails
    async with desk.session.post(desk.url, json=GOOD) as reply:
        assert reply.status == status
        assert reply.headers.get("Retry-After") == later
        assert (await reply.json(content_type=None))["code"] == code
    if isinstance(fails, StoreError):
        assert await desk.delete("mock:trades:BTC-USDT") == 503
