"""Jumps of offsets, as a gateway that must never make one would make them."""

import asyncio
from typing import Any

import pytest

from gateway.client import connect
from gateway.client.contiguity import Contiguity
from gateway.errors import ProtocolViolation, TransportLost

ACK = {"topic": "t", "epoch": "e1", "offset": 10, "success": True}


def jumps(*messages: dict[str, Any], resumed: Any = None, **ack: Any) -> list[tuple[int, int]]:
    contiguity = Contiguity()
    contiguity.acknowledged({**ACK, **ack}, resumed)
    found = [contiguity.jump({"topic": "t", "type": "update", "epoch": "e1", **message}) for message in messages]
    return [(jump["expected"], jump["offset"]) for jump in found if jump is not None]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"offset": 11}, {"offset": 12}], []),
        ([{"offset": 11}, {"offset": 13}, {"offset": 14}], [(12, 13)]),
        ([{"offset": 11}, {"offset": 11}], [(12, 11)]),
        ([{"offset": 10}], [(11, 10)]),
        ([{"first": 11, "offset": 15}, {"offset": 16}], []),
        ([{"first": 12, "offset": 15}, {"offset": 16}], [(11, 12)]),
        ([{"type": "snapshot", "offset": 10}, {"offset": 11}], []),
        ([{"type": "snapshot", "offset": 11}, {"offset": 12}], []),
        ([{"type": "snapshot", "offset": 14}, {"offset": 15}], [(11, 14)]),
        ([{"type": "status", "status": "stale"}, {"offset": 11}], []),
        ([{"type": "lag", "from": 11, "to": 20}, {"offset": 21}], []),
        ([{"type": "lag", "from": 12, "to": 20}, {"offset": 21}], [(11, 21)]),
        ([{"epoch": "e2", "offset": 3}, {"epoch": "e2", "offset": 5}], [(4, 5)]),
    ],
)
def test_every_jump_is_found_and_nothing_else(messages: list[dict[str, Any]], expected: list[Any]) -> None:
    assert jumps(*messages) == expected


def test_what_is_recovered_follows_where_we_resumed_and_not_the_acks_offset() -> None:
    recovered: dict[str, Any] = {"recovered": True, "resumed": ("e1", 8)}
    assert jumps({"offset": 9}, {"offset": 10}, {"offset": 11}, **recovered) == []
    assert jumps({"offset": 10}, **recovered) == [(9, 10)]
    assert jumps({"offset": 11}, recovered=False, resumed=("e1", 8)) == []


def resumable(topic: str, *messages: dict[str, Any], resumed: Any = None, **ack: Any) -> Any:
    """Return from where ``topic`` can be resumed after these messages."""
    contiguity = Contiguity()
    contiguity.acknowledged({**ACK, "topic": topic, **ack}, resumed)
    for message in messages:
        assert contiguity.jump({"topic": topic, "type": "update", "epoch": "e1", **message}) is None
    return contiguity.positions.get(topic)


SNAPSHOT: dict[str, Any] = {"type": "snapshot", "offset": 10}
STATUS: dict[str, Any] = {"type": "status", "status": "live"}
LAG: dict[str, Any] = {"type": "lag", "from": 11, "to": 20}


@pytest.mark.parametrize("channel", ["book", "quotes", "ticker", "mark", "orders", "balances", "positions"])
def test_what_begins_with_a_snapshot_cannot_be_resumed_before_it_came(channel: str) -> None:
    topic = f"mock:{channel}:A"
    assert resumable(topic) is None
    assert resumable(topic, STATUS) is None
    assert resumable(topic, recovered=False, resumed=("e1", 3)) is None
    assert resumable(topic, SNAPSHOT) == ("e1", 10)
    assert resumable(topic, recovered=True, resumed=("e1", 3)) == ("e1", 3)


@pytest.mark.parametrize("channel", ["trades", "candles", "liquidations", "raw"])
def test_what_begins_with_none_can(channel: str) -> None:
    assert resumable(f"mock:{channel}:A") == ("e1", 10)


def test_a_book_that_is_to_follow_a_lag_must_have_come_too() -> None:
    assert resumable("mock:book:A", SNAPSHOT, LAG) is None
    assert resumable("mock:book:A", SNAPSHOT, LAG, {"type": "snapshot", "offset": 20}) == ("e1", 20)
    assert resumable("mock:quotes:A", SNAPSHOT, LAG) == ("e1", 20)


async def test_the_reader_is_told_of_a_jump_before_the_message_that_makes_it(
    scripted: Any, acknowledge: Any
) -> None:
    url = await scripted(lambda ws: acknowledge(ws, {"offset": 11}, {"offset": 14}))
    async with asyncio.timeout(10), connect(url) as client:
        await client.subscribe("mock:trades:A")
        got = [await anext(client) for _ in range(3)]
        assert [message["type"] for message in got] == ["update", "jump", "update"]
        assert got[1] == {"topic": "mock:trades:A", "type": "jump", "expected": 12, "offset": 14}


NONSENSE = [
    *("{", "[]", '{"type":"update","offset":1}', "7", '"method"', '["method"]', "[" * 100_000, '"\\ud800"'),
    *('{"topic":7,"type":"lag","from":1,"to":2}', '{"topic":"a:b:c","type":"update","epoch":"e","offset":"1"}'),
]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
async def test_a_gateway_that_talks_nonsense_is_an_error(scripted: Any, nonsense: str) -> None:
    url = await scripted(lambda ws: ws.send_str(nonsense))
    async with asyncio.timeout(10), connect(url) as client:
        with pytest.raises(ProtocolViolation, match="does not allow"):
            await anext(client)


@pytest.mark.parametrize(
    "answer",
    [
        {"success": True},
        {"success": False, "error": {}},
        {"success": False, "error": {"code": 1, "message": "x", "temporary": False}},
        {"success": True, "topics": 7},
    ],
)
async def test_an_answer_that_makes_no_sense_is_an_error(scripted: Any, answer: dict[str, Any]) -> None:
    async def talk(ws: Any) -> None:
        await ws.receive()
        await ws.send_json({"method": "list", "req_id": 1, **answer})

    url = await scripted(talk)
    async with asyncio.timeout(10), connect(url) as client:
        with pytest.raises(ProtocolViolation):
            await client.topics()


async def test_a_gateway_that_does_not_answer_is_an_error_in_time(scripted: Any) -> None:
    async def mute(ws: Any) -> None:
        await ws.receive()

    url = await scripted(mute)
    async with asyncio.timeout(10), connect(url) as client:
        client._answer = 0.05
        with pytest.raises(TransportLost, match="did not answer ping"):
            await client.ping()


async def test_whoever_waits_for_an_answer_hears_that_the_gateway_left(scripted: Any) -> None:
    async def leave(ws: Any) -> None:
        await ws.receive()
        await ws.close(code=4408, message=b"too slow")

    url = await scripted(leave)
    async with asyncio.timeout(10), connect(url) as client:
        with pytest.raises(TransportLost, match="4408: too slow"):
            await client.ping()
