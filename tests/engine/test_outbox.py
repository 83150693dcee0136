"""What waits for a client is bounded; a slow one is spared messages or ended, and told the truth either way."""

from random import Random

import pytest
from booked import Side
from hearing import payloads, topic_named
from hypothesis import given, settings
from hypothesis.strategies import integers
from msgspec.json import decode
from slow import TRADE, Books, Client, apply, lagging, quote

from gateway.engine import conflation
from gateway.engine.conflation import Conflation
from gateway.engine.lines import LagPolicy, default_policy
from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.engine.outbox import LAG, LIMIT

# --- queueing


def test_frames_come_out_as_one_piece_in_the_order_they_went_in() -> None:
    client = Client()
    assert client.outbox.empty
    for frame in (b"one", b"two", b"three"):
        client.outbox.put(frame)
    assert (client.outbox.size, client.outbox.queued, client.outbox.empty) == (11, 3, False)
    assert client.outbox.take() == b"onetwothree"
    assert client.outbox.take() == b""
    assert (client.outbox.size, client.outbox.empty) == (0, True)


def test_whoever_writes_is_woken_once_until_it_took() -> None:
    client = Client()
    for _ in range(3):
        client.outbox.put(b"x")
    assert client.woken == 1
    client.outbox.take()
    assert client.woken == 1
    client.outbox.put(b"x")
    assert client.woken == 2
    client.outbox.wake()
    assert client.woken == 2


def test_exactly_the_limit_may_wait_and_not_a_byte_more() -> None:
    client = Client(limit=10)
    client.outbox.put(b"x" * 10)
    assert not client.outbox.overflowed
    client.outbox.put(b"")
    assert not client.outbox.overflowed
    client.outbox.put(b"x")
    assert client.outbox.overflowed


def test_an_overflow_drops_all_wakes_at_once_and_takes_nothing_any_more() -> None:
    client = Client(limit=10)
    client.outbox.put(b"x" * 8)
    client.outbox.put(b"x" * 8)
    assert client.woken == 2, "whoever writes may be waiting for the client"
    assert client.outbox.empty
    assert client.outbox.take() == b""
    client.outbox.put(b"y")
    assert client.outbox.take() == b""
    assert client.outbox.overflowed, "for good"
    assert client.woken == 2


@given(seed=integers(0, 2**32))
def test_never_more_than_the_limit_waits(seed: int) -> None:
    rng = Random(seed)
    client = Client(limit=600, lag_bytes=200)
    topics = [topic_named(f"mock:quotes:{name}") for name in "ABC"]
    for topic in topics:
        client.line(topic)
    for number in range(rng.randrange(60)):
        match rng.randrange(5):
            case 0:
                assert len(client.outbox.take()) <= 600
            case 1:
                client.outbox.put(b"x" * rng.randrange(1, 250))
            case 2:
                rng.choice(topics).become(rng.choice(list(TopicStatus)), "", 1)
            case _:
                quote(rng.choice(topics), number)
        waiting = sum(map(len, client.outbox._frames))
        assert waiting <= 600
        assert client.outbox.overflowed or waiting == client.outbox.size


# --- policies


def test_policies_are_those_of_the_protocol() -> None:
    conflated = {"book", "quotes", "ticker", "mark"}
    for channel in (*conflated, "trades", "candles", "liquidations", "raw", "orders", "balances", "positions"):
        expected = LagPolicy.CONFLATE if channel in conflated else LagPolicy.DISCONNECT
        assert default_policy(channel) is expected
    assert (LIMIT, LAG) == (1 << 20, 1 << 16)


def test_who_keeps_up_gets_every_message() -> None:
    client = Client()
    topic = topic_named("mock:quotes:BTC")
    client.line(topic)
    for number in range(1, 6):
        quote(topic, number)
    assert client.words() == [f"update {number}-{number}" for number in range(1, 6)]


def test_who_lags_gets_the_newest_instead_with_what_it_stands_for() -> None:
    client = lagging()
    topic = topic_named("mock:quotes:BTC")
    client.line(topic)
    for number in range(1, 6):
        quote(topic, number)
    assert client.outbox.queued == 1
    assert not client.outbox.empty
    assert client.read()[0]["status"] == "filler", "more waits than should: the folded go on folding"
    assert client.woken == 2
    quote(topic, 6)
    (folded,) = client.read()
    assert folded == {
        "topic": "mock:quotes:BTC",
        "type": "update",
        "epoch": topic.epoch,
        "first": 1,
        "offset": 6,
        "ts": 6,
        "recv": 6,
        "data": [{"bid": "6", "bid_size": "1", "ask": "2", "ask_size": "1"}],
    }
    quote(topic, 7)
    assert client.words() == ["update 7-7"]


