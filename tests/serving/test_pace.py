"""A client that floods is told so a few times, and then held back by its own socket."""

import asyncio
from typing import Any

import aiohttp
import pytest

from gateway.errors import SubscriptionError
from gateway.serving import Limits
from gateway.serving.pace import Pace

NEVER = 0.001
"""Requests a second: none within a test beyond the burst."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_after_so_many_refusals_a_request_waits_for_its_turn() -> None:
    clock = Clock()
    pace = Pace(Limits(commands_burst=2, commands_per_second=1000.0, refusals=3), clock)
    for _ in range(2):
        await pace.request()
    for _ in range(3):
        with pytest.raises(SubscriptionError, match="slow down") as refused:
            await pace.request()
        assert (refused.value.code, refused.value.temporary) == ("rate_limited", True)
    for turn in (1, 2, 3):
        waiting = asyncio.create_task(pace.request())
        await asyncio.wait((waiting,), timeout=0.01)
        assert not waiting.done(), "nobody gave it a turn"
        clock.now = turn * 0.0011
        async with asyncio.timeout(10):
            await waiting
    clock.now += 1.0
    async with asyncio.timeout(10):
        await pace.request()
        await pace.request()
        with pytest.raises(SubscriptionError):
            await pace.request()


async def test_pings_and_pongs_are_never_refused_but_wait_and_take_no_turn_of_a_request() -> None:
    clock = Clock()
    pace = Pace(Limits(commands_burst=2, commands_per_second=1000.0), clock)
    for _ in range(2):
        await pace.control()
    waiting = asyncio.create_task(pace.control())
    await asyncio.wait((waiting,), timeout=0.01)
    assert not waiting.done()
    await pace.request()
    clock.now = 0.0011
    async with asyncio.timeout(10):
        await waiting


async def test_a_client_that_floods_is_read_no_further_and_still_hears_its_topics(start: Any) -> None:
    rig = await start(commands_burst=1, commands_per_second=NEVER, refusals=3)
    client = await rig.client()
    await client.subscribe("BTC-USDT")
    assert (await client.next())["success"]
    for number in range(200):
        await client.send("ping", number)
    refused = await client.many(3)
    assert [(one["req_id"], one["error"]["code"]) for one in refused] == [(n, "rate_limited") for n in range(3)]
    for offset in range(1, 6):
        rig.publish(str(offset))
        assert (await client.next()).get("offset") == offset
    other = await rig.client()
    await other.send("ping")
    assert (await other.next())["success"]


@pytest.mark.parametrize("kind", ["ping", "pong"])
async def test_a_flood_of_control_frames_is_held_back_too(start: Any, kind: str) -> None:
    rig = await start(commands_burst=2, commands_per_second=NEVER)
    client = await rig.client(autoping=False)
    await client.subscribe("BTC-USDT")
    await client.next()
    for _ in range(3):
        await getattr(client.ws, kind)(b"x")
    await client.send("ping")
    for _ in range(2 if kind == "ping" else 0):
        assert (await client.ws.receive()).type is aiohttp.WSMsgType.PONG
    for offset in range(1, 6):
        rig.publish(str(offset))
        assert (await client.next()).get("offset") == offset, "the request behind was not read"


async def test_a_client_that_is_closed_for_its_errors_is_not_read_any_further(start: Any) -> None:
    rig = await start(protocol_errors=2)
    client = await rig.client()
    for _ in range(50):
        await client.ws.send_str("{")
    answers = 0
    async with asyncio.timeout(10):
        while (await client.ws.receive()).type is aiohttp.WSMsgType.TEXT:
            answers += 1
    assert (answers, client.ws.close_code) == (2, 4503)
