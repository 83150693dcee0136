"""What each subscription of a slow client gets instead of every message, and that it can tell what it missed."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from booked import Side
from hearing import topic_named
from hypothesis import given, settings
from hypothesis.strategies import integers
from slow import Books, Client, apply, lagging, quote, trade

from gateway.engine.conflation import MERGES
from gateway.engine.lines import DroppingLine, LagPolicy, Line, line_of
from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.engine.topics import Topic
from gateway.model.account import ACCOUNT_RECORDS, Balance

DROP = LagPolicy.DROP_OLDEST


def test_who_keeps_up_loses_nothing() -> None:
    client = Client()
    topic = topic_named("mock:trades:BTC")
    client.line(topic, DROP)
    trade(topic, 3)
    topic.become(TopicStatus.STALE, "", 1)
    assert client.words() == ["update 1-1", "update 2-2", "update 3-3", "stale"]
    assert client.outbox.empty


def test_who_lags_loses_the_oldest_and_is_told_which_before_the_next() -> None:
    client = lagging(limit=1000)
    topic = topic_named("mock:trades:BTC")
    client.line(topic, DROP)
    trade(topic, 20)
    size = len(topic.ring.after(19)[0])  # type: ignore[union-attr,index]
    kept = 500 // size
    assert 2 <= kept < 18
    first, woken, rest = client.words(), client.woken, client.rest_words()
    assert first == ["filler"], "it lags: what waits goes on waiting"
    assert woken == 2, "it asks to be emptied again"
    assert rest == [f"lag 1-{20 - kept}", *(f"update {n}-{n}" for n in range(21 - kept, 21))]
    trade(topic)
    assert client.words() == ["update 21-21"]


def test_what_waits_does_not_end_the_client_however_much_comes() -> None:
    client = lagging(limit=1000)
    topic = topic_named("mock:trades:BTC")
    client.line(topic, DROP)
    trade(topic, 1000)
    assert not client.outbox.overflowed
    assert client.outbox.size + client.outbox._backlog.size <= 1000
    assert client.rest_words()[1].startswith("lag 1-")


def test_what_others_of_the_client_queue_ends_it_all_the_same() -> None:
    client = lagging(limit=400)
    dropping, queueing = topic_named("mock:trades:A"), topic_named("mock:trades:B")
    client.line(dropping, DROP)
    client.line(queueing)
    trade(dropping, 2)
    trade(queueing, 5)
    assert client.outbox.overflowed
    assert client.outbox.empty
    trade(dropping, 2)
    dropping.become(TopicStatus.STALE, "", 1)
    assert client.outbox.empty
    assert client.outbox.take() == b""


def test_a_status_keeps_its_place() -> None:
    client = lagging()
    topic = topic_named("mock:trades:BTC")
    client.line(topic, DROP)
    trade(topic, 2)
    topic.become(TopicStatus.DISCONNECTED, "reset", 1)
    topic.tell(TopicEvent.GAP, "reset", 2)
    trade(topic)
    assert client.rest_words() == ["filler", "update 1-1", "update 2-2", "disconnected", "gap", "update 3-3"]


def test_a_status_is_not_dropped_and_comes_after_what_was_before_it() -> None:
    client = lagging(limit=1000)
    topic = topic_named("mock:trades:BTC")
    client.line(topic, DROP)
    trade(topic, 2)
    topic.become(TopicStatus.STALE, "", 3)
    trade(topic, 30)
    words = client.rest_words()
    assert words[:3] == ["filler", "lag 1-2", "stale"]
    assert words[3].startswith("lag 3-")
    assert words[-1] == "update 32-32"


def test_all_topics_of_a_client_share_what_may_wait() -> None:
    client = lagging(limit=1000)
    a, b = topic_named("mock:trades:A"), topic_named("mock:trades:B")
    client.line(a, DROP)
    client.line(b, DROP)
    trade(a, 3)
    trade(b, 30)
    words = client.rest_words()
    assert words[1] == "lag 1-3", "what is oldest, whosever it is"
    assert words[2].startswith("lag 1-")
    assert words[-1] == "update 30-30"


def test_what_is_asked_for_anew_is_sent_first_and_who_leaves_gets_nothing_more() -> None:
    client = lagging(limit=1000)
    topic, other = topic_named("mock:trades:A"), topic_named("mock:trades:B")
    line, leaving = client.line(topic, DROP), client.line(other, DROP)
    trade(topic, 2)
    trade(other)
    leaving.close()
    line.settle()
    client.outbox.put(b'\x81\x1b{"type":"x","status":"ack"}')
    line.leave()
    assert client.words() == ["filler", "update 1-1", "update 2-2", "ack"]
    assert client.outbox.empty
    line.settle()
    assert client.outbox.empty


def test_a_line_that_folds_settles_too() -> None:
    client = lagging()
    topic = topic_named("mock:quotes:BTC")
    line = client.line(topic)
    quote(topic, 1)
    assert line.is_behind
    line.settle()
    assert not line.is_behind
    line.leave()
    assert client.words() == ["filler", "update 1-1"]


@pytest.mark.parametrize("channel", [*sorted(ACCOUNT_RECORDS), "raw"])
@pytest.mark.parametrize("policy", LagPolicy)
def test_nothing_of_an_account_is_dropped_nor_folded_whatever_is_asked_for(
    channel: str, policy: LagPolicy
) -> None:
    """A client that cannot be sent all of it is ended."""
    client = lagging(limit=1000)
    topic = topic_named(f"mock:{channel}:@main")
    assert type(client.line(topic, policy)) is Line
    for _ in range(4):
        topic.publish("update", [Balance("BTC", 1, "2", "0")], 1, 1)
    assert client.words() == ["filler", *(f"update {n}-{n}" for n in range(1, 5))]
    for _ in range(20):
        topic.publish("update", [Balance("BTC", 1, "2", "0")], 1, 1)
    assert client.outbox.overflowed


@pytest.mark.parametrize("channel", ["trades", "candles", "liquidations", "quotes", "ticker", "mark", "raw"])
def test_the_oldest_of_every_other_channel_may_be_dropped(channel: str) -> None:
    assert type(line_of(topic_named(f"mock:{channel}:A"), Client().outbox, DROP)) is DroppingLine


def test_what_waits_does_not_keep_the_folded_from_being_sent_nor_they_it() -> None:
    client = Client(limit=4000, lag_bytes=150)
    waiting, folding = topic_named("mock:trades:A"), [topic_named(f"mock:quotes:{n}") for n in range(5)]
    client.line(waiting, DROP)
    for topic in folding:
        client.line(topic)
    for number in range(1, 6):
        trade(waiting, 2)
        for topic in folding:
            quote(topic, number)
    takes = []
    while not client.outbox.empty:
        takes.append([message["topic"].split(":")[1] for message in client.read()])
    mixed = [set(names) for names in takes[1:5]]
    assert mixed == [{"trades", "quotes"}] * 4


# --- books


def test_a_book_that_lost_changes_follows_whole() -> None:
    books = Books(Random(1), "mock:book:BTC")
    [topic] = books.topics
    client = lagging()
    client.line(topic, DROP)
    at = topic.offset
    for _ in range(5):
        books.step()
    assert client.words() == ["filler"]
    lag, whole = client.read()
    assert (lag["type"], lag["from"], lag["to"]) == ("lag", at + 1, at + 5)
    assert (whole["type"], whole["offset"]) == ("snapshot", at + 5)
    assert [tuple(level) for level in whole["data"][0]["bids"]] == books.exchange.shown()[0]
    books.step()
    assert client.words() == [f"update {at + 6}-{at + 6}"]


def test_a_book_that_is_broken_is_not_sent_and_comes_when_it_is_whole() -> None:
    books = Books(Random(1), "mock:book:BTC")
    [topic] = books.topics
    client = lagging()
    client.line(topic, DROP)
    at = topic.offset
    books.step()
    books.step()
    books.breaks()
    books.step()
    assert client.rest_words() == ["filler", f"lag {at + 1}-{at + 2}", "gap", "resyncing"]
    books.resync()
    assert client.rest_words() == [f"snapshot {at + 3}-{at + 3}", "synced", "live"]


@settings(max_examples=200, deadline=None)
@given(seed=integers(0, 2**32))
def test_every_offset_is_sent_or_told_and_books_are_right_whatever_the_policies(seed: int) -> None:
    """However slowly the client reads, however its subscriptions are paced, and whatever befalls them."""
    rng = Random(seed)
    books = Books(rng, "mock:book:BTC", "mock:book:BTC:3")
    others = [topic_named("mock:quotes:BTC"), topic_named("mock:trades:BTC"), topic_named("mock:orders:@main")]
    topics = (*books.topics, *others)
    client = Client(limit=rng.choice([8000, 1 << 20]), lag_bytes=rng.choice([0, 200, 2000]))
    reader = Reader()
    for topic in topics:
        join(rng, client, topic, reader)
    for _ in range(rng.randrange(300)):
        befall(rng, client, books, others)
        if rng.random() < 0.1:
            reader.read(client)
    client.clock.advance(10)
    while not client.outbox.empty:
        reader.read(client)
    if client.outbox.overflowed:
        return
    assert reader.at == {topic.name: topic.offset for topic in topics}
    bids, asks = books.exchange.shown()
    assert reader.held["mock:book:BTC"] == (dict(bids), dict(asks))
    assert reader.held["mock:book:BTC:3"] == (dict(bids[:3]), dict(asks[:3]))
    assert "mock:orders:@main" not in reader.lags


def join(rng: Random, client: Client, topic: Topic, reader: "Reader") -> None:
    policy, interval = rng.choice([LagPolicy.CONFLATE, DROP]), rng.choice([0, 0, 1, 3])
    if interval and topic.subscription.channel in MERGES:
        client.paced(topic, interval, policy)
    else:
        client.line(topic, policy)
    reader.at[topic.name] = topic.offset
    if (joined := topic.snapshot(1)) is not None:
        client.outbox.put(joined.frame)
        reader.held[topic.name] = ({}, {})


def befall(rng: Random, client: Client, books: Books, others: list[Topic]) -> None:
    act = rng.random()
    if act < 0.1:
        client.clock.advance(rng.choice([0.5, 1, 4]))
    elif act < 0.12:
        books.gap()
    elif act < 0.15:
        rng.choice(others).become(rng.choice(list(TopicStatus)), "", 1)
    elif act < 0.5:
        books.step()
    else:
        quote(others[0], 1)
        trade(others[1], 3)
        trade(others[2])


class Reader:
    """Follows offsets as a client does, and keeps its books."""

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self.held: dict[str, tuple[Side, Side]] = {}
        self.lags: Counter[str] = Counter()

    def read(self, client: Client) -> None:
        for message in client.read():
            if message["type"] == "lag":
                self.lags[message["topic"]] += 1
                self._follow(message, message["from"], message["to"])
            elif message["type"] != "status":
                self._data(message)

    def _data(self, message: dict[str, Any]) -> None:
        name = message["topic"]
        if message["type"] != "snapshot" or message["offset"] != self.at[name]:
            self._follow(message, message.get("first", message["offset"]), message["offset"])
        if name in self.held:
            apply(self.held[name], message)

    def _follow(self, message: dict[str, Any], first: int, last: int) -> None:
        assert first == self.at[message["topic"]] + 1, "a jump is a loss"
        assert last >= first
        self.at[message["topic"]] = last