def test_trades_are_queued_until_the_client_is_ended() -> None:
    client = lagging(limit=2000)
    topic = topic_named("mock:trades:BTC")
    client.line(topic)
    for _ in range(10):
        topic.publish("update", [TRADE], None, 1)
    assert client.words() == ["filler", *(f"update {number}-{number}" for number in range(1, 11))]
    while not client.outbox.overflowed:
        topic.publish("update", [TRADE], None, 1)
        assert client.outbox.size <= 2200
    assert client.outbox.empty


@pytest.mark.parametrize("channel", ["trades", "orders", "raw"])
def test_what_cannot_be_conflated_never_is_even_if_asked_for(channel: str) -> None:
    client = lagging()
    topic = topic_named(f"mock:{channel}:BTC")
    client.line(topic, LagPolicy.CONFLATE)
    for _ in range(3):
        topic.publish("update", [TRADE], None, 1)
    assert client.words() == ["filler", "update 1-1", "update 2-2", "update 3-3"]


def test_what_could_be_conflated_is_not_if_the_client_wants_all() -> None:
    client = lagging()
    topic = topic_named("mock:quotes:BTC")
    client.line(topic, LagPolicy.DISCONNECT)
    for number in range(1, 4):
        quote(topic, number)
    assert client.words() == ["filler", "update 1-1", "update 2-2", "update 3-3"]


def test_one_slow_client_costs_the_others_nothing() -> None:
    slow, quick = lagging(limit=300), Client()
    topic = topic_named("mock:trades:BTC")
    slow.line(topic)
    quick.line(topic)
    for _ in range(10):
        topic.publish("update", [TRADE], None, 1)
    assert slow.outbox.overflowed
    assert len(quick.words()) == 10


# --- order


def test_a_status_comes_after_what_was_folded_before_it() -> None:
    client = lagging()
    topic = topic_named("mock:quotes:BTC")
    client.line(topic)
    quote(topic, 1)
    quote(topic, 2)
    topic.become(TopicStatus.DISCONNECTED, "reset", 3)
    quote(topic, 3)
    topic.tell(TopicEvent.GAP, "reset", 4)
    quote(topic, 4)
    quote(topic, 5)
    assert client.words() == ["filler", "update 1-2", "disconnected", "update 3-3", "gap"]
    assert client.words() == ["update 4-5"]


def test_a_status_without_anything_folded_is_simply_queued() -> None:
    client = lagging()
    topic = topic_named("mock:quotes:BTC")
    client.line(topic)
    topic.become(TopicStatus.LIVE, "", 1)
    assert client.words() == ["filler", "live"]


def test_folded_messages_come_last_and_in_the_order_in_which_they_began() -> None:
    client = lagging()
    topics = [topic_named(f"mock:quotes:{name}") for name in "ABC"]
    for topic in topics:
        client.line(topic)
    for topic in (topics[1], topics[0], topics[2], topics[1]):
        quote(topic, 1)
    client.outbox.put(b"\x81\x1c" + b'{"type":"x","status":"last"}')
    assert client.words() == ["filler", "last"]
    for name in "BAC":
        assert [message["topic"] for message in client.read()] == [f"mock:quotes:{name}"]
    assert client.outbox.empty


def test_folded_messages_are_taken_in_bounded_pieces() -> None:
    """Together they could be more than the client may have waiting."""
    client = Client(limit=1000, lag_bytes=300)
    topics = [topic_named(f"mock:quotes:{number}") for number in range(40)]
    for topic in topics:
        client.line(topic)
    rounds = 0
    for number in range(1, 4):
        for topic in topics:
            quote(topic, number)
    seen: dict[str, int] = {}
    while not client.outbox.empty:
        rounds += 1
        whole = client.outbox.take()
        assert len(whole) <= 1000
        for body in payloads(whole):
            message = decode(body)
            assert message.get("first", message["offset"]) == seen.get(message["topic"], 0) + 1
            seen[message["topic"]] = message["offset"]
    assert not client.outbox.overflowed
    assert seen == {topic.name: 3 for topic in topics}
    assert rounds > 10


