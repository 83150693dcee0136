"""Answers and pongs that are lost, late, doubled, out of order, or somebody else's."""

import asyncio
import json
from collections import deque

import pytest

from gateway.net.transport import Kind
from gateway.testing.acks import Acks
from gateway.testing.faults import Faults
from gateway.testing.ways import Ack, Pong

OK = b'{"op":"ok","id":7}'


def bent(how: Ack, *answers: bytes, times: int = 1) -> list:
    faults, astray = Faults(), deque()
    faults.bend_acks.arm(how, times)
    acks = Acks(faults, astray)
    return [json.loads(one).get("id") for answer in answers for one in acks.instead_of(answer)]


@pytest.mark.parametrize(
    ("how", "ids"),
    [
        (Ack.TWICE, [7, 7]),
        (Ack.STRANGER, [987654321, 7]),
        (Ack.TEXT_ID, ["7"]),
        (Ack.NULL_ID, [None]),
        (Ack.SWAPPED, []),
        (Ack.AFTER_DATA, []),
        (Ack.ASTRAY, []),
    ],
)
def test_an_answer_is_bent_once(how, ids):
    assert bent(how, OK) == ids
    other = OK.replace(b"7", b"8")
    assert bent(how, OK, other)[len(ids) :] == ([8, 7] if how is Ack.SWAPPED else [8])


def test_every_other_answer_can_be_swapped():
    answers = [OK.replace(b"7", str(number).encode()) for number in range(4)]
    assert bent(Ack.SWAPPED, *answers, times=2) == [2, 0, 1, 3]


@pytest.mark.parametrize("written", [b'{"id": "abc", "x": 1}', b'{"id":null}', b'{"id" : -4}', b"no JSON at all"])
@pytest.mark.parametrize("how", [Ack.TWICE, Ack.STRANGER, Ack.TEXT_ID, Ack.NULL_ID])
def test_whatever_an_answer_looks_like_what_comes_is_as_good(how, written):
    """A bent answer is still JSON if it was, and text without an id stays as it was."""
    faults = Faults()
    faults.bend_acks.arm(how, 1)
    for one in Acks(faults, deque()).instead_of(written):
        if written.startswith(b"{"):
            assert json.loads(one).keys() == json.loads(written).keys()
        else:
            assert one == written


def test_an_answer_overtakes_another_on_the_wire(in_memory):
    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.faults.bend_acks.arm(Ack.SWAPPED, 1)
        await transport.send("sub a")
        await transport.send("sub b")
        assert [await client.heard(transport), await client.heard(transport)] == ["ok b", "ok a"]
        await transport.close()

    in_memory(scenario)


def test_data_come_before_the_answer(in_memory):
    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.faults.bend_acks.arm(Ack.AFTER_DATA, 1)
        await transport.send("sub a")
        await client.venue.wait_for(client.venue.streams)
        client.venue.tick()
        client.venue.tick()
        await client.told(transport, "a 1", "ok a", "a 2")
        await transport.close()

    in_memory(scenario)


def test_an_answer_comes_on_the_next_socket(in_memory):
    async def scenario(client) -> None:
        first = await client.dial()
        client.venue.faults.bend_acks.arm(Ack.ASTRAY, 1)
        await first.send("sub a")
        await client.told(first)
        await first.close()
        second = await client.dial()
        await client.told(second, "ok a")
        assert client.venue.streams() == []
        third = await client.dial()
        await client.told(third)
        await second.close()
        await third.close()

    in_memory(scenario)


def test_an_answer_comes_later_than_the_end_of_its_subscription(in_memory):
    """Nothing but the answer is late: what is asked for meanwhile is done at once."""

    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.faults.ack_delay = 5.0
        await transport.send("sub a")
        await client.told(transport)
        client.venue.faults.ack_delay = 0.0
        client.venue.forget("a")
        client.venue.tick()
        assert await client.heard(transport) == "ok a"
        assert asyncio.get_running_loop().time() == pytest.approx(5.0)
        await transport.close()

    in_memory(scenario)


@pytest.mark.parametrize(
    ("how", "answers"),
    [(Pong.LOST, []), (Pong.TWICE, [b"12", b"12"]), (Pong.EMPTY, [b""]), (Pong.WRONG, [b"21!"])],
)
def test_a_pong_is_bent_once(in_memory, how, answers):
    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.faults.bend_pongs.arm(how, 1)
        await transport.ping(b"12")
        await transport.ping(b"next")
        for answer in [*answers, b"next"]:
            assert await transport.receive() == (Kind.PONG, answer)
        await transport.close()

    in_memory(scenario)


def test_a_pong_is_late_and_data_are_not(in_memory):
    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.faults.pong_delay = 3.0
        await transport.ping(b"?")
        await client.told(transport)
        assert await transport.receive() == (Kind.PONG, b"?")
        assert asyncio.get_running_loop().time() == pytest.approx(3.0)
        await transport.close()

    in_memory(scenario)


def test_pongs_come_that_nobody_asked_for(in_memory):
    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.sockets[1].pong(b"unasked")
        assert await transport.receive() == (Kind.PONG, b"unasked")
        await transport.close()

    in_memory(scenario)


def test_a_venue_that_pings_can_be_kept_from_it(in_memory):
    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.faults.no_pings = True
        client.venue.sockets[1].ping(b"1")
        client.venue.faults.no_pings = False
        client.venue.sockets[1].ping(b"2")
        assert await transport.receive() == (Kind.PING, b"2")
        await transport.close()

    in_memory(scenario)
