"""What is remembered of connections that are over: nothing unless it is wanted, and never more than is allowed."""

import asyncio

import pytest

from gateway.app.departed import Departed
from gateway.testing.virtual import virtually

PUBLIC, PRIVATE = "mock/stream/0", "mock/private@main"


def test_each_is_kept_for_so_long() -> None:
    departed = Departed(10.0, 5)
    departed.left({"id": "a"}, 100.0)
    departed.left({"id": "b"}, 105.0)
    assert departed.keeps
    assert list(departed.all(109.9)) == ["a", "b"]
    assert departed.all(110.0) == {"b": {"id": "b"}}
    assert departed.all(115.0) == {}


def test_only_so_many_are_kept_and_the_oldest_goes_first() -> None:
    departed = Departed(1e9, 3)
    for number in range(1000):
        departed.left({"id": f"c{number}"}, float(number))
    assert list(departed.all(1000.0)) == ["c997", "c998", "c999"]
    assert len(departed._left) == 3


def test_what_is_too_old_is_not_even_held() -> None:
    departed = Departed(10.0, 5)
    departed.left({"id": "a"}, 0.0)
    departed.left({"id": "b"}, 10.0)
    assert list(departed._left) == ["b"]


def test_the_last_that_was_told_of_one_stands() -> None:
    departed = Departed(10.0, 5)
    for number in range(3):
        departed.left({"id": "a", "n": number}, float(number))
    departed.left({"id": "b"}, 3.0)
    departed.left({"id": "a", "n": 9}, 4.0)
    assert departed.all(5.0) == {"b": {"id": "b"}, "a": {"id": "a", "n": 9}}


def test_without_a_time_none_is_kept() -> None:
    departed = Departed(None, 5)
    assert not departed.keeps
    departed.left({"id": "a"}, 0.0)
    assert departed.all(0.0) == {}


# --- in a gateway


@virtually
async def test_by_default_a_connection_that_is_over_is_forgotten_at_once(running) -> None:
    async with running() as one:
        await one.gateway.connect_account("mock")
        await one.gateway.disconnect_account("mock")
        await one.quiet()
        assert one.gateway.get_connection_details() == {}
        assert one.gateway.connection("mock").get_connection_info() == {}


@virtually
async def test_it_can_be_asked_about_for_as_long_as_the_operator_wants(running) -> None:
    async with running(tables={"retention": {"connections": "1m"}}) as one:
        gateway = one.gateway
        end = await gateway.listen("mock:trades:BTC-USDT", lambda _: None)
        await one.quiet()
        one.venue.emit_trade("BTC-USDT")
        await asyncio.sleep(6)
        assert gateway.connection("mock").get_connection_info()["ages"]["message"] is not None
        end()
        await asyncio.sleep(35)  # its topic has gone meanwhile, and the connection with it
        assert gateway.registry.snapshot.supervised == {}
        info = gateway.get_connection_details()[PUBLIC]
        assert info == gateway.connection("mock").get_connection_info()
        assert (info["state"], info["is_connected"], info["is_healthy"]) == ("DISCONNECTED", False, False)
        assert [step["after"] for step in info["history"]][-2:] == ["DISCONNECTING", "DISCONNECTED"]
        assert info["counters"]["messages_received"] > 0
        assert info["ages"] == {"message": None, "pong": None, "round_trip": None, "streams": {}}
        assert gateway.get_stats()["total_connections"] == 0
        assert gateway.get_unhealthy_connections() == {}
        assert gateway.problems() == []
        await asyncio.sleep(60)
        assert gateway.get_connection_details() == {}


@virtually
async def test_one_that_is_back_is_told_as_it_is(running) -> None:
    async with running(tables={"retention": {"connections": "1h"}}) as one:
        for _ in range(3):
            await one.gateway.connect_account("mock")
            assert one.gateway.get_connection_details()[PUBLIC]["state"] == "CONNECTED"
            await one.gateway.disconnect_account("mock")
            await one.quiet()
            info = one.gateway.get_connection_details()[PUBLIC]
            assert info["state"] == "DISCONNECTED"
            assert len(info["history"]) == 4, "of its last life alone"


@virtually
async def test_no_more_are_remembered_than_the_operator_wants(running) -> None:
    async with running(tables={"retention": {"connections": "1h", "most_connections": 3}}) as one:
        for number in range(10):
            name = f"mock/stream/{number}"
            await one.gateway.connect_account(name)
            await one.gateway.disconnect_account(name)
            await one.quiet()
        assert list(one.gateway.get_connection_details()) == [f"mock/stream/{number}" for number in (7, 8, 9)]


@pytest.mark.parametrize("changes", [1, 5])
@virtually
async def test_a_history_is_as_long_as_the_operator_wants(running, changes: int) -> None:
    async with running(tables={"retention": {"changes": changes}}) as one:
        for _ in range(3):
            await one.gateway.connect_account("mock", retry=True)
            one.venue.drop()
            await asyncio.sleep(2)
        history = one.gateway.get_connection_details()[PUBLIC]["history"]
        assert len(history) == changes
        assert history[-1]["after"] == "CONNECTED"


@virtually
async def test_topics_linger_and_keep_as_much_as_the_operator_wants(running) -> None:
    retention = {"topics": "5s", "most_topics": 1, "messages": 2, "bytes": 4096}
    async with running(tables={"retention": retention}) as one:
        ends = [await one.gateway.listen(f"mock:{name}:BTC-USDT", lambda _: None) for name in ("trades", "quotes")]
        topic = one.gateway.hub.topics["mock:trades:BTC-USDT"]
        ring = topic._new_ring(0)
        for _ in range(5):
            ring.append(b"x")
        assert (ring.size, ring.after(3) is not None, ring.after(2)) == (2, True, None)
        for end in ends:
            end()
        assert list(one.gateway.hub.topics) == ["mock:quotes:BTC-USDT"], "one may linger"
        await asyncio.sleep(7)
        assert one.gateway.hub.topics == {}


@virtually
async def test_a_history_that_was_told_is_not_told_anew_while_the_connection_stands_still(running) -> None:
    """Asking a thousand connections time and again is cheap, since most have not changed."""
    async with running() as one:
        await one.gateway.connect_account("mock", retry=True)
        await one.gateway.connect_account("main", retry=True)
        first, second = (one.gateway.get_connection_details() for _ in range(2))
        for id_ in (PUBLIC, PRIVATE):
            assert first[id_]["history"] == second[id_]["history"]
            assert first[id_]["history"] is not second[id_]["history"], "whoever has one may change it"
            assert all(a is b for a, b in zip(first[id_]["history"], second[id_]["history"], strict=True))
        one.venue.drop()
        await asyncio.sleep(2)
        third = one.gateway.get_connection_details()
        assert len(third[PUBLIC]["history"]) > len(first[PUBLIC]["history"])
        assert third[PUBLIC]["history"][-1]["after"] == "CONNECTED"
        await one.gateway.disconnect_account("main")
        await one.quiet()
        one.gateway.get_connection_details()
        assert set(one.gateway.operations._told) == {PUBLIC}, "what is gone is not held"
