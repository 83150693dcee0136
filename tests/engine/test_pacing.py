"""A subscription that wants at most one message an interval gets no more, loses nothing and waits for nothing."""

from random import Random
from typing import Any

from booked import Side
from hearing import topic_named
from hypothesis import given, settings
from hypothesis.strategies import integers
from slow import Books, Client, apply, lagging, quote, word

from gateway.engine.lines import LagPolicy
from gateway.engine.messages import TopicStatus


def test_the_first_is_sent_at_once_and_the_rest_of_the_interval_as_one() -> None:
    client = Client()
    topic = topic_named("mock:quotes:BTC")
    client.paced(topic, 0.1)
    quote(topic, 1)
    assert client.words() == ["update 1-1"]
    for number in (2, 3, 4):
        quote(topic, number)
    client.clock.advance(0.099)
    assert client.words() == []
    client.clock.advance(0.001)
    (folded,) = client.read()
    assert (folded["first"], folded["offset"], folded["data"][0]["bid"]) == (2, 4, "4")
    quote(topic, 5)
    assert client.words() == []
    client.clock.advance(0.1)
    assert client.words() == ["update 5-5"]


def test_what_comes_after_a_pause_is_sent_at_once() -> None:
    client = Client()
    topic = topic_named("mock:quotes:BTC")
    client.paced(topic, 0.1)
    quote(topic, 1)
    client.clock.advance(0.1)
    quote(topic, 2)
    assert client.words() == ["update 1-1", "update 2-2"]


def test_one_timer_at_most_and_none_for_a_topic_that_is_silent() -> None:
    client = Client()
    topic = topic_named("mock:quotes:BTC")
    client.paced(topic, 0.1)
    assert client.clock.running == 0
    for number in range(1, 50):
        quote(topic, number)
    assert client.clock.running == 1
    client.clock.advance(0.1)
    assert client.clock.running == 1
    client.clock.advance(0.1)
    assert client.clock.running == 0


def test_what_was_not_folded_is_the_frame_that_everybody_gets() -> None:
    client, other = Client(), Client()
    topic = topic_named("mock:quotes:BTC")
    client.paced(topic, 0.1)
    other.line(topic)
    quote(topic, 1)
    quote(topic, 2)
    client.clock.advance(0.1)
    mine, theirs = client.outbox._frames, other.outbox._frames
    assert [a is b for a, b in zip(mine, theirs, strict=True)] == [True, True]


def test_a_status_flushes_what_waits_and_is_not_delayed() -> None:
    client = Client()
    topic = topic_named("mock:quotes:BTC")
    client.paced(topic, 0.1)
    for number in (1, 2, 3):
        quote(topic, number)
    topic.become(TopicStatus.STALE, "", 1)
    assert client.words() == ["update 1-1", "update 2-3", "stale"]
    quote(topic, 4)
    assert client.words() == [], "the interval is not over"
    client.clock.advance(0.1)
    assert client.words() == ["update 4-4"]


def test_who_leaves_may_still_be_sent_what_waits_and_no_timer_runs_on() -> None:
    client = Client()
    topic = topic_named("mock:quotes:BTC")
    line = client.paced(topic, 0.1)
    quote(topic, 1)
    quote(topic, 2)
    line.leave()
    assert client.clock.running == 0
    assert client.words() == ["update 1-1", "update 2-2"]
    line.leave()
    assert client.outbox.empty


def test_who_wants_the_topic_no_more_gets_nothing_more() -> None:
    client = Client()
    topic = topic_named("mock:quotes:BTC")
    line, silent = client.paced(topic, 0.1), client.paced(topic_named("mock:quotes:ETH"), 0.1)
    quote(topic, 1)
    quote(topic, 2)
    line.close()
    silent.close()
    line.settle()
    assert client.words() == ["update 1-1"]
    assert client.clock.running == 0
    assert client.outbox.empty


def test_what_is_asked_for_anew_comes_after_what_waited() -> None:
    client = Client()
    topic = topic_named("mock:quotes:BTC")
    line = client.paced(topic, 0.1)
    for number in (1, 2, 3):
        quote(topic, number)
    line.settle()
    assert client.words() == ["update 1-1", "update 2-3"]


