"""Nothing is left behind: tasks and descriptors are counted before and after all that a dial can run into."""

import asyncio
import gc

import pytest

from gateway.errors import ConnectionFault
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.spi.steps import Fetch, Open


async def hang(wire):
    await wire.hear_head()


async def half(wire):
    await wire.hear_head()
    wire.writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n")


async def closing_body(wire):
    await wire.hear_head()
    wire.writer.write(b"HTTP/1.1 429 Slow\r\nContent-Length: 9\r\n\r\nbeg")


async def settle(descriptors, tasks, files):
    """Wait for the baseline; the loop needs some turns to close what was dropped."""
    for _ in range(200):
        gc.collect()
        if len(asyncio.all_tasks()) <= tasks and descriptors() <= files:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{asyncio.all_tasks()}, {descriptors() - files} descriptors too many")


@pytest.mark.parametrize("script", ["silent", "hang", "half", "closing_body"])
async def test_two_hundred_cancelled_dials_leave_nothing(network, serve, ws, descriptors, script):
    """Each is cancelled a few turns of the loop later than the one before."""
    script = {"silent": ws.silent, "hang": hang, "half": half, "closing_body": closing_body}[script]
    peer = await serve(script)
    (await network.open(Open((await serve(ws.silent)).url), max_frame=1)).abort()
    await asyncio.sleep(0.02)
    tasks, files = len(asyncio.all_tasks()), descriptors()
    opened = 0
    for number in range(200):
        dial = asyncio.create_task(network.open(Open(peer.url), max_frame=1))
        for _ in range(number % 40):
            await asyncio.sleep(0)
        if number % 8 == 7:
            await peer.accepted(len(peer.wires) or 1)
            await asyncio.sleep(0.001)
        dial.cancel()
        await asyncio.wait({dial})
        if not dial.cancelled():
            dial.result().abort()
            opened += 1
    await peer.over()
    await settle(descriptors, tasks, files)
    assert opened < 200
    assert peer.wires, "none got as far as the peer"


async def test_dials_cancelled_in_a_crowd_leave_nothing(network, serve, descriptors):
    """Most of them wait for their turn."""
    peer = await serve(hang)
    tasks, files = len(asyncio.all_tasks()), descriptors()
    dials = [asyncio.create_task(network.open(Open(peer.url), max_frame=1)) for _ in range(100)]
    await peer.accepted(32)
    for dial in dials:
        dial.cancel()
    await asyncio.wait(dials)
    assert all(dial.cancelled() for dial in dials)
    await peer.over()
    await settle(descriptors, tasks, files)
    assert len(peer.wires) == 32


async def test_five_hundred_connections_opened_and_ended_leave_nothing(network, serve, descriptors):
    """Ended in turn by us, politely or not, and by the peer, by Close, FIN and RST."""

    async def script(wire):
        await wire.upgrade()
        kind, payload = await wire.hear()
        match payload:
            case b"close":
                wire.frame(8, b"\x03\xe9")
            case b"fin":
                wire.fin()
            case b"rst":
                wire.rst()
            case _ if kind == 8:
                wire.frame(8, payload)

    peer = await serve(script)
    (await network.open(Open(peer.url), max_frame=1 << 20)).abort()
    await peer.over()
    tasks, files = len(asyncio.all_tasks()), descriptors()
    for number in range(500):
        transport = await network.open(Open(peer.url), max_frame=1 << 20)
        word = ("close", "fin", "rst", "", None)[number % 5]
        if word:
            await transport.send(word)
            with pytest.raises(ConnectionFault):
                await transport.receive()
        if word is None:
            transport.abort()
        else:
            await transport.close()
    await peer.over()
    await settle(descriptors, tasks, files)
    assert len(network._open) <= 1


async def test_cancelled_requests_leave_nothing(network, serve, descriptors):
    peer = await serve(closing_body)
    tasks, files = len(asyncio.all_tasks()), descriptors()
    for number in range(100):
        request = asyncio.create_task(network.fetch(Fetch("POST", peer.rest, body=b"x" * 1000)))
        for _ in range(number % 20):
            await asyncio.sleep(0)
        request.cancel()
        await asyncio.wait({request})
        assert request.cancelled()
    await peer.over()
    await settle(descriptors, tasks, files)


async def test_a_network_leaves_nothing(serve, ws, descriptors):
    peer = await serve(ws.silent)
    await asyncio.sleep(0)
    tasks, files = len(asyncio.all_tasks()), descriptors()
    for _ in range(20):
        network = AiohttpNetwork()
        await network.open(Open(peer.url), max_frame=1)
        await network.close()
    await peer.over()
    await settle(descriptors, tasks, files)
