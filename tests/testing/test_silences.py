"""The three silences of a venue: mute, deaf and frozen; and closes that it ignores."""

import asyncio

import pytest

from gateway.errors import Reason, TransportLost
from gateway.net.transport import Kind
from gateway.spi.steps import Fetch
from gateway.testing.listener import PATIENCE


async def takes(step) -> float:
    """Return how many seconds ``step`` takes."""
    began = asyncio.get_running_loop().time()
    await step
    return asyncio.get_running_loop().time() - began


async def never(step) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await step


def echo(client) -> Fetch:
    return Fetch("POST", f"{client.urls['rest']}/echo", body=b"hello")


async def deaf(client) -> None:
    """Nothing that the client says arrives, and data still do."""
    transport = await client.subscribed("a")
    client.venue.faults.deaf = True
    [socket] = client.venue.sockets.values()
    await transport.ping(b"?")
    await transport.send("sub b")
    await never(transport.receive())
    client.venue.tick()
    assert await client.heard(transport) == "a 1"
    assert (len(socket.pings), len(socket.frames)) == (0, 1)
    await never(client.dial())
    await never(client.network.fetch(echo(client)))
    assert await takes(transport.close(within=0.5)) >= 0.5
    await client.venue.wait_for(lambda: not client.venue.sockets)
    client.venue.faults.clear()
    await (await client.dial()).close()


async def frozen(client) -> None:
    """Nothing passes, and nothing is lost."""
    transport = await client.subscribed("a")
    client.venue.freeze()
    client.venue.tick()
    await transport.ping(b"?")
    await never(transport.receive())
    await never(client.network.fetch(echo(client)))
    client.venue.tick()
    client.venue.thaw()
    heard = [await transport.receive() for _ in range(3)]
    assert [payload for kind, payload in heard if kind is Kind.TEXT] == [b"a 1", b"a 2"]
    assert (Kind.PONG, b"?") in heard
    await client.told(transport)
    assert await takes(transport.close()) < 0.5


async def closing_in_frost(client) -> None:
    """A Close frame is not heard either."""
    transport = await client.dial()
    client.venue.freeze()
    assert await takes(transport.close(within=0.5)) >= 0.5
    client.venue.thaw()
    await client.venue.wait_for(lambda: not client.venue.sockets)


async def ignoring_closes(client) -> None:
    """The venue goes on talking, whatever the client wants."""
    transport = await client.subscribed("a")
    client.venue.faults.ignore_closes = True
    closing = asyncio.create_task(transport.close(within=0.5))
    await asyncio.sleep(0.1)
    client.venue.tick()
    assert client.venue.counts.published == 1
    assert await takes(closing) >= 0.3
    await client.venue.wait_for(lambda: not client.venue.sockets)


async def mute(client) -> None:
    """Whoever says nothing does not answer a Close frame either."""
    transport = await client.subscribed("a")
    client.venue.faults.mute = True
    assert await takes(transport.close(within=0.5)) >= 0.5
    client.venue.faults.mute = False
    await client.venue.wait_for(lambda: not client.venue.sockets)


async def one_of_two_mute(client) -> None:
    mute, other = await client.dial(), await client.dial()
    client.venue.sockets[1].muted = True
    assert await takes(mute.close(within=0.5)) >= 0.5
    assert await takes(other.close(within=0.5)) < 0.5


async def a_port_that_is_closed(client) -> None:
    transport = await client.dial()
    client.venue.close_port()
    with pytest.raises(TransportLost) as caught:
        await client.dial()
    assert caught.value.reason is Reason.CONNECTION_REFUSED
    await client.told(transport)
    await client.venue.open_port()
    await (await client.dial()).close()
    await transport.close()


SCENARIOS = [deaf, frozen, closing_in_frost, ignoring_closes, mute, one_of_two_mute, a_port_that_is_closed]


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_silence_over_a_wire(client, scenario):
    await scenario(client)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_silence_in_memory(in_memory, scenario):
    in_memory(scenario)


async def test_a_dial_in_frost_ends_when_it_thaws(client):
    client.venue.freeze()
    dialling = asyncio.create_task(client.dial())
    await client.venue.wait_for(lambda: client.venue.attempts)
    client.venue.thaw()
    await (await dialling).close()


@pytest.mark.parametrize("silence", ["deaf", "frozen", "ignoring", "mute"])
async def test_leaving_waits_for_no_silence(acme, client, silence):
    transport = await client.dial()
    acme.faults.deaf, acme.faults.ignore_closes = silence == "deaf", silence == "ignoring"
    acme.faults.mute = silence == "mute"
    if silence == "frozen":
        acme.freeze()
    closing = asyncio.create_task(transport.close(within=10))
    assert await takes(acme.stop()) < PATIENCE
    await closing


def test_leaving_thaws_in_memory(in_memory):
    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.freeze()
        await transport.send("hello")

    in_memory(scenario)


def test_a_closed_port_refuses_requests_in_memory(in_memory):
    async def scenario(client) -> None:
        client.venue.close_port()
        with pytest.raises(TransportLost) as caught:
            await client.network.fetch(echo(client))
        assert caught.value.reason is Reason.CONNECTION_REFUSED

    in_memory(scenario)


async def test_sockets_end_without_a_close_frame_where_the_code_says_so(client):
    transport = await client.dial()
    client.venue.faults.close_at_subscribe.arm(1006, 1, after=1)
    await transport.send("sub a")
    assert await client.heard(transport) == "ok a"
    await transport.send("sub b")
    with pytest.raises(TransportLost, match="without a Close frame"):
        await transport.receive()
    await transport.close()


async def test_a_close_tells_its_text(client):
    transport = await client.dial()
    client.venue.drop(code=1012, text="restart")
    with pytest.raises(TransportLost, match="restart"):
        await transport.receive()
    await transport.close()
