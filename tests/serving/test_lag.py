"""Clients that do not read, and how much is written at once."""

import asyncio
from typing import Any

import pytest

from gateway.engine.messages import TopicStatus
from gateway.model.market import Book, Quote

WIDE = "9" * 4000
"""A price that makes a message large."""


def held(rig: Any) -> int:
    """Bytes that the server holds for its only client: in the transport and in the outbox."""
    [session] = rig.server._arrivals.visitors
    pipe = session.pipe
    return int(pipe._transport.get_write_buffer_size()) + int(pipe.outbox.size)


async def test_what_one_turn_publishes_is_one_write(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await rig.client()
    await client.subscribe("A", "B")
    await client.many(2)
    [session] = rig.server._arrivals.visitors
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


async def follow(deaf: Any, until: int) -> list[tuple[str, int, int]]:
    """Read until the offset ``until`` is reached; what came, and for which offsets it stands."""
    seen: list[tuple[str, int, int]] = []
    previous = 0
    while previous < until:
        message = await deaf.message()
        if message.get("type") == "lag":
            first, last = message["from"], message["to"]
        elif message.get("type") in {"update", "snapshot"}:
            first, last = message.get("first", message["offset"]), message["offset"]
        else:
            continue
        assert first == previous + 1
        previous = last
        seen.append((message["type"], first, last))
    return seen


async def test_a_client_that_drops_the_oldest_stays_and_is_told_what_it_lost(start: Any) -> None:
    rig = await start(queue=1 << 18)
    deaf = await rig.deaf()
    await deaf.subscribe("BTC-USDT", "trades", on_lag="drop_oldest")
    await rig.until(lambda: "mock:trades:BTC-USDT" in rig.hub.topics)
    [session] = rig.server._arrivals.visitors
    most = 0
    for number in range(4000):  # 16 MB
        rig.publish(WIDE + str(number), channel="trades")
        if number % 10 == 0:
            await asyncio.sleep(0)
            most = max(most, held(rig) + session.pipe.outbox._backlog.size)
    assert rig.server.clients == 1
    assert most < 1 << 19
    seen = await follow(deaf, 4000)
    lags = [(first, last) for kind, first, last in seen if kind == "lag"]
    assert 1 <= len(lags) <= 10
    assert sum(last - first + 1 for first, last in lags) > 2000
    assert seen[-1] == ("update", 4000, 4000)
    rig.publish("1", channel="trades")
    assert (await deaf.message())["offset"] == 4001


async def test_a_book_that_lost_changes_comes_whole(start: Any) -> None:
    rig = await start()
    deaf = await rig.deaf()
    await deaf.subscribe("BTC-USDT", "book", on_lag="drop_oldest")
    await rig.until(lambda: "mock:book:BTC-USDT" in rig.hub.topics)
    newest = ""
    rig.topic(channel="book").snapshot_of = lambda: ([Book([(newest, "1")], [])], 7)
    for number in range(2000):
        newest = WIDE + str(number)
        rig.topic(channel="book").publish("update", [Book([(newest, "1")], [])], 5, 6)
        if number % 10 == 0:
            await asyncio.sleep(0)
    assert (await follow(deaf, 2000))[-1][0] == "lag"
    whole = await deaf.message()
    assert (whole["type"], whole["offset"], whole["data"][0]["bids"]) == ("snapshot", 2000, [[newest, "1"]])


async def test_what_waits_comes_before_the_answer_to_whoever_asks_anew(start: Any) -> None:
    rig = await start(queue=1 << 18)
    deaf = await rig.deaf()
    await deaf.subscribe("BTC-USDT", "trades", on_lag="drop_oldest")
    await rig.until(lambda: "mock:trades:BTC-USDT" in rig.hub.topics)
    for _ in range(2000):
        rig.publish(WIDE, channel="trades")
        await asyncio.sleep(0)
    await deaf.subscribe("BTC-USDT", "trades", on_lag="drop_oldest")
    await follow(deaf, 2000)
    answer = await deaf.message()
    assert (answer["method"], answer["offset"]) == ("subscribe", 2000)


async def test_account_data_are_never_dropped_but_the_client_is(start: Any) -> None:
    rig = await start(queue=1 << 18, closing=30.0)
    deaf = await rig.deaf()
    await deaf.subscribe("", "orders", symbols=[], account="main")
    await rig.until(lambda: "mock:orders:@main" in rig.hub.topics)
    topic = rig.topic("@main", "orders")
    while topic.listeners:
        rig.publish(WIDE, "@main", "orders")
        await asyncio.sleep(0)
    offsets = []
    while "opcode" not in (message := await deaf.message()):
        offsets.append(message["offset"])
    assert offsets == list(range(len(offsets)))
    assert message["payload"][:2] == (4408).to_bytes(2, "big")


async def test_a_subscription_that_conflates_gets_one_message_an_interval(rig: Any) -> None:
    client, other = await rig.client(), await rig.client()
    await client.subscribe("BTC-USDT", conflate_ms=40)
    await other.subscribe("BTC-USDT")
    assert (await client.next())["success"]
    assert (await other.next())["success"]
    for number in range(1, 6):
        rig.publish(str(number))
    assert [message["offset"] for message in await other.many(5)] == [1, 2, 3, 4, 5]
    loop = asyncio.get_running_loop()
    assert (await client.next())["offset"] == 1
    began = loop.time()
    folded = await client.next()
    assert (folded["first"], folded["offset"], folded["data"][0]["bid"]) == (2, 5, "5")
    assert loop.time() - began < 10
    rig.publish("6")
    rig.publish("7")
    rig.topic().become(TopicStatus.STALE, "data_stalled", 7)
    told = [await client.next()]
    while "status" not in told[-1]:  # the interval may be over by now, and the first of both is not held back
        told.append(await client.next())
    assert (told[-2]["offset"], told[-1]["status"]) == (7, "stale")


async def test_what_is_being_conflated_when_the_gateway_stops_is_written(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT", conflate_ms=60_000)
    await client.next()
    for number in range(1, 4):
        rig.publish(str(number))
    stopping = asyncio.create_task(rig.server.stop())
    assert [(m.get("first"), m["offset"]) for m in await client.many(2)] == [(None, 1), (2, 3)]
    assert await client.closed() == 1001
    await stopping


async def test_asking_anew_for_another_interval_loses_nothing(rig: Any) -> None:
    client = await rig.client()
    await client.subscribe("BTC-USDT", conflate_ms=60_000)
    await client.next()
    for number in range(1, 4):
        rig.publish(str(number))
    await client.subscribe("BTC-USDT", snapshot=False)
    got = await client.many(3)
    assert [one["offset"] for one in got] == [1, 3, 3]
    assert got[2]["success"]
    rig.publish("4")
    assert (await client.next())["offset"] == 4
    assert rig.topic().listeners == 1
