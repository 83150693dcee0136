"""How an upgrade can be answered, over a wire and through memory: a client sees the same."""

import asyncio

import pytest

from gateway.errors import ConnectionFault, ProtocolViolation, Reason, TransportLost, UpgradeRefused
from gateway.net.transport import Kind
from gateway.testing.faults import Refusal
from gateway.testing.ways import Upgrade
from gateway.testing.wire import MOST_HELD

NEVER = [Upgrade.SILENCE, Upgrade.ENDLESS]
INVALID = [
    *(Upgrade.WRONG_ACCEPT, Upgrade.NO_ACCEPT, Upgrade.NO_UPGRADE, Upgrade.NO_CONNECTION),
    *(Upgrade.NO_HTTP, Upgrade.LONG_LINE, Upgrade.MANY_LINES),
]
TOLERATED = [Upgrade.OLD_HTTP, Upgrade.EXTENSION, Upgrade.SUBPROTOCOL]
"""The gateway's own network takes no offence."""


async def refused(client, how) -> None:
    client.venue.faults.bend_upgrades.arm(how, 1)
    expected = (TransportLost, Reason.CLOSED_BY_PEER) if how is Upgrade.CUT else (ProtocolViolation, None)
    with pytest.raises(ConnectionFault) as caught:
        await client.dial()
    assert type(caught.value) is expected[0]
    assert expected[1] in {None, caught.value.reason}
    await accepted(client)


async def unanswered(client, how) -> None:
    client.venue.faults.bend_upgrades.arm(how, 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await client.dial()
    await accepted(client)


async def accepted(client, how=None) -> None:
    if how is not None:
        client.venue.faults.bend_upgrades.arm(how, 1)
    transport = await client.dial()
    await client.told(transport)
    await transport.close()
    await client.venue.wait_for(lambda: not client.venue.sockets)


async def slow(client, _) -> None:
    began = asyncio.get_running_loop().time()
    await accepted(client, Upgrade.SLOW)
    assert asyncio.get_running_loop().time() - began > 1.0


async def late(client, _) -> None:
    client.venue.faults.upgrade_delay = 0.3
    began = asyncio.get_running_loop().time()
    await accepted(client)
    assert asyncio.get_running_loop().time() - began >= 0.3


async def in_company(client, _) -> None:
    """The first frames come in one piece with the answer."""
    client.venue.opened = lambda socket: socket.text(b"welcome")
    client.venue.faults.bend_upgrades.arm(Upgrade.PIGGYBACK, 1)
    transport = await client.dial()
    assert await transport.receive() == (Kind.PING, b"first")
    assert await client.heard(transport) == "welcome"
    await client.told(transport)
    await transport.close()


async def spared(client, _) -> None:
    """A fault can let some pass before it strikes."""
    client.venue.faults.refuse_upgrades.arm(Refusal(451), 1, after=2)
    await accepted(client)
    await accepted(client)
    with pytest.raises(UpgradeRefused):
        await client.dial()
    await accepted(client)


async def redirected(client, _) -> None:
    client.venue.faults.refuse_upgrades.arm(Refusal(302, {"Location": "/"}), 1)
    with pytest.raises(TransportLost) as caught:
        await client.dial()
    assert caught.value.reason is Reason.REDIRECTED
    assert len(client.venue.attempts) == 1


CASES = [
    *((refused, how) for how in [*INVALID, Upgrade.CUT]),
    *((unanswered, how) for how in NEVER),
    *((accepted, how) for how in TOLERATED),
    *((one, None) for one in (slow, late, in_company, spared, redirected)),
]


def named(case) -> str:
    return case.__name__ if callable(case) else getattr(case, "name", "")


@pytest.mark.parametrize(("scenario", "how"), CASES, ids=named)
async def test_an_upgrade_over_a_wire(client, scenario, how):
    await scenario(client, how)


@pytest.mark.parametrize(("scenario", "how"), CASES, ids=named)
def test_an_upgrade_in_memory(in_memory, scenario, how):
    in_memory(lambda client: scenario(client, how))


def test_every_way_is_tried():
    tried = {how for _, how in CASES} | {Upgrade.SLOW, Upgrade.PIGGYBACK}
    assert tried - {None} == set(Upgrade)


@pytest.mark.parametrize("how", [Upgrade.SLOW, Upgrade.PIGGYBACK])
async def test_the_answer_comes_byte_by_byte_or_with_company(acme, how):
    """What a library's client does not show: the pieces in which it comes."""
    acme.faults.bend_upgrades.arm(how, 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", acme.port)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    pieces = [await reader.read(65536)]
    while b"\r\n\r\n" not in b"".join(pieces):
        pieces.append(await reader.read(65536))
    writer.close()
    if how is Upgrade.SLOW:
        assert len(pieces) > 50
    else:
        assert len(pieces) == 1
        assert pieces[0].endswith(b"\r\n\r\n\x89\x05first")


async def test_what_waits_behind_a_slow_answer_is_bounded(acme):
    acme.faults.bend_upgrades.arm(Upgrade.ENDLESS, 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", acme.port)
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await acme.wait_for(lambda: acme.sockets)
    acme.sockets[1].text(b"x" * MOST_HELD)
    await acme.wait_for(lambda: not acme.sockets)
    await reader.read()
    writer.close()


async def test_the_answer_to_a_ping_in_company_is_seen(client):
    client.venue.faults.bend_upgrades.arm(Upgrade.PIGGYBACK, 1)
    transport = await client.dial()
    _, payload = await transport.receive()
    await transport.pong(payload)
    [socket] = client.venue.sockets.values()
    await client.venue.wait_for(lambda: socket.pongs)
    assert socket.pongs[0][1] == b"first"
    await transport.close()
