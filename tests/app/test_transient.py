"""What passes by itself, or can be mended on the connection that there is, costs no connection."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.engine.messages import Message, Notice
from gateway.testing.virtual import virtually

PUBLIC = "mock/stream/0"
HARMED = "quotes:BTC-USDT"
"""What the exchange may end, and send nonsense of."""
TOPICS = ("trades:BTC-USDT", "quotes:BTC-USDT", "book:BTC-USDT", "book:ETH-USDT")


def lose_trades(one: Any) -> None:
    one.faults.lose("trades.btc_usdt", 2)


def break_a_book(one: Any) -> None:
    one.faults.lose("book.btc_usdt")


def end_a_stream(one: Any) -> None:
    one.venue.end_stream("quotes.btc_usdt", "maintenance")


def send_nonsense(one: Any) -> None:
    for socket in one.venue.sockets.values():
        socket.text(b'{"stream":"quotes.btc_usdt","data":[{"bid":7}]}')


def repeat_and_swap(one: Any) -> None:
    one.faults.repeat("trades.btc_usdt", 2)
    one.faults.swap("book.btc_usdt")


def be_late(one: Any) -> None:
    """A pong that is late, and yet in time: 2 s of the 2.5 that half an interval is."""
    one.faults.pong_delay = 2.0


def refuse_requests(one: Any) -> None:
    one.faults.hang_requests.arm(3)


LATER: dict[str, Callable[[Any], None]] = {
    "records are lost": lose_trades,
    "a book breaks": break_a_book,
    "the exchange ends a stream": end_a_stream,
    "nonsense comes": send_nonsense,
    "records come twice, and in the wrong order": repeat_and_swap,
    "pongs are slow": be_late,
    "REST does not answer": refuse_requests,
}
AT_FIRST: dict[str, Callable[[Any], None]] = {
    "acks are lost": lambda one: one.faults.lose_acks.arm(1),
    "subscriptions are refused for now": lambda one: one.faults.refuse_subscribes.arm("slow down", times=1),
    "acks are slow": lambda one: setattr(one.faults, "ack_delay", 4.0),
}


class Story:
    """What is told of each topic."""

    def __init__(self) -> None:
        self.statuses: dict[str, list[str]] = {}
        self.records: dict[str, int] = {}

    def listener(self, topic: str) -> Callable[[Message | Notice], None]:
        statuses = self.statuses[topic] = []
        self.records[topic] = 0

        def heard(message: Message | Notice) -> None:
            if isinstance(message, Notice):
                statuses.append(str(message.status))
            else:
                self.records[topic] += 1

        return heard


async def listening(one: Any) -> Story:
    story = Story()
    for topic in TOPICS:
        await one.gateway.listen(f"mock:{topic}", story.listener(topic))
    return story


async def trade(one: Any, seconds: int) -> None:
    for _ in range(4 * seconds):
        one.venue.tick()
        await asyncio.sleep(0.25)


def check(one: Any, story: Story) -> None:
    assert one.venue.counts.upgrades == 1, "the same socket all the while"
    assert [change.after for change in one.gateway.registry.history(PUBLIC)] == ["CONNECTING", "CONNECTED"]
    for topic in TOPICS:
        if topic != HARMED:
            assert "disconnected" not in story.statuses[topic]
            assert story.records[topic] > 20


@pytest.mark.parametrize("what", LATER)
@virtually
async def test_what_goes_wrong_with_a_stream_leaves_its_connection_alone(running, what: str) -> None:
    async with running() as one:
        story = await listening(one)
        await trade(one, 3)
        LATER[what](one)
        await trade(one, 20)
        check(one, story)


@pytest.mark.parametrize("what", AT_FIRST)
@virtually
async def test_nor_does_what_goes_wrong_with_a_subscription_end_it(running, what: str) -> None:
    async with running() as one:
        AT_FIRST[what](one)
        story = await listening(one)
        await trade(one, 40)
        check(one, story)
        assert all(statuses[-1] == "live" for statuses in story.statuses.values())
        assert one.gateway.get_stats()["healthy_connections"] == 1


@virtually
async def test_a_broken_book_is_told_and_mended_and_the_other_one_is_not_touched(running) -> None:
    async with running() as one:
        story = await listening(one)
        await trade(one, 3)
        break_a_book(one)
        await trade(one, 5)
        mended = [status for status in story.statuses["book:BTC-USDT"] if status in {"gap", "synced"}]
        assert mended[-2:] == ["gap", "synced"]
        assert "gap" not in story.statuses["book:ETH-USDT"]
        check(one, story)