def test_who_lags_gets_what_was_folded_already_folded_further() -> None:
    client = lagging()
    topic = topic_named("mock:quotes:BTC")
    line = client.paced(topic, 0.1)
    for number in (1, 2, 3):
        quote(topic, number)
    assert line._folded is None, "nothing is folded twice"
    assert client.clock.running == 1
    client.clock.advance(1)
    quote(topic, 4)
    assert client.rest_words() == ["filler", "update 1-4"]


def test_who_lags_and_drops_is_told_every_offset_that_was_folded() -> None:
    client = lagging(limit=600)
    topic = topic_named("mock:quotes:BTC")
    client.paced(topic, 0.1, LagPolicy.DROP_OLDEST)
    for number in range(1, 41):
        quote(topic, number)
        if number % 4 == 0:
            client.clock.advance(0.1)
    words = client.rest_words()
    assert words == ["filler", "lag 1-36", "update 37-40"]


def test_who_lags_and_would_rather_be_ended_is() -> None:
    client = lagging(limit=600)
    topic = topic_named("mock:quotes:BTC")
    client.paced(topic, 0.1, LagPolicy.DISCONNECT)
    for number in range(40):
        quote(topic, number)
        client.clock.advance(0.1)
    assert client.outbox.overflowed


def test_a_book_that_lost_changes_while_it_is_paced_is_whole_up_to_where_the_lag_ends() -> None:
    books = Books(Random(1), "mock:book:BTC")
    [topic] = books.topics
    client = lagging()
    client.paced(topic, 5, LagPolicy.DROP_OLDEST)
    at = topic.offset
    for _ in range(5):
        books.step()
    assert client.rest_words() == ["filler", f"lag {at + 1}-{at + 5}", f"snapshot {at + 5}-{at + 5}"]


@settings(max_examples=200, deadline=None)
@given(seed=integers(0, 2**32))
def test_a_reference_that_reads_the_clock_sends_the_same(seed: int) -> None:
    """Which offsets are sent together, and when, is what a plain simulation says."""
    rng = Random(seed)
    interval = rng.choice([1, 3, 10])
    client = Client()
    topic = topic_named("mock:quotes:BTC")
    client.paced(topic, interval)
    events = sorted(rng.randrange(200) for _ in range(rng.randrange(80)))
    got: list[tuple[int, dict[str, Any]]] = []
    number = 0
    for now in range(300):
        client.clock.advance(now - client.clock.now)
        for _ in range(events.count(now)):
            number += 1
            quote(topic, number)
        got += [(now, message) for message in client.read()]
    assert [(now, word(message)) for now, message in got] == reference(events, interval)
    assert all(message["data"][0]["bid"] == str(message["offset"]) for _, message in got)


def reference(events: list[int], interval: int) -> list[tuple[int, str]]:
    sent: list[tuple[int, str]] = []
    first, offset, free = 1, 0, 0
    for now in range(300):
        arrived = events.count(now)
        if offset >= first and now >= free:
            sent.append((now, f"update {first}-{offset}"))
            first, free = offset + 1, now + interval
        if arrived and now >= free:
            offset += 1
            arrived -= 1
            sent.append((now, f"update {offset}-{offset}"))
            first, free = offset + 1, now + interval
        offset += arrived
    return sent


@settings(max_examples=150, deadline=None)
@given(seed=integers(0, 2**32))
def test_a_book_that_is_paced_is_the_book_at_each_message(seed: int) -> None:
    rng = Random(seed)
    books = Books(rng, "mock:book:BTC", "mock:book:BTC:3")
    client = Client()
    held: dict[str, tuple[Side, Side]] = {topic.name: ({}, {}) for topic in books.topics}
    for topic in books.topics:
        joined = topic.snapshot(1)
        assert joined is not None
        client.outbox.put(joined.frame)
        client.paced(topic, rng.choice([1, 3]))
    for _ in range(rng.randrange(60)):
        act = rng.random()
        if act < 0.1:
            books.gap()
        elif act < 0.4:
            client.clock.advance(1)
        else:
            books.step()
        for message in client.read():
            if message["type"] != "status":
                apply(held[message["topic"]], message)
        bids, asks = books.exchange.shown()
        if client.clock.running == 0:
            assert held["mock:book:BTC"] == (dict(bids), dict(asks))
    client.clock.advance(10)
    for message in client.read():
        apply(held[message["topic"]], message)
    bids, asks = books.exchange.shown()
    assert held["mock:book:BTC"] == (dict(bids), dict(asks))
    assert held["mock:book:BTC:3"] == (dict(bids[:3]), dict(asks[:3]))
