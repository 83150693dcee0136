"""
Clients that read slowly beside others that do not, through a real server.

The others get everything; the slow one gets what it asked for, and can prove which messages it was not sent.
"""

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from gateway.model.market import Book, Quote

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
OTHERS, MESSAGES = (99, 4000) if FULL else (9, 2000)
WIDE = "9" * 4000


class Follower:
    """Checks what a client is sent: each topic's offsets, in order, are sent or told as dropped."""

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self.newest: dict[str, Any] = {}
        self.kinds: dict[str, set[str]] = {}

    def take(self, message: dict[str, Any]) -> None:
        topic = message["topic"]
        if "method" in message:
            self.at[topic], self.kinds[topic] = message["offset"], set()
            return
        if message["type"] == "status":
            return
        first, last = message.get("first", message.get("from")), message.get("offset", message.get("to"))
        repeats = message["type"] == "snapshot" and last == self.at[topic]
        assert repeats or (last if first is None else first) == self.at[topic] + 1
        self.at[topic] = last
        self.newest[topic] = message.get("data")
        self.kinds[topic].add("conflated" if "first" in message else message["type"])


async def everything(client: Any, topic: str) -> int:
    """Read until the last message and return how many there were."""
    follower, count = Follower(), -1
    while follower.at.get(topic, -1) < MESSAGES:
        follower.take(await client.next())
        count += 1
    assert follower.kinds[topic] == {"update"}
    return count


@pytest.mark.parametrize(
    ("channel", "on_lag", "stays"),
    [
        ("quotes", "conflate", True),
        ("quotes", "drop_oldest", True),
        ("trades", "drop_oldest", True),
        ("quotes", "disconnect", False),
        ("trades", None, False),
    ],
)
async def test_one_client_that_does_not_read_costs_the_others_no_message(
    start: Any, channel: str, on_lag: str | None, stays: bool
) -> None:
    rig = await start(queue=1 << 18, closing=0.1)
    deaf = await rig.deaf()
    await deaf.subscribe("A", channel, **({} if on_lag is None else {"on_lag": on_lag}))
    await rig.until(lambda: f"mock:{channel}:A" in rig.hub.topics)
    [slow] = rig.server._arrivals.visitors
    others = [await rig.client() for _ in range(OTHERS)]
    for client in others:
        await client.subscribe("A", channel=channel, on_lag="disconnect")
    await rig.until(lambda: rig.topic("A", channel).listeners == OTHERS + 1)
    async with asyncio.TaskGroup() as tasks:
        reading = [tasks.create_task(everything(client, f"mock:{channel}:A")) for client in others]
        most = 0
        for number in range(MESSAGES):
            rig.publish(WIDE + str(number), "A", channel)
            await rig.until(
                lambda: all(one is slow or not one.pipe.outbox.lagging() for one in rig.server._arrivals.visitors)
            )
            if number % 8 == 0:
                await asyncio.sleep(0)
            outbox = slow.pipe.outbox
            most = max(most, outbox.size + outbox._backlog.size)
    assert [one.result() for one in reading] == [MESSAGES] * OTHERS
    assert most <= 3 << 17
    await rig.until(lambda: (rig.server.clients == OTHERS + 1) is stays)


ORDERS = "mock:orders:@main"


async def test_of_an_account_nothing_is_dropped_and_who_was_cut_off_comes_back_to_all_of_it_or_is_told(
    start: Any,
) -> None:
    """It has whole messages, one after the other, up to where it was cut; then the ring's, if that has all."""
    rig = await start(closing=5)
    deaf = await rig.deaf()
    await deaf.subscribe("", "orders", symbols=[], account="main")
    await rig.until(lambda: ORDERS in rig.hub.topics)
    topic, [slow] = rig.hub.topics[ORDERS], rig.server._arrivals.visitors
    reader = await rig.client()
    await reader.send("subscribe", exchange="mock", channel="orders", account="main")
    await rig.until(lambda: topic.listeners == 2)
    follower = Follower()
    follower.take(await reader.next())
    for number in range(1, MESSAGES):
        topic.publish("update", [Quote(WIDE + str(number), "1", "2", "1")], 5, 6)
        follower.take(await reader.next())
        if slow.pipe.outbox.overflowed:
            break
    assert slow.pipe.outbox.overflowed
    assert follower.kinds[ORDERS] == {"update"}
    cut, opcode = Follower(), 1
    while opcode == 1:
        opcode, payload = await deaf.frame()
        if opcode == 1:
            cut.take(json.loads(payload))
    assert int.from_bytes(payload[:2]) == 4408
    assert cut.kinds[ORDERS] == {"update"}
    missed = topic.offset - cut.at[ORDERS]
    assert missed > 0
    for resumed, recovered in ((cut.at[ORDERS], False), (topic.offset - 3, True)):
        back = await rig.client()
        resume = {"main": {"epoch": topic.epoch, "offset": resumed}}
        await back.send("subscribe", exchange="mock", channel="orders", account="main", resume=resume)
        assert (await back.next())["recovered"] is recovered
    assert [(await back.next())["offset"] for _ in range(3)] == list(range(topic.offset - 2, topic.offset + 1))


SUBSCRIBED: list[tuple[str, dict[str, Any]]] = [
    ("quotes", {}),
    ("ticker", {"conflate_ms": 5}),
    ("mark", {"on_lag": "drop_oldest", "conflate_ms": 5}),
    ("trades", {"on_lag": "drop_oldest"}),
    ("book", {"on_lag": "drop_oldest"}),
]


async def test_a_client_that_reads_slowly_can_prove_which_messages_it_was_not_sent(start: Any) -> None:
    """Five subscriptions, each with a policy of its own, and it is never cut."""
    rig = await start(queue=1 << 18)
    rig.upstream.on_open = lambda topic: None
    deaf = await rig.deaf()
    for channel, options in SUBSCRIBED:
        await deaf.subscribe("A", channel, **options)
        await rig.until(lambda channel=channel: f"mock:{channel}:A" in rig.hub.topics)
    publish = publishing(rig)
    follower, last = Follower(), MESSAGES // 4
    async with asyncio.timeout(30):
        number = 0
        while True:
            follower.take(await deaf.message())
            for _ in range(2 if number < last else 0):
                number += 1
                publish(number)
            if number >= last and set(follower.at.values()) == {last} and follower.newest["mock:book:A"]:
                break
    assert rig.server.clients == 1
    assert follower.kinds["mock:trades:A"] == {"update", "lag"}
    assert follower.kinds["mock:book:A"] == {"update", "lag", "snapshot"}
    assert "conflated" in follower.kinds["mock:quotes:A"] & follower.kinds["mock:ticker:A"]
    assert [
        follower.newest[f"mock:{channel}:A"][0]["bid"] for channel in ("quotes", "ticker", "mark", "trades")
    ] == [WIDE + str(last)] * 4
    assert follower.newest["mock:book:A"][0]["bids"] == [[WIDE + str(last), "1"]]


def publishing(rig: Any) -> Callable[[int], None]:
    """Return what publishes one message of each topic; the book has one level, and is what was published last."""
    book = rig.topic("A", "book")
    newest: list[Book] = [Book([], [])]
    book.snapshot_of = lambda: (newest, None)

    def publish(number: int) -> None:
        for channel in ("quotes", "ticker", "mark", "trades"):
            rig.publish(WIDE + str(number), "A", channel)
        newest[0] = Book([(WIDE + str(number), "1")], [])
        book.publish("update", list(newest), None, 1)

    return publish
