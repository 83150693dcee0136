"""How the server stops."""

import asyncio
from typing import Any

import aiohttp
import pytest

WIDE = "9" * 4000


async def test_what_waits_is_written_before_the_clients_are_told(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT")
    await client.next()
    for number in range(100):
        rig.publish(str(number))
    stopping = asyncio.create_task(rig.server.stop())
    assert [message["offset"] for message in await client.many(100)] == list(range(1, 101))
    assert await client.closed() == 1001
    await stopping
    assert rig.server.clients == 0
    assert rig.topic().listeners == 0
    with pytest.raises(aiohttp.ClientConnectorError):
        await rig.client()


async def test_folded_messages_are_written_too(start: Any) -> None:
    rig = await start()
    deaf = await rig.deaf()
    await deaf.subscribe("BTC-USDT", "quotes")
    await rig.until(lambda: "mock:quotes:BTC-USDT" in rig.hub.topics)
    for number in range(2000):
        rig.publish(WIDE + str(number))
        if number % 10 == 0:
            await asyncio.sleep(0)
    stopping = asyncio.create_task(rig.server.stop(10.0))
    await rig.until(lambda: rig.topic().listeners == 0)
    offset = 0
    while "opcode" not in (message := await deaf.message()):
        offset = message["offset"]
    assert offset == 2000
    assert message["payload"][:2] == (1001).to_bytes(2, "big")
    deaf.sock.close()
    await stopping


async def test_a_client_that_does_not_read_does_not_hold_it_up(start: Any) -> None:
    rig = await start(closing=30.0)
    deaf = await rig.deaf()
    await deaf.subscribe("BTC-USDT", "quotes")
    await rig.until(lambda: "mock:quotes:BTC-USDT" in rig.hub.topics)
    for number in range(2000):
        rig.publish(WIDE + str(number))
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await rig.server.stop(0.2)
    assert loop.time() - began < 10.0
    assert rig.server.clients == 0


async def test_stopping_twice_or_before_starting_is_harmless(rig: Any) -> None:
    await rig.server.stop()
    await rig.server.stop()
