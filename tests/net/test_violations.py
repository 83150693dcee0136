import asyncio
import struct
import zlib

import pytest

from gateway.errors import ProtocolViolation, Reason
from gateway.net.transport import Kind

TEXT, CLOSE, PING = 1, 8, 9

VIOLATIONS = {
    "RSV2": (lambda frame: frame(TEXT, b"x", rsv=2), 1002),
    "RSV1 without compression": (lambda frame: frame(TEXT, b"x", rsv=4), 1002),
    "unknown opcode": (lambda frame: frame(3, b"x"), 1002),
    "orphan continuation": (lambda frame: frame(0, b"x"), 1002),
    "message inside a message": (lambda frame: frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
    "fragmented ping": (lambda frame: frame(PING, b"x", fin=False), 1002),
    "long ping": (lambda frame: frame(PING, b"x" * 126), 1002),
    "close with half a code": (lambda frame: frame(CLOSE, b"x"), 1002),
    "close with a code of nobody's": (lambda frame: frame(CLOSE, struct.pack("!H", 1004)), 1002),
    "close whose text is not UTF-8": (lambda frame: frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
    "too long": (lambda frame: frame(TEXT, b"x" * 5000), 1009),
    "claims to be too long": (lambda frame: frame(TEXT, b"x", size=5 << 20), 1009),
    "claims to be 2^63 long": (lambda frame: frame(TEXT, b"x", fin=False) + b"\x80\x7f" + b"\xff" * 8, 1009),
    "fragments without end": (
        lambda frame: frame(TEXT, b"x", fin=False) + frame(0, b"y" * 600, fin=False) * 8,
        1009,
    ),
}


async def receive_all(transport, got):
    while True:
        got.append((await transport.receive())[1])


async def pump_all(transport, got):
    await transport.pump(lambda payload, _: got.append(payload), lambda *_: None)


READERS = {"receive": receive_all, "pump": pump_all}


@pytest.mark.parametrize("name", VIOLATIONS)
@pytest.mark.parametrize("by", READERS)
async def test_a_broken_protocol_ends_the_stream_and_the_peer_is_told_why(dial, ws, name, by):
    async def script(wire):
        await wire.upgrade()
        wire.frame(TEXT, b"good")
        wire.writer.write(build(ws.frame))
        heard.append(await wire.hear())

    build, code = VIOLATIONS[name]
    heard: list[tuple[int, bytes]] = []
    transport, peer = await dial(script, max_frame=4096)
    got: list[bytes] = []
    with pytest.raises(ProtocolViolation) as caught:
        await READERS[by](transport, got)
    assert caught.value.reason is Reason.PROTOCOL_ERROR
    assert str(code) in str(caught.value)
    assert got == [b"good"], "what came before it counts"

    started = asyncio.get_running_loop().time()
    await transport.close(within=60)
    assert asyncio.get_running_loop().time() - started < 30
    await peer.over()
    assert heard == [(CLOSE, struct.pack("!H", code))]
    with pytest.raises(ProtocolViolation):
        await transport.receive()


def compressed(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


@pytest.mark.parametrize(
    ("payload", "told"), [(compressed(b"x" * (8 << 20)), "1009"), (b"\xff\xff\xff\xff", "makes no sense")]
)
async def test_compressed_data_cannot_grow_without_bound_or_be_garbage(dial, ws, payload, told):
    async def script(wire):
        await wire.upgrade(Sec_WebSocket_Extensions="permessage-deflate")
        wire.frame(TEXT, payload, rsv=4)

    transport, peer = await dial(script, max_frame=65536, compress=True)
    with pytest.raises(ProtocolViolation, match=told):
        await transport.receive()
    await transport.close(within=0.1)
    await peer.over()


async def test_a_message_just_below_the_bound_passes(dial, ws):
    async def script(wire):
        await wire.upgrade()
        wire.frame(TEXT, b"x" * 4095)
        wire.frame(TEXT, b"x" * 4096)

    transport, _ = await dial(script, max_frame=4096)
    assert await transport.receive() == (Kind.TEXT, b"x" * 4095)
    with pytest.raises(ProtocolViolation):
        await transport.receive()


async def test_no_frame_allowed_is_not_every_frame_allowed(dial, ws):
    """aiohttp takes 0 for no bound."""

    async def script(wire):
        await wire.upgrade()
        wire.frame(TEXT, b"x")

    transport, _ = await dial(script, max_frame=0)
    with pytest.raises(ProtocolViolation):
        await transport.receive()
