"""A venue closes sockets that are too old, too silent, or say too much; and one of two sessions."""

import asyncio

import pytest

from gateway.errors import Reason, TransportLost
from gateway.testing.ways import VANISHED, Cut, Quota


async def ended(transport) -> tuple[int | None, float]:
    """Return the code of the end, and when it came."""
    with pytest.raises(TransportLost) as caught:
        await transport.pump(lambda *_: None, lambda *_: None)
    assert caught.value.reason is Reason.CLOSED_BY_PEER
    await transport.close()
    return caught.value.code, asyncio.get_running_loop().time()


@pytest.mark.parametrize(("code", "told"), [(1001, 1001), (VANISHED, None)])
def test_a_socket_grows_too_old_whatever_it_says(in_memory, code, told):
    async def scenario(client) -> None:
        client.venue.faults.age_limit = Cut(86_400.0, code)
        transport = await client.subscribed("a")
        for _ in range(23):
            await asyncio.sleep(3600)
            await client.told(transport)
        assert await ended(transport) == (told, 86_400.0)

    in_memory(scenario)


def test_a_socket_of_no_age_is_closed_as_it_opens(in_memory):
    async def scenario(client) -> None:
        client.venue.faults.age_limit = Cut(0.0, 1013)
        assert await ended(await client.dial()) == (1013, 0.0)

    in_memory(scenario)


def test_a_socket_is_closed_once_it_was_silent_and_not_before(in_memory):
    async def scenario(client) -> None:
        client.venue.faults.idle_limit = Cut(30.0, 4000)
        transport = await client.dial()
        await asyncio.sleep(29)
        await transport.send("hello")
        await asyncio.sleep(29)
        await transport.ping(b"")
        assert await ended(transport) == (4000, 88.0)

    in_memory(scenario)


def test_no_timer_outlives_its_socket(in_memory):
    """The run itself demands it."""

    async def scenario(client) -> None:
        client.venue.faults.idle_limit = Cut(30.0)
        client.venue.faults.age_limit = Cut(300.0)
        transport = await client.dial()
        await transport.send("hello")
        await transport.close()

    in_memory(scenario)


def test_who_says_too_much_is_closed_and_pongs_count(in_memory):
    async def scenario(client) -> None:
        client.venue.faults.message_limit = Quota(4, per=1.0, code=1008)
        transport = await client.dial()
        for _ in range(20):
            await transport.send("x")
            await asyncio.sleep(0.25)
        assert not transport.closed
        await asyncio.sleep(1)
        await transport.ping(b"")
        await transport.pong(b"")
        for _ in range(2):
            await transport.send("x")
        await asyncio.sleep(0.5)
        assert not transport.closed
        await transport.send("x")
        code, _ = await ended(transport)
        assert code == 1008

    in_memory(scenario)


def test_an_account_that_logs_in_again_ends_its_older_socket(in_memory):
    async def scenario(client) -> None:
        one, other, third = [await client.dial() for _ in range(3)]
        client.venue.faults.one_session = 4001
        for number, account in ((1, "alice"), (2, "bob"), (3, "alice")):
            client.venue.sockets[number].account = account
        assert (await ended(one))[0] == 4001
        await client.told(other)
        await client.told(third)
        client.venue.faults.clear()
        client.venue.sockets[2].account = "alice"
        await client.told(third)
        await other.close()
        await third.close()

    in_memory(scenario)


def test_only_so_many_streams_fit_a_socket(in_memory):
    async def scenario(client) -> None:
        client.venue.faults.stream_limit = 2
        transport = await client.dial()
        await transport.send("sub a b c")
        assert [await client.heard(transport), await client.heard(transport)] == ["ok a b", "no c"]
        await transport.send("sub a c")
        assert [await client.heard(transport), await client.heard(transport)] == ["ok a", "no c"]
        await transport.close()

    in_memory(scenario)
