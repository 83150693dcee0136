import asyncio
import gc
import struct
import weakref

import pytest

from gateway.errors import Reason, TransportLost
from gateway.net.transport import Kind
from gateway.spi.steps import Open


async def end_of(transport) -> TransportLost:
    with pytest.raises(TransportLost) as caught:
        await transport.receive()
    return caught.value


async def test_an_end_without_a_close_frame_is_no_normal_close(dial, ws):
    """aiohttp calls this 1006 like a reset, or 1000."""

    async def script(wire):
        await wire.upgrade()
        wire.frame(ws.TEXT, b"last")
        wire.fin()

    transport, _ = await dial(script)
    assert await transport.receive() == (Kind.TEXT, b"last")
    fault = await end_of(transport)
    assert (fault.reason, fault.code) == (Reason.CLOSED_BY_PEER, None)
    assert "without a Close frame" in str(fault)
    assert transport.closed


async def test_a_reset_is_told_from_an_end(dial):
    async def script(wire):
        await wire.upgrade()
        await wire.hear()
        wire.rst()

    transport, _ = await dial(script)
    await transport.send("now")
    fault = await end_of(transport)
    assert (fault.reason, fault.code) == (Reason.CONNECTION_RESET, None)


@pytest.mark.parametrize("end", ["fin", "rst"])
async def test_an_end_in_the_middle_of_a_frame_delivers_no_part_of_it(dial, ws, end):
    async def script(wire):
        await wire.upgrade()
        wire.frame(ws.TEXT, b"whole")
        wire.writer.write(ws.frame(ws.TEXT, b"x" * 100)[:50])
        await wire.writer.drain()
        await wire.hear()
        getattr(wire, end)()

    transport, _ = await dial(script)
    assert await transport.receive() == (Kind.TEXT, b"whole")
    await transport.send("now")
    assert (await end_of(transport)).reason in {Reason.CLOSED_BY_PEER, Reason.CONNECTION_RESET}


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1009, 1012, 1013, 4000])
async def test_a_close_frame_tells_its_code_and_words(dial, ws, code):
    async def script(wire):
        await wire.upgrade()
        wire.frame(ws.TEXT, b"last")
        wire.frame(ws.CLOSE, struct.pack("!H", code) + b"pong timeout")
        heard.append(await wire.hear())

    heard: list[tuple[int, bytes]] = []
    transport, peer = await dial(script)
    assert await transport.receive() == (Kind.TEXT, b"last")
    fault = await end_of(transport)
    assert (fault.reason, fault.code) == (Reason.CLOSED_BY_PEER, code)
    assert str(fault) == f"closed by the peer with code {code} (pong timeout)"
    assert (await end_of(transport)).code == code, "whoever asks again does not wait for what cannot come"

    await transport.close()
    await peer.over()
    assert heard == [(ws.CLOSE, struct.pack("!H", code))], "a Close frame is answered"


async def test_a_close_frame_without_a_code_has_none(dial, ws):
    async def script(wire):
        await wire.upgrade()
        wire.frame(ws.CLOSE)
        heard.append(await wire.hear())

    heard: list[tuple[int, bytes]] = []
    transport, peer = await dial(script)
    fault = await end_of(transport)
    assert (fault.reason, fault.code) == (Reason.CLOSED_BY_PEER, None)
    await transport.close(1001)
    await peer.over()
    assert heard == [(ws.CLOSE, struct.pack("!H", 1000))]


async def test_a_close_right_behind_the_upgrade_is_heard(dial, ws):
    async def script(wire):
        await wire.upgrade(more=ws.frame(ws.CLOSE, struct.pack("!H", 1013)))

    transport, _ = await dial(script)
    assert (await end_of(transport)).code == 1013


@pytest.mark.parametrize("by", ["receive", "pump"])
async def test_an_end_is_told_as_often_as_it_is_asked_for(dial, by):
    async def script(wire):
        await wire.upgrade()
        wire.fin()

    def read():
        return transport.receive() if by == "receive" else transport.pump(lambda *_: None, lambda *_: None)

    transport, _ = await dial(script)
    for _ in range(3):
        with pytest.raises(TransportLost, match="without a Close frame"):
            await read()
    await transport.close()
    with pytest.raises(TransportLost, match="without a Close frame"):
        await read()


@pytest.mark.parametrize("end", ["fin", "rst", "close"])
async def test_a_socket_that_is_over_is_freed_at_once(network, serve, end):
    """A million reconnects must not wait for the garbage collector."""

    async def script(wire):
        await wire.upgrade()
        await wire.hear()
        wire.frame(8, b"\x03\xe8") if end == "close" else getattr(wire, end)()

    peer = await serve(script)
    transport = await network.open(Open(peer.url), max_frame=1)
    gc.collect()
    gc.disable()
    try:
        await transport.send("go")
        for _ in range(2):
            with pytest.raises(TransportLost):
                await transport.receive()
        await transport.close()
        with pytest.raises(TransportLost):
            await transport.send("x")
        there = weakref.ref(transport)
        del transport
        await asyncio.sleep(0)
        assert there() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(("end", "reason"), [("fin", Reason.CLOSED_BY_PEER), ("rst", Reason.CONNECTION_RESET)])
async def test_a_send_into_a_lost_socket_says_so_and_the_reader_is_told_the_same(dial, fill, end, reason):
    async def script(wire):
        await wire.upgrade()
        await wire.hear()
        getattr(wire, end)()

    transport, peer = await dial(script)
    await transport.send("go")
    await peer.over()
    with pytest.raises(TransportLost) as caught:
        await fill(transport)  # the system takes some in before it says that nobody is there
    assert caught.value.reason is reason
    transport.abort()  # as a writer does
    assert (await end_of(transport)).reason is reason
    for send in (transport.send(b"x"), transport.ping(b""), transport.pong(b"")):
        with pytest.raises(TransportLost):
            await send


async def test_a_send_that_waits_for_a_peer_which_does_not_read_ends_with_the_socket(dial, ws, fill, stuck):
    transport, peer = await dial(ws.deaf)
    sending = asyncio.create_task(fill(transport))
    await stuck(transport, sending)
    transport.abort()
    with pytest.raises(TransportLost):
        await sending
    await peer.stop()


async def test_a_cancelled_send_would_take_others_with_it_so_nobody_cancels_one(dial, ws, fill, stuck):
    """Why the protocol forbids it: all that wait for a full socket wait for one future of aiohttp's."""
    transport, peer = await dial(ws.deaf)
    sends = [asyncio.create_task(fill(transport)) for _ in range(2)]
    await stuck(transport, sends[0])
    await stuck(transport, sends[1])
    sends[0].cancel()
    await asyncio.wait(sends, timeout=1)
    assert sends[1].cancelled(), "if this fails aiohttp has mended it: the promise can be relaxed"
    transport.abort()
    await peer.stop()
