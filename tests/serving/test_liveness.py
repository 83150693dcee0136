"""Silence, idleness and pings."""

import asyncio
from typing import Any

import aiohttp


async def test_the_server_pings_and_a_client_that_answers_stays(start: Any) -> None:
    rig = await start(ping_interval=0.1, silence=1.0)
    client = await rig.client(autoping=False)
    await client.subscribe("A")
    await client.next()
    async with asyncio.timeout(10):
        for _ in range(13):  # a third longer than the silence that is allowed
            message = await client.ws.receive()
            assert message.type is aiohttp.WSMsgType.PING
            await client.ws.pong(message.data)
    assert rig.server.clients == 1


async def test_a_client_of_which_nothing_is_heard_is_closed_and_may_come_back(start: Any) -> None:
    rig = await start(ping_interval=0.02, silence=0.5)
    client = await rig.client(autoping=False)
    await client.subscribe("A")
    assert await client.closed() == 4409
    assert rig.topic("A").listeners == 0


async def test_a_client_that_waits_for_a_slow_exchange_is_not_silent(start: Any) -> None:
    rig = await start(ping_interval=0.05, silence=0.5)
    rig.upstream.patience = asyncio.Event()
    client = await rig.client(autoping=False)
    await client.subscribe("A")
    pings = 0
    async with asyncio.timeout(10):
        while pings < 15:
            message = await client.ws.receive()
            assert message.type is aiohttp.WSMsgType.PING
            pings += 1
    rig.upstream.patience.set()
    async with asyncio.timeout(10):
        while (message := await client.ws.receive()).type is aiohttp.WSMsgType.PING:
            pass
    assert message.type is aiohttp.WSMsgType.TEXT


async def test_a_clients_own_ping_is_answered_with_its_payload(rig: Any) -> None:
    client = await rig.client(autoping=False)
    await client.ws.ping(b"abc")
    async with asyncio.timeout(10):
        message = await client.ws.receive()
    assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"abc")


async def test_a_client_without_a_subscription_is_closed_and_told_not_to_come_back(start: Any) -> None:
    rig = await start(idle=0.05)
    client = await rig.client()
    assert await client.closed() == 4508


async def test_idleness_counts_from_the_last_subscriptions_end(start: Any) -> None:
    rig = await start(idle=0.6, ping_interval=0.05)
    client = await rig.client()
    await client.subscribe("A")
    await client.next()
    joined = asyncio.get_running_loop().time()
    reading = asyncio.create_task(client.ws.receive())
    await rig.until(lambda: asyncio.get_running_loop().time() > joined + 0.9)
    assert rig.server.clients == 1
    await client.send("unsubscribe", exchange="mock", channel="quotes", symbols=["A"])
    assert (await reading).type is aiohttp.WSMsgType.TEXT
    left = asyncio.get_running_loop().time()
    assert await client.closed() == 4508
    assert asyncio.get_running_loop().time() - left >= 0.59