def test_an_unfolding_that_overflows_ends_the_client() -> None:
    client = Client(limit=150, lag_bytes=100)
    topics = [topic_named(f"mock:quotes:{number}") for number in range(3)]
    for topic in topics:
        client.line(topic)
    for number in (1, 2):
        for topic in topics:
            quote(topic, number)
    assert client.outbox.take() != b"" or client.outbox.overflowed
    while not client.outbox.empty:
        client.outbox.take()
    assert client.outbox.overflowed
    assert client.outbox.take() == b""


# --- leaving


def test_who_leaves_a_topic_gets_nothing_folded_of_it_any_more() -> None:
    client = lagging()
    topic = topic_named("mock:quotes:BTC")
    line = client.line(topic)
    quote(topic, 1)
    line.close()
    assert client.words() == ["filler"]
    assert client.outbox.empty
    with pytest.raises(LookupError, match="nothing was folded"):
        line.unfolded()


def test_who_has_nothing_folded_may_leave_too() -> None:
    client = Client()
    line = client.line(topic_named("mock:quotes:BTC"))
    line.close()
    client.outbox.unfold(line)
    assert client.outbox.empty


def test_after_the_overflow_nothing_is_folded_out() -> None:
    client = lagging(limit=200)
    quotes, trades = topic_named("mock:quotes:BTC"), topic_named("mock:trades:BTC")
    client.line(quotes)
    client.line(trades)
    quote(quotes, 1)
    topic_size = client.outbox.size
    trades.publish("update", [TRADE], None, 1)
    assert topic_size < 200 < client.outbox.size
    assert client.outbox.overflowed
    assert client.outbox.empty
    quote(quotes, 2)
    quotes.become(TopicStatus.STALE, "", 1)
    assert client.outbox.take() == b""


# --- books


@settings(max_examples=150, deadline=None)
@given(seed=integers(0, 2**32))
def test_a_folded_book_is_the_book_and_its_offsets_add_up(seed: int) -> None:
    """However slowly the client reads, and whatever befalls the book meanwhile."""
    rng = Random(seed)
    books = Books(rng, "mock:book:BTC", "mock:book:BTC:3")
    client = Client(lag_bytes=rng.choice([0, 200, 2000]))
    held: dict[str, tuple[Side, Side]] = {topic.name: ({}, {}) for topic in books.topics}
    at = {topic.name: topic.offset for topic in books.topics}
    for topic in books.topics:
        joined = topic.snapshot(1)
        assert joined is not None
        client.line(topic)
        client.outbox.put(joined.frame)

    def read() -> None:
        for message in client.read():
            name = message["topic"]
            if message["type"] == "status":
                continue
            joining = message["type"] == "snapshot" and message["offset"] == at[name]
            assert joining or message.get("first", message["offset"]) == at[name] + 1, "a jump is a loss"
            at[name] = message["offset"]
            apply(held[name], message)

    for _ in range(rng.randrange(80)):
        act = rng.random()
        if act < 0.25:
            read()
        elif act < 0.35:
            books.gap()
        else:
            books.step()
    while not client.outbox.empty:
        read()
    bids, asks = books.exchange.shown()
    assert held["mock:book:BTC"] == (dict(bids), dict(asks))
    assert held["mock:book:BTC:3"] == (dict(bids[:3]), dict(asks[:3]))
    assert at == {topic.name: topic.offset for topic in books.topics}


def test_a_fold_does_not_grow_with_the_time_a_client_lags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once more has changed than a book has levels, the whole of it is kept instead."""
    monkeypatch.setattr(conflation, "CROWDED", 8)
    books = Books(Random(1), "mock:book:BTC")
    client = lagging()
    line = client.line(books.topics[0])
    for _ in range(500):
        books.step()
    assert isinstance(line._folded, Conflation)
    assert line._folded.kind == "snapshot"
    bids, asks = books.exchange.shown()
    (record,) = line._folded.records()
    assert (record.bids, record.asks) == (bids, asks)
    assert (line._folded.first, line._folded.offset) == (2, books.topics[0].offset)


def test_a_crowded_fold_of_a_book_that_cannot_be_read_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflation, "CROWDED", 0)
    books = Books(Random(1), "mock:book:BTC")
    books.topics[0].snapshot_of = lambda: None
    client = lagging()
    line = client.line(books.topics[0])
    for _ in range(5):
        books.step()
    assert isinstance(line._folded, Conflation)
    assert line._folded.kind == "update"
