"""The venue's end of a connection on the quicker event loop, whose transports are of another kind."""

import asyncio

import pytest

from gateway.testing.venue import Venue
from gateway.testing.ways import Upgrade

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.fixture
def quicker():
    """Runs a scenario with a venue and a bare client."""
    uvloop = pytest.importorskip("uvloop")

    def run(scenario) -> None:
        async def main() -> None:
            async with asyncio.timeout(20), Venue() as venue:
                reader, writer = await asyncio.open_connection("127.0.0.1", venue.port)
                await scenario(venue, reader, writer)
                writer.transport.abort()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    return run


def test_sockets_drop_by_rst(quicker):
    async def scenario(venue, reader, writer) -> None:
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        venue.drop(rst=True)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await venue.wait_for(lambda: not venue.sockets)

    quicker(scenario)


def test_dials_are_reset(quicker):
    async def scenario(venue, reader, writer) -> None:
        venue.faults.reset_dials.arm(1)
        reader, other = await asyncio.open_connection("127.0.0.1", venue.port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        other.close()

    quicker(scenario)


def test_an_answer_has_company(quicker):
    async def scenario(venue, reader, writer) -> None:
        venue.opened = lambda socket: socket.text(b"welcome")
        venue.faults.bend_upgrades.arm(Upgrade.PIGGYBACK, 1)
        writer.write(UPGRADE)
        assert (await reader.read(65536)).endswith(b"\r\n\r\n\x89\x05first\x81\x07welcome")

    quicker(scenario)


def test_an_answer_is_slow_and_what_follows_comes_after_it(quicker):
    async def scenario(venue, reader, writer) -> None:
        venue.opened = lambda socket: socket.text(b"welcome")
        venue.faults.bend_upgrades.arm(Upgrade.SLOW, 1)
        writer.write(UPGRADE)
        assert len(await reader.read(65536)) < 10
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(9) == b"\x81\x07welcome"

    quicker(scenario)


def test_a_slow_answer_ends_with_its_connection(quicker):
    async def scenario(venue, reader, writer) -> None:
        venue.faults.bend_upgrades.arm(Upgrade.ENDLESS, 1)
        writer.write(UPGRADE)
        await reader.readexactly(5)
        writer.transport.abort()
        await venue.wait_for(lambda: not venue.sockets)

    quicker(scenario)
