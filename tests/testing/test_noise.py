"""Every noise, over a wire and through memory: the gateway's own network hears the same of it."""

import asyncio

import pytest

from gateway.errors import ConnectionFault, ProtocolViolation, TransportLost
from gateway.net.transport import Kind
from gateway.testing.faults import Noise
from gateway.testing.noise import frame, unmasked

NOISES = list(Noise)
MESSAGES = NOISES[: NOISES.index(Noise.MASKED)]
LEGAL = {
    Noise.MASKED: [(Kind.TEXT, b"masked")],
    Noise.FRAGMENTS: [(Kind.TEXT, b"fgggggggggh")],
    Noise.PING_INSIDE: [(Kind.PING, b"inside"), (Kind.TEXT, b"between")],
    Noise.BAD_UTF8: [(Kind.TEXT, b"\xc3\x28\xff")],  # is the dialect's to refuse
}
NEVER_ENDING = [Noise.DRIBBLE, Noise.ENDLESS]
BREAKING = [one for one in NOISES if one not in {*MESSAGES, *LEGAL, *NEVER_ENDING}]


async def heard_of(client, noise) -> list:
    """Return what a client hears after a good message, the exception that ends it among it."""
    transport = await client.dial()
    [socket] = client.venue.sockets.values()
    socket.text(b"good")
    socket.noise(noise)
    socket.text(b"last")
    got = []
    try:
        while not got or got[-1] != (Kind.TEXT, b"last"):
            got.append(await transport.receive())
    except ConnectionFault as fault:
        got.append(fault)
    await transport.close()
    await client.venue.wait_for(lambda: not client.venue.sockets)
    return got


def is_as_expected(noise, got) -> bool:
    good, *rest = got
    if good != (Kind.TEXT, b"good"):
        return False
    if noise in BREAKING:
        return [type(one) for one in rest] == [ProtocolViolation]
    kind, payload = (Kind.BINARY if noise is Noise.BINARY else Kind.TEXT), noise.value[1]
    return rest == [*LEGAL.get(noise, [(kind, payload)]), (Kind.TEXT, b"last")]


@pytest.mark.parametrize("noise", [*MESSAGES, *LEGAL, *BREAKING])
async def test_a_noise_is_heard_over_a_wire(client, noise):
    got = await heard_of(client, noise)
    assert is_as_expected(noise, got), got


@pytest.mark.parametrize("noise", [*MESSAGES, *LEGAL, *BREAKING])
def test_a_noise_is_heard_in_memory(in_memory, noise):
    async def scenario(client) -> None:
        got = await heard_of(client, noise)
        assert is_as_expected(noise, got), got

    in_memory(scenario)


CODES = [(Noise.OVERSIZE, 1009), (Noise.VAST, 1009), (Noise.CLOSE_TEXT, 1007), (Noise.RSV1, 1002)]


@pytest.mark.parametrize(("noise", "code"), CODES)
async def test_what_breaks_the_protocol_breaks_it_in_its_own_way(client, noise, code):
    *_, fault = await heard_of(client, noise)
    assert str(code) in str(fault)


@pytest.mark.parametrize("noise", [Noise.BOMB, Noise.EMPTY_BLOCKS])
async def test_compressed_noise_is_a_message_where_the_client_agreed_on_that(client, noise):
    client.venue.faults.deflate = True
    transport = await client.dial(compress=True)
    client.venue.sockets[1].noise(noise)
    if noise is Noise.BOMB:
        with pytest.raises(ProtocolViolation, match="1009"):
            await transport.receive()
    else:
        assert await transport.receive() == (Kind.TEXT, b"")
    await transport.close()


async def test_a_compressed_socket_speaks_as_any_other(client):
    client.venue.faults.deflate = True
    transport = await client.dial(compress=True)
    await client.told(transport)
    await transport.close()


async def message_that_dribbles(client) -> None:
    """Nothing is heard of a message that never ends, and nothing else either, though the socket lives."""
    transport = await client.dial()
    [socket] = client.venue.sockets.values()
    socket.noise(Noise.DRIBBLE)
    socket.text(b"never")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await transport.receive()
    assert not transport.closed
    await transport.close(within=0.5)
    await client.venue.wait_for(lambda: not client.venue.sockets)


async def fragments_without_end(client) -> None:
    """A message in parts that never ends is cut off at the client's limit."""
    transport = await client.dial()
    client.venue.sockets[1].noise(Noise.ENDLESS)
    began = asyncio.get_running_loop().time()
    with pytest.raises(ProtocolViolation):
        await transport.receive()
    assert asyncio.get_running_loop().time() - began > 1.0
    await transport.close()


@pytest.mark.parametrize("scenario", [message_that_dribbles, fragments_without_end])
async def test_a_message_can_go_on_for_ever(client, scenario):
    await scenario(client)


@pytest.mark.parametrize("scenario", [message_that_dribbles, fragments_without_end])
def test_a_message_can_go_on_for_ever_in_memory(in_memory, scenario):
    in_memory(scenario)


def test_a_close_with_a_code_is_a_close_in_memory(in_memory):
    """Raw bytes may be a Close frame that breaks nothing."""

    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.sockets[1]._transport.write(frame(8, b"\x03\xf4bye"))
        with pytest.raises(TransportLost, match="bye") as caught:
            await transport.receive()
        assert caught.value.code == 1012
        await transport.close()

    in_memory(scenario)


def test_raw_bytes_may_come_in_any_pieces_in_memory(in_memory):
    async def scenario(client) -> None:
        transport = await client.dial()
        wire = client.venue.sockets[1]._transport
        for byte in frame(1, b"a" * 200) + frame(2, b"b" * 70_000, mask=b"\x01\x02\x03\x04"):
            wire.write(bytes((byte,)))
        assert await transport.receive() == (Kind.TEXT, b"a" * 200)
        assert await transport.receive() == (Kind.BINARY, b"b" * 70_000)
        await transport.close()

    in_memory(scenario)


def test_a_mask_is_its_own_reverse():
    assert unmasked(unmasked(b"hello", b"\x01\x02\x03"), b"\x01\x02\x03") == b"hello"
    assert frame(1, b"hi", mask=b"\x00\x00\x00\x00") == b"\x81\x82\x00\x00\x00\x00hi"
