"""Clients that do not read, and how much is written at once."""

import asyncio
from typing import Any

import pytest

from gateway.model.market import Quote

WIDE = "9" * 4000
"""A price that makes a message large."""


def held(rig: Any) -> int:
    """Bytes that the server holds for its only client: in the transport and in the outbox."""
    [session] = rig.server._sessions
    pipe = session.pipe
    return int(pipe._transport.get_write_buffer_size()) + int(pipe.outbox.size)


async def test_what_one_turn_publishes_is_one_write(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await rig.client()
    await client.subscribe("A", "B")
    await client.many(2)
    [session] = rig.server._sessions
    writes: list[bytes] = []
    real = session.pipe._transport

    class Counting:
        def write(self, data: bytes) -> None:
            writes.append(data)
            real.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(session.pipe, "_transport", Counting())
    for number in range(50):
        rig.publish(str(number), "A")
        rig.publish(str(number), "B")
    assert writes == []
    offsets = [message["offset"] for message in await client.many(100)]
    assert offsets == [number for number in range(1, 51) for _ in "AB"]
    assert len(writes) == 1


async def test_a_client_that_conflates_and_does_not_read_costs_little_and_ends_up_with_the_newest(
    start: Any,
) -> None:
    rig = await start()
    deaf = await rig.deaf()
    await deaf.subscribe("BTC-USDT", "quotes")
    await rig.until(lambda: "mock:quotes:BTC-USDT" in rig.hub.topics)
    most = 0
    for number in range(4000):  # 16 MB
        rig.publish(WIDE + str(number))
        if number % 10 == 0:
            await asyncio.sleep(0)
            most = max(most, held(rig))
    assert rig.server.clients == 1
    assert most < 1 << 18
    ack, previous, message = await deaf.message(), 0, {}
    assert ack["offset"] == 0
    conflated = 0
    while previous < 4000:
        message = await deaf.message()
        assert message.get("first", message["offset"]) == previous + 1
        conflated += "first" in message
        previous = message["offset"]
    assert conflated >= 1
    assert message["data"][0]["bid"] == WIDE + "3999"


async def test_a_client_that_would_rather_be_disconnected_is_told_4408_and_cut(start: Any) -> None:
    rig = await start(queue=1 << 18, closing=30.0)
    deaf = await rig.deaf()
    await deaf.subscribe("BTC-USDT", "trades")
    await rig.until(lambda: "mock:trades:BTC-USDT" in rig.hub.topics)
    most = 0
    for _ in range(4000):
        rig.publish(WIDE, channel="trades")
        await asyncio.sleep(0)
        most = max(most, held(rig)) if rig.topic(channel="trades").listeners else most
    assert most < 1 << 20
    assert rig.topic(channel="trades").listeners == 0
    offsets = []
    while "opcode" not in (message := await deaf.message()):
        offsets.append(message["offset"])
    assert offsets == list(range(len(offsets)))
    assert (message["opcode"], message["payload"][:2]) == (8, (4408).to_bytes(2, "big"))


async def test_a_client_that_never_reads_its_close_is_cut_in_time(start: Any) -> None:
    rig = await start(queue=1 << 18, closing=0.05)
    deaf = await rig.deaf()
    await deaf.subscribe("BTC-USDT", "trades")
    await rig.until(lambda: "mock:trades:BTC-USDT" in rig.hub.topics)
    for _ in range(4000):
        rig.publish(WIDE, channel="trades")
        await asyncio.sleep(0)
    await rig.until(lambda: rig.server.clients == 0)


async def test_asking_for_more_than_the_queue_holds_is_no_overflow(start: Any) -> None:
    rig = await start(queue=1 << 17, lag=1 << 14)
    rig.upstream.on_open = lambda topic: topic.publish("update", [Quote(WIDE, "1", "2", "1")], 5, 6)
    client = await rig.client()
    await client.subscribe(*(f"S{i}" for i in range(500)))
    got = await client.many(1000)
    assert [m["offset"] for m in got] == [1] * 1000
    assert [m.get("type", "ack") for m in got] == ["ack", "snapshot"] * 500


async def test_a_client_that_asks_and_does_not_read_the_answers_is_too_slow(start: Any) -> None:
    rig = await start(queue=1 << 17, lag=1 << 14, stalled=0.05, closing=0.05)
    rig.upstream.on_open = lambda topic: topic.publish("update", [Quote(WIDE * 15, "1", "2", "1")], 5, 6)
    deaf = await rig.deaf()
    await deaf.subscribe("S", "quotes", symbols=[f"S{i}" for i in range(1000)])
    await rig.until(lambda: len(rig.hub.topics) > 1 and rig.server.clients == 0)
    assert len(rig.hub.topics) < 1000


async def test_many_folded_topics_reach_a_slow_client_in_pieces_and_do_not_overflow_it(start: Any) -> None:
    rig = await start(queue=1 << 17, lag=1 << 14)
    deaf = await rig.deaf()
    symbols = [f"S{i}" for i in range(45)]
    for symbol in symbols:
        await deaf.subscribe(symbol, "quotes")
    await rig.until(lambda: len(rig.hub.topics) == len(symbols))
    for number in range(200):
        for symbol in symbols:
            rig.publish(WIDE + str(number), symbol)
        await asyncio.sleep(0)
    newest = dict.fromkeys(symbols, "")
    while any(bid != WIDE + "199" for bid in newest.values()):
        message = await deaf.message()
        if "data" in message:
            newest[message["topic"].split(":")[2]] = message["data"][0]["bid"]
    assert rig.server.clients == 1
