"""Data that come twice, out of order, for ever the same, unasked, or not any more."""

import pytest

from gateway.testing.faults import Faults
from gateway.testing.order import Datum, Order


def sent(faults: Faults, count: int, stream: str = "a") -> list[int]:
    """Return what is sent of the data 1 to ``count``."""
    order = Order(faults)
    data = [Datum(b"%d" % number, None) for number in range(1, count + 1)]
    return [int(one.payload) for datum in data for one in order.instead_of(stream, datum)]


def test_without_faults_data_come_as_they_are():
    assert sent(Faults(), 4) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (lambda faults: faults.repeat("a", 2), [1, 1, 2, 2, 3, 4]),
        (lambda faults: faults.swap("a"), [2, 1, 3, 4]),
        (lambda faults: faults.swap("a", 2), [2, 1, 4, 3]),
        (lambda faults: faults.lose("a", 3), [4]),
        (lambda faults: faults.frozen_streams.add("a"), [1, 1, 1, 1]),
        (lambda faults: faults.repeat("b"), [1, 2, 3, 4]),
        (lambda faults: faults.swap("b"), [1, 2, 3, 4]),
        (lambda faults: faults.frozen_streams.add("b"), [1, 2, 3, 4]),
    ],
)
def test_each_fault_concerns_its_own_stream_as_often_as_asked(script, expected):
    faults = Faults()
    script(faults)
    assert sent(faults, 4) == expected


def test_a_datum_that_was_overtaken_goes_to_its_own_account(in_memory):
    async def scenario(client) -> None:
        alice, bob = await client.subscribed("orders"), await client.subscribed("orders")
        client.venue.sockets[1].account, client.venue.sockets[2].account = "alice", "bob"
        client.venue.faults.swap("orders")
        assert client.venue.publish("orders", b"hers", account="alice") == 0
        assert client.venue.publish("orders", b"his", account="bob") == 2
        await client.told(alice, "hers")
        await client.told(bob, "his")
        assert client.venue.counts.published == 2
        await alice.close()
        await bob.close()

    in_memory(scenario)


def test_a_stream_that_froze_goes_on_where_it_would_be(in_memory):
    async def scenario(client) -> None:
        transport = await client.subscribed("a")
        client.venue.tick()
        client.venue.faults.frozen_streams.add("a")
        for _ in range(3):
            client.venue.tick()
        client.venue.faults.frozen_streams.clear()
        client.venue.tick()
        await client.told(transport, "a 1", "a 2", "a 2", "a 2", "a 5")
        client.venue.faults.frozen_streams.add("a")
        client.venue.tick()
        await client.told(transport, "a 6")
        await transport.close()

    in_memory(scenario)


def test_a_stream_comes_that_nobody_asked_for(in_memory):
    async def scenario(client) -> None:
        transport = await client.subscribed("a")
        client.venue.faults.unasked_streams.add("z")
        client.venue.tick()
        await client.told(transport, "a 1", "z 1")
        assert client.venue.streams() == [(1, "a")]
        await transport.close()

    in_memory(scenario)


@pytest.mark.parametrize("end", [lambda venue: venue.forget("a"), lambda venue: venue.end_stream("a", "delisted")])
def test_a_subscription_ends_by_itself_without_a_word(in_memory, end):
    async def scenario(client) -> None:
        transport = await client.subscribed("a", "b")
        end(client.venue)
        client.venue.tick()
        await client.told(transport, "b 1")
        assert client.venue.streams() == [(1, "b")]
        await transport.close()

    in_memory(scenario)


def test_most_exchanges_do_not_announce_that_they_close(in_memory):
    async def scenario(client) -> None:
        transport = await client.dial()
        client.venue.announce_closing(10.0)
        await client.told(transport)
        await transport.close()

    in_memory(scenario)
