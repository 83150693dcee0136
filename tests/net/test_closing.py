import asyncio
import struct

import pytest

from gateway.errors import Reason, TransportLost


class Clock:
    def __init__(self) -> None:
        self.started = asyncio.get_running_loop().time()

    @property
    def elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self.started


async def polite(wire):
    """Answer a Close frame, then wait for the client to hang up."""
    await wire.upgrade()
    while True:
        kind, payload = await wire.hear()
        if kind == 8:
            wire.frame(8, payload)
            return


async def test_a_polite_peer_hears_the_code_and_the_socket_is_gone_at_once(dial, ws):
    async def script(wire):
        await wire.upgrade()
        heard.append(await wire.hear())
        wire.frame(ws.CLOSE, heard[0][1])
        heard.append(await wire.hear())

    heard: list[tuple[int, bytes]] = []
    transport, peer = await dial(script)
    async with asyncio.timeout(30):
        await transport.close(1001, within=60)
    assert transport.closed
    await peer.over()
    assert heard == [(ws.CLOSE, struct.pack("!H", 1001)), (-1, b"")]
    with pytest.raises(TransportLost) as caught:
        await transport.receive()
    assert caught.value.reason is Reason.STOPPED


async def test_what_the_peer_says_before_its_close_is_not_waited_for_twice(dial, ws):
    async def script(wire):
        await wire.upgrade()
        await wire.hear()
        for _ in range(1000):
            wire.frame(ws.TEXT, b"x" * 1000)
        wire.frame(ws.CLOSE, struct.pack("!H", 1000))

    transport, peer = await dial(script)
    async with asyncio.timeout(30):
        await transport.close(within=60)
    await peer.over()


async def chatty(wire):
    await wire.upgrade()
    while not wire.writer.is_closing():
        wire.frame(1, b"x" * 100)
        await wire.writer.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize("script", ["silent", "chatty", "deaf"])
async def test_closing_is_bounded_whatever_the_peer_does(dial, ws, script):
    """aiohttp's close never returns while a peer goes on talking, and waits ten seconds for a silent one."""
    transport, peer = await dial({"silent": ws.silent, "chatty": chatty, "deaf": ws.deaf}[script])
    clock = Clock()
    async with asyncio.timeout(10):
        await transport.close(within=0.2)
    assert clock.elapsed > 0.1
    assert transport.closed
    await peer.stop()


async def test_closing_is_bounded_though_the_socket_takes_nothing_more(dial, ws, fill, stuck):
    transport, peer = await dial(ws.deaf)
    sending = asyncio.create_task(fill(transport))
    await stuck(transport, sending)
    clock = Clock()
    await transport.close(within=0.2)
    assert clock.elapsed < 10
    assert transport.closed
    with pytest.raises(TransportLost):  # a loss, and no cancellation that nobody asked for
        await sending
    await peer.stop()
    assert len(asyncio.all_tasks()) == 1


async def test_a_goodbye_that_waits_takes_no_send_with_it(dial, ws, stuck):
    """Both wait for one future of aiohttp's, and when time is up only the goodbye would be cancelled."""
    transport, peer = await dial(ws.deaf)
    sending = asyncio.create_task(transport.send(b"x" * (16 << 20)))
    await stuck(transport, sending)
    await transport.send(b"x" * ((1 << 18) - 14))  # aiohttp looks whether to wait after each 256 KiB
    await transport.close(within=0.1)
    await asyncio.wait({sending})
    assert not sending.cancelled()
    assert isinstance(sending.exception(), TransportLost)
    await peer.stop()
    assert len(asyncio.all_tasks()) == 1


async def test_no_time_at_all_is_an_abort(dial, ws):
    transport, peer = await dial(ws.silent)
    await transport.close(within=0)
    assert transport.closed
    await peer.over()


@pytest.mark.parametrize("turns", range(8))
async def test_closing_that_is_cancelled_leaves_no_socket(dial, ws, turns):
    transport, peer = await dial(ws.silent)
    closing = asyncio.create_task(transport.close())
    for _ in range(turns):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait({closing})
    assert closing.cancelled()
    if turns:  # else it never began
        assert transport.closed
    transport.abort()
    await peer.over()


async def test_closing_twice_or_at_once_says_goodbye_once(dial, ws):
    async def script(wire):
        await wire.upgrade()
        while (heard := await wire.hear())[0] >= 0:
            frames.append(heard)

    frames: list[tuple[int, bytes]] = []
    transport, peer = await dial(script)
    clock = Clock()
    await asyncio.gather(transport.close(within=0.2), transport.close(1001, within=0.2))
    await transport.close()
    assert clock.elapsed < 10
    await peer.over()
    assert frames == [(ws.CLOSE, struct.pack("!H", 1000))]


@pytest.mark.parametrize("script", [polite, chatty])
async def test_a_pump_in_another_task_ends_when_the_socket_is_closed(dial, script):
    transport, peer = await dial(script)
    pump = asyncio.create_task(transport.pump(lambda *_: None, lambda *_: None))
    await asyncio.sleep(0)
    clock = Clock()
    await transport.close(within=0.5)
    assert clock.elapsed < 10
    with pytest.raises(TransportLost) as caught:
        await pump
    assert caught.value.reason is Reason.STOPPED
    await peer.over()


async def test_a_polite_peer_is_left_at_once_though_another_task_reads(dial):
    transport, peer = await dial(polite)
    pump = asyncio.create_task(transport.pump(lambda *_: None, lambda *_: None))
    await asyncio.sleep(0)
    clock = Clock()
    await transport.close(within=60)
    assert clock.elapsed < 30
    await asyncio.wait({pump})
    assert isinstance(pump.exception(), TransportLost)
    await peer.over()


@pytest.mark.parametrize("end", ["fin", "rst"])
async def test_closing_what_the_peer_has_ended_returns_at_once(dial, end):
    async def script(wire):
        await wire.upgrade()
        await wire.hear()
        getattr(wire, end)()

    transport, peer = await dial(script)
    await transport.send("go")
    await peer.over()
    clock = Clock()
    await transport.close(within=60)
    await transport.close(within=60)
    assert clock.elapsed < 30
    assert transport.closed


async def test_aborting_drops_the_socket_at_once_and_may_be_repeated(dial, ws):
    async def script(wire):
        await wire.upgrade()
        heard.append(await wire.hear())

    heard: list[tuple[int, bytes]] = []
    transport, peer = await dial(script)
    reading = asyncio.create_task(transport.receive())
    await asyncio.sleep(0)
    transport.abort()
    transport.abort()
    assert transport.closed
    with pytest.raises(TransportLost) as caught:
        await reading
    assert caught.value.reason is Reason.STOPPED
    await peer.over()
    assert heard == [(-1, b"")], "no Close frame"
    await transport.close()
    with pytest.raises(TransportLost):
        await transport.send("x")


async def test_nothing_is_sent_behind_a_goodbye(dial, ws):
    async def script(wire):
        await wire.upgrade()
        heard.extend([await wire.hear(), await wire.hear()])

    heard: list[tuple[int, bytes]] = []
    transport, peer = await dial(script)
    closing = asyncio.create_task(transport.close(within=0.2))
    await asyncio.sleep(0.05)
    with pytest.raises(TransportLost):
        await transport.send("late")
    await closing
    await peer.over()
    assert [kind for kind, _ in heard] == [ws.CLOSE, -1]
