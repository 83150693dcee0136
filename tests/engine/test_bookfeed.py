"""Whoever applies what it was sent has the exchange's book, and is told before it must not trust it."""

from random import Random
from typing import Any

import pytest
from booked import Exchange, Side, by_ids, by_previous, checksum_of, fetched
from hearing import Ear, topic_named
from hypothesis import given, note, settings
from hypothesis.strategies import integers

from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.engine.messages import Message, Notice, TopicEvent, TopicStatus
from gateway.engine.topics import Topic
from gateway.errors import Reason
from gateway.model.market import Book, Level
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, SnapshotSource
from gateway.spi.contract import Rhythm
from gateway.spi.events import Data

RULE = BookRule(follows=by_ids, snapshot=fetched)
RULES = {
    "ids": RULE,
    "previous": BookRule(follows=by_previous, snapshot=fetched),
    "truncated": BookRule(follows=by_ids, snapshot=fetched, truncate=6),
    "checksum": BookRule(follows=by_ids, snapshot=fetched, checksum=checksum_of),
    "in band": BookRule(follows=by_ids, snapshot=SnapshotSource.IN_BAND),
}
STREAM = "btcusdt@depth"


def delta(last: int, *bids: Level, first: int | None = None, asks: Any = ()) -> Data:
    return Data(STREAM, [BookDelta(list(bids), list(asks), last, first or last, last - 1, ts=last)], ts=last)


def snapshot(last: int, *bids: Level, asks: Any = ()) -> BookSnapshot:
    return BookSnapshot(list(bids), list(asks), last, ts=last)


class Desk:
    """A feed, what it has asked for, and ears on its topics: ``mock:book:BTC`` and such."""

    def __init__(self, *topics: str, rule: BookRule = RULE) -> None:
        self.asked = 0
        self.feed = BookFeed(STREAM, self._ask, rhythm=Rhythm.CONTINUOUS)
        self.rule = rule
        self.topics: dict[str, Topic] = {}
        self.ears: dict[str, Ear] = {}
        for name in topics:
            self.join(name)

    def _ask(self, feed: BookFeed) -> None:
        assert feed is self.feed
        self.asked += 1

    def join(self, name: str) -> Ear:
        topic = self.topics[name] = topic_named(f"mock:{name}")
        self.feed.add(topic)
        ear = self.ears[name] = Ear(topic)
        return ear

    def begin(self) -> None:
        self.feed.begin()
        self.feed.arm(self.rule)

    def live(self, *bids: Level, asks: Any = ()) -> None:
        """Bring it up at number 10, and forget what was heard of it."""
        self.begin()
        self.feed.confirmed(1)
        self.feed.load(snapshot(10, *bids, asks=asks), 2)
        for ear in self.ears.values():
            ear.take()

    def words(self, name: str) -> list[str]:
        return self.ears[name].take()


def records(ear: Ear) -> list[Book]:
    return [record for message in ear.messages for record in message.records]


# --- the ordinary


def test_a_book_is_pending_until_its_snapshot_and_then_live() -> None:
    desk = Desk("book:BTC", "book:BTC:5")
    desk.begin()
    assert desk.asked == 0
    desk.feed.confirmed(1)
    desk.feed.confirmed(1)
    assert desk.asked == 1
    desk.feed.take(delta(11, ("5", "1")), 2)
    assert desk.feed.status is TopicStatus.PENDING
    desk.feed.load(snapshot(10, ("4", "1")), 3)
    for name in desk.ears:
        assert records(desk.ears[name]) == [Book([("5", "1"), ("4", "1")], [], 11, 11)]
        assert desk.words(name) == ["snapshot 1", "live"]
    desk.feed.take(delta(12, ("5", "0.00")), 4)
    for name in desk.ears:
        assert records(desk.ears[name]) == [Book([("5", "0")], [], 12, 12)]
        assert desk.words(name) == ["update 2"]


def test_a_depth_hears_only_what_changes_its_best_levels() -> None:
    desk = Desk("book:BTC", "book:BTC:2")
    desk.live(("5", "1"), ("4", "1"), ("3", "1"))
    desk.feed.take(delta(11, ("3", "9")), 3)
    assert desk.words("book:BTC:2") == []
    assert desk.words("book:BTC") == ["update 2"]
    desk.feed.take(delta(12, ("5", "0")), 4)
    assert records(desk.ears["book:BTC:2"]) == [Book([("3", "9"), ("5", "0")], [], 12, 12)]
    assert desk.words("book:BTC:2") == ["update 2"], "its offsets are its own"


def test_a_variant_that_is_no_depth_is_the_whole_of_what_its_stream_carries() -> None:
    desk = Desk("book:BTC:top2")
    desk.live(("5", "1"), ("4", "1"), ("3", "1"))
    late = desk.topics["book:BTC:top2"].snapshot(3)
    assert late is not None
    assert late.records == [Book([("5", "1"), ("4", "1"), ("3", "1")], [], 10, 10)]
    desk.feed.take(delta(11, ("3", "9")), 3)
    assert records(desk.ears["book:BTC:top2"]) == [Book([("3", "9")], [], 11, 11)]


def test_several_updates_in_one_frame_are_applied_each() -> None:
    desk = Desk("book:BTC")
    desk.live()
    data = Data(STREAM, [*delta(11, ("1", "1")).records, *delta(12, ("2", "1")).records])
    desk.feed.take(data, 3)
    assert desk.words("book:BTC") == ["update 2", "update 3"]


def test_an_update_that_is_old_says_nothing() -> None:
    desk = Desk("book:BTC")
    desk.live()
    desk.feed.take(delta(9, ("1", "1")), 3)
    assert desk.words("book:BTC") == []


def test_nothing_is_taken_without_rules() -> None:
    desk = Desk("book:BTC")
    desk.feed.take(delta(11), 1)
    desk.feed.load(snapshot(10), 1)
    desk.feed.confirmed(1)
    assert desk.asked == 0
    assert desk.words("book:BTC") == []
    with pytest.raises(LookupError):
        desk.feed._synced()


# --- the order is always gap, snapshot, synced


def test_a_gap_is_told_at_once_then_a_snapshot_and_then_that_it_is_synced() -> None:
    desk = Desk("book:BTC", "book:BTC:5")
    desk.live(("1", "1"))
    desk.feed.take(delta(15, ("7", "1")), 3)
    assert (desk.asked, desk.feed.resyncs) == (2, 1)
    for name in desk.ears:
        assert [(str(n.status), str(n.reason)) for n in desk.ears[name].notices] == [
            ("gap", "sequence_gap"),
            ("resyncing", "sequence_gap"),
        ]
        assert desk.topics[name].snapshot(3) is None, "nobody can read a broken book"
        desk.words(name)
    desk.feed.take(delta(16, ("8", "1")), 4)
    assert desk.words("book:BTC") == []
    desk.feed.load(snapshot(14, ("2", "1")), 5)
    for name in desk.ears:
        assert records(desk.ears[name]) == [Book([("8", "1"), ("7", "1"), ("2", "1")], [], 16, 16)]
        assert desk.words(name) == ["snapshot 2", "synced", "live"]


def test_a_snapshot_too_old_is_asked_for_again_and_says_nothing() -> None:
    desk = Desk("book:BTC")
    desk.live()
    desk.feed.take(delta(15), 3)
    desk.words("book:BTC")
    desk.feed.load(snapshot(12), 4)
    assert desk.asked == 3
    assert desk.words("book:BTC") == []
    assert desk.topics["book:BTC"].snapshot(4) is None


def test_a_second_gap_while_resyncing_is_no_news() -> None:
    desk = Desk("book:BTC")
    desk.live()
    desk.feed.take(delta(15), 3)
    desk.feed.take(delta(25), 3)
    assert desk.words("book:BTC") == ["gap", "resyncing"]


def test_a_break_of_the_connection_is_a_gap_too() -> None:
    desk = Desk("book:BTC")
    desk.live(("1", "1"))
    desk.feed.broke(Reason.CLOSED_BY_PEER, 3)
    assert desk.topics["book:BTC"].snapshot(3) is None
    desk.begin()
    desk.feed.confirmed(4)
    assert desk.asked == 2
    desk.feed.load(snapshot(99, ("7", "1")), 5)
    told = [(str(n.status), str(n.reason)) for n in desk.ears["book:BTC"].notices]
    assert told == [
        ("disconnected", "closed_by_peer"),
        ("restored", "closed_by_peer"),
        ("gap", "closed_by_peer"),
        ("resyncing", "closed_by_peer"),
        ("synced", "closed_by_peer"),
        ("live", ""),
    ]
    assert desk.words("book:BTC") == [
        "disconnected",
        "restored",
        "gap",
        "resyncing",
        "snapshot 2",
        "synced",
        "live",
    ]


def test_a_book_that_was_still_to_come_when_the_connection_broke_has_no_gap() -> None:
    desk = Desk("book:BTC")
    desk.begin()
    desk.feed.confirmed(1)
    desk.feed.broke("reset", 2)
    desk.begin()
    desk.feed.confirmed(3)
    desk.feed.load(snapshot(10), 4)
    assert desk.words("book:BTC") == ["snapshot 1", "live"]


def test_a_hole_that_the_exchange_shows_breaks_the_book() -> None:
    desk = Desk("book:BTC")
    desk.live(("1", "1"))
    before = desk.feed.sync
    desk.feed.lost(Reason.SEQUENCE_GAP, 3)
    assert desk.feed.sync is not before, "a snapshot that is under way may be too old"
    assert desk.topics["book:BTC"].snapshot(3) is None
    assert (desk.words("book:BTC"), desk.asked) == (["gap", "resyncing"], 2)
    desk.feed.load(snapshot(20), 4)
    assert desk.words("book:BTC") == ["snapshot 2", "synced", "live"]


def test_a_hole_shown_while_there_are_no_rules_is_told_when_the_stream_flows() -> None:
    desk = Desk("book:BTC")
    desk.live()
    desk.feed.broke("reset", 3)
    desk.feed.lost("sequence_gap", 4)
    desk.begin()
    desk.feed.confirmed(5)
    assert [str(n.reason) for n in desk.ears["book:BTC"].notices if n.status is TopicEvent.GAP] == ["sequence_gap"]


def test_a_snapshot_that_joins_shows_that_the_stream_flows() -> None:
    desk = Desk("book:BTC", "raw:x")
    desk.live()
    desk.feed.broke("reset", 3)
    desk.begin()
    desk.feed.load(snapshot(20), 4)
    desk.feed.confirmed(5)
    assert desk.words("book:BTC") == [
        "disconnected",
        "restored",
        "gap",
        "resyncing",
        "snapshot 2",
        "synced",
        "live",
    ]
    assert desk.words("raw:x") == ["disconnected", "restored", "live"]
    assert desk.asked == 1


def test_a_snapshot_in_band_may_come_at_any_time() -> None:
    desk = Desk("book:BTC", rule=RULES["in band"])
    desk.begin()
    desk.feed.confirmed(1)
    desk.feed.take(Data(STREAM, [snapshot(10, ("1", "1")), *delta(11, ("2", "1")).records]), 2)
    desk.feed.take(Data(STREAM, [snapshot(20, ("3", "1"))]), 3)
    assert desk.words("book:BTC") == ["snapshot 1", "live", "update 2", "snapshot 3"]


# --- refused


def test_a_refused_stream_has_no_book_to_read() -> None:
    desk = Desk("book:BTC", "book:BTC:5")
    desk.live(("1", "1"))
    desk.feed.refused("delisted", 3)
    for name, topic in desk.topics.items():
        assert topic.snapshot(3) is None
        assert desk.words(name) == ["closed"]


def test_a_stream_given_back_after_a_refusal_has_a_gap_and_a_new_snapshot() -> None:
    desk = Desk("book:BTC")
    desk.live(("1", "1"))
    desk.feed.refused("delisted", 3)
    desk.feed.wanted(4)
    desk.feed.confirmed(5)
    assert desk.asked == 2
    desk.feed.load(snapshot(50, ("2", "1")), 6)
    assert desk.words("book:BTC") == [
        "closed",
        "pending",
        "gap",
        "resyncing",
        "snapshot 2",
        "synced",
        "live",
    ]


def test_a_stream_refused_from_the_start_has_no_gap_when_it_comes_after_all() -> None:
    desk = Desk("book:BTC")
    desk.begin()
    desk.feed.refused("busy", 1)
    desk.feed.wanted(2)
    desk.feed.confirmed(3)
    desk.feed.load(snapshot(10), 4)
    assert desk.words("book:BTC") == ["closed", "pending", "snapshot 1", "live"]


def test_a_stream_may_be_refused_before_it_has_rules() -> None:
    desk = Desk("book:BTC")
    desk.feed.refused("busy", 1)
    assert desk.words("book:BTC") == ["closed"]
    assert desk.feed.sync is None


# --- topics come and go


def test_a_depth_that_joins_a_live_book_sees_it_from_then_on() -> None:
    desk = Desk("book:BTC")
    desk.live(("5", "1"), ("4", "1"))
    ear = desk.join("book:BTC:1")
    joined = desk.topics["book:BTC:1"].snapshot(9)
    assert joined is not None
    assert (joined.records, joined.ts, joined.offset) == ([Book([("5", "1")], [], 10, 10)], 10, 0)
    desk.feed.take(delta(11, ("4", "3")), 3)
    assert ear.take() == []
    desk.feed.take(delta(12, ("6", "1")), 3)
    assert records(ear) == [Book([("6", "1"), ("5", "0")], [], 12, 12)]


def test_a_joining_clients_depth_is_what_its_topic_was_told_last() -> None:
    desk = Desk("book:BTC:1")
    desk.live(("5", "1"), ("4", "1"))
    desk.feed.take(delta(11, ("5", "2")), 3)
    desk.feed.take(delta(12, ("4", "7")), 3)
    joined = desk.topics["book:BTC:1"].snapshot(9)
    assert joined is not None
    assert (joined.records, joined.offset) == ([Book([("5", "2")], [], 11, 11)], 2)


def test_a_depth_that_joins_before_the_book_waits_for_it() -> None:
    desk = Desk()
    desk.begin()
    desk.join("book:BTC:1")
    desk.feed.confirmed(1)
    assert desk.topics["book:BTC:1"].snapshot(2) is None
    desk.feed.load(snapshot(10, ("5", "1"), ("4", "1")), 2)
    assert records(desk.ears["book:BTC:1"]) == [Book([("5", "1")], [], 10, 10)]


def test_a_book_that_nobody_reads_is_not_kept() -> None:
    """Nothing is decoded for it any more, so it would be stale for whoever joins next."""
    desk = Desk("book:BTC", "raw:x")
    desk.live(("1", "1"))
    assert not desk.feed.remove(desk.topics["book:BTC"])
    desk.join("book:BTC:5")
    assert desk.topics["book:BTC:5"].snapshot(3) is None
    assert desk.feed.remove(desk.topics["book:BTC:5"]) is False
    assert desk.feed.remove(desk.topics["raw:x"]) is True


def test_a_topic_that_leaves_takes_its_view_along() -> None:
    desk = Desk("book:BTC", "book:BTC:5")
    desk.live(("1", "1"))
    desk.feed.remove(desk.topics["book:BTC:5"])
    desk.feed.take(delta(11, ("2", "1")), 3)
    assert desk.words("book:BTC:5") == []
    assert desk.words("book:BTC") == ["update 2"]
    assert desk.feed._views == {}


# --- raw beside


def test_a_raw_topic_is_live_as_soon_as_the_stream_flows() -> None:
    desk = Desk("raw:x", "book:BTC")
    desk.begin()
    desk.feed.confirmed(1)
    assert desk.words("raw:x") == ["live"]
    assert desk.words("book:BTC") == []
    desk.feed.load(snapshot(10), 2)
    desk.feed.take(delta(15), 3)
    assert desk.words("raw:x") == [], "it has no resyncing and no synced"
    late = desk.join("raw:y")
    assert (desk.topics["raw:y"].status, desk.topics["raw:y"].reason) == (TopicStatus.LIVE, "")
    assert late.words == []


def test_a_raw_topic_that_joins_before_the_stream_flows_is_what_the_stream_is() -> None:
    desk = Desk("book:BTC")
    desk.join("raw:x")
    assert desk.topics["raw:x"].status is TopicStatus.PENDING


def test_no_snapshot_is_fetched_for_raw_listeners_alone() -> None:
    desk = Desk("raw:x")
    desk.begin()
    desk.feed.confirmed(1)
    assert desk.asked == 0


@pytest.mark.parametrize("synced", [True, False])
def test_a_raw_topic_is_told_of_a_break_whether_the_book_was_synced_or_not(synced: bool) -> None:
    desk = Desk("raw:x", "book:BTC")
    desk.begin()
    desk.feed.confirmed(1)
    desk.feed.take_raw(b"1", False, 1)
    if synced:
        desk.feed.load(snapshot(10), 2)
    desk.feed.broke("reset", 3)
    desk.begin()
    desk.feed.confirmed(4)
    desk.feed.take_raw(b"2", False, 5)
    assert desk.words("raw:x") == ["live", "update 1", "disconnected", "restored", "live", "gap", "update 2"]


def test_a_raw_topic_is_told_of_a_refusal_and_of_what_was_missed() -> None:
    desk = Desk("raw:x", "book:BTC")
    desk.begin()
    desk.feed.confirmed(1)
    desk.feed.take_raw(b"1", False, 1)
    desk.feed.refused("delisted", 2)
    desk.feed.wanted(3)
    desk.feed.confirmed(4)
    desk.feed.take_raw(b"2", False, 5)
    assert desk.words("raw:x") == ["live", "update 1", "closed", "pending", "live", "gap", "update 2"]


def test_a_raw_topic_is_told_what_another_subscription_may_have_cost_it_and_the_book_is_not() -> None:
    desk = Desk("raw:x", "book:BTC")
    desk.begin()
    desk.feed.confirmed(1)
    desk.feed.load(snapshot(10), 2)
    for reason in ("subscribed", "data_stalled"):
        desk.feed.served_anew(reason)
    desk.feed.take_raw(b"1", False, 3)
    desk.feed.take_raw(b"2", False, 4)
    assert desk.words("raw:x") == ["live", "gap", "update 1", "update 2"]
    assert desk.words("book:BTC") == ["snapshot 1", "live"]


def test_a_book_takes_over_from_a_feed_that_had_raw_listeners_only() -> None:
    before = Feed(STREAM)
    raw_topic = topic_named("mock:raw:x")
    before.add(raw_topic)
    raw = Ear(raw_topic)
    before.confirmed(1)
    before.fresh = False
    desk = Desk()
    desk.feed.take_over(before)
    assert (desk.feed.status, desk.feed.fresh) == (TopicStatus.PENDING, True)
    desk.join("book:BTC")
    desk.begin()
    desk.feed.confirmed(2)
    desk.feed.take_raw(b"1", False, 3)
    assert desk.asked == 1
    assert raw.words == ["live", "update 1"]
    desk.feed.broke("reset", 4)
    assert raw.words[2:] == ["disconnected"]


def test_a_book_that_takes_over_from_what_is_disconnected_is_disconnected() -> None:
    before = Feed(STREAM)
    before.confirmed(1)
    before.broke("reset", 2)
    desk = Desk()
    desk.feed.take_over(before)
    assert (desk.feed.status, desk.feed.reason) == (TopicStatus.DISCONNECTED, "reset")


# --- everything at once

DEPTHS = {"book:BTC": None, "book:BTC:2": 2, "book:BTC:5": 5}


class Client:
    """Applies what it is sent and nothing else, as the protocol allows it to."""

    def __init__(self, topic: Topic, depth: int | None) -> None:
        self.depth = depth
        self.book: tuple[Side, Side] | None = None
        self.seq: int | None = None
        self.resyncing = False
        if (joined := topic.snapshot(1)) is not None:
            self.put(joined)
        self.heard = Ear(topic)

    def hear(self) -> None:
        for one in self.heard.heard:
            if isinstance(one, Message):
                self.put(one)
            else:
                self.notify(one)
        self.heard.heard.clear()

    def put(self, message: Message) -> None:
        (record,) = message.records
        if message.kind == "snapshot":
            self.book = (dict(record.bids), dict(record.asks))
            assert list(record.bids) == sorted(record.bids, key=lambda level: -float(level[0])), "best first"
            assert list(record.asks) == sorted(record.asks, key=lambda level: float(level[0])), "best first"
        else:
            assert self.book is not None, "an update without a snapshot"
            for side, levels in zip(self.book, (record.bids, record.asks), strict=True):
                for price, size in levels:
                    side.pop(price, None)
                    if size != "0":
                        side[price] = size
        self.seq = record.seq

    def notify(self, notice: Notice) -> None:
        match notice.status:
            case TopicEvent.GAP:
                self.book, self.resyncing = None, True
            case TopicEvent.SYNCED:
                assert self.book is not None, "synced without a snapshot"
                self.resyncing = False
            case TopicStatus.DISCONNECTED | TopicStatus.CLOSED:
                self.book = None
            case TopicStatus.LIVE:
                assert not self.resyncing


class World:
    """An exchange, a feed, and clients that come at any time."""

    def __init__(self, rng: Random, rule: BookRule) -> None:
        self.rng = rng
        self.exchange = Exchange(rng, rule.truncate)
        self.desk = Desk(rule=rule)
        self.clients: list[tuple[str, Client]] = []
        for name in DEPTHS:
            self.desk.join(name)
        self.desk.begin()

    @property
    def feed(self) -> BookFeed:
        return self.desk.feed

    def change(self) -> None:
        self.feed.take(Data(STREAM, [self.exchange.step() for _ in range(self.rng.randrange(1, 3))]), 1)

    def miss(self) -> None:
        self.exchange.step()

    def flow(self) -> None:
        self.feed.confirmed(1)

    def load(self) -> None:
        if not self.desk.asked or (self.feed.sync is not None and self.feed.sync.is_live):
            return
        age = self.rng.choice([0, 0, 1, 3])
        at = sorted(self.exchange.states)[-1 - age :][0]
        told = self.exchange.snapshot(at if callable(self.desk.rule.snapshot) else None)
        if callable(self.desk.rule.snapshot):
            self.feed.load(told, 1)
        else:
            self.feed.take(Data(STREAM, [told]), 1)

    def break_off(self) -> None:
        self.feed.broke("reset", 1)

    def reconnect(self) -> None:
        self.feed.broke("reset", 1)
        self.desk.begin()

    def lose(self) -> None:
        self.exchange.step()
        self.feed.lost("sequence_gap", 1)

    def refuse(self) -> None:
        self.feed.refused("delisted", 1)

    def want(self) -> None:
        if self.feed.status is TopicStatus.CLOSED:
            self.feed.wanted(1)

    def come(self) -> None:
        name = self.rng.choice(list(DEPTHS))
        self.clients.append((name, Client(self.desk.topics[name], DEPTHS[name])))

    def renew(self) -> None:
        """A topic is given up and opened anew."""
        name = self.rng.choice(list(DEPTHS))
        self.clients = [(other, client) for other, client in self.clients if other != name]
        self.feed.remove(self.desk.topics[name])
        self.desk.join(name)

    def check(self) -> None:
        sync = self.feed.sync
        is_live = sync is not None and sync.is_live
        for name, topic in self.desk.topics.items():
            joined = topic.snapshot(1)
            assert (joined is not None) is is_live, "a broken book can be read, or a good one cannot"
            if joined is not None:
                self.agrees(joined.records[0].seq, DEPTHS[name], joined.records[0])
        for name, client in self.clients:
            client.hear()
            if client.book is not None and client.seq is not None:
                bids, asks = client.book
                self.agrees(client.seq, DEPTHS[name], Book(list(bids.items()), list(asks.items())))
            if is_live:
                assert client.book is not None
                assert not client.resyncing

    def agrees(self, seq: int, depth: int | None, book: Book) -> None:
        """Of a depth nothing need be told when its levels do not change, so a later moment may be meant."""
        bids, asks = self.exchange.states[seq]
        assert dict(book.bids) == dict(bids[:depth])
        assert dict(book.asks) == dict(asks[:depth])

    def settle(self) -> None:
        self.want()
        if self.feed.sync is None:
            self.desk.begin()
        self.flow()
        for _ in range(3):
            self.change()
            if self.feed.sync is not None and not self.feed.sync.is_live:
                told = self.exchange.snapshot()
                if callable(self.desk.rule.snapshot):
                    self.feed.load(told, 1)
                else:
                    self.feed.take(Data(STREAM, [told]), 1)
            self.check()
        assert self.feed.status is TopicStatus.LIVE
        assert {topic.status for topic in self.desk.topics.values()} == {TopicStatus.LIVE}
        for name, client in self.clients:
            assert client.book is not None
            bids, asks = self.exchange.shown()
            depth = DEPTHS[name]
            assert (client.book[0], client.book[1]) == (dict(bids[:depth]), dict(asks[:depth]))


ACTIONS = [
    (World.change, 8),
    (World.miss, 0.7),
    (World.flow, 2),
    (World.load, 4),
    (World.break_off, 0.3),
    (World.reconnect, 0.7),
    (World.lose, 0.4),
    (World.refuse, 0.3),
    (World.want, 1),
    (World.come, 2),
    (World.renew, 0.4),
]


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=100, deadline=None)
@given(seed=integers(0, 2**32))
def test_each_depth_is_the_top_of_the_whole_book_after_applying_what_was_sent(name: str, seed: int) -> None:
    """Whatever befell the stream, and whenever a client came."""
    rng = Random(seed)
    world = World(rng, RULES[name])
    actions, weights = zip(*ACTIONS, strict=True)
    for action in rng.choices(actions, weights, k=rng.randrange(100)):
        note(action.__name__)
        action(world)
        world.check()
    note("settle")
    world.settle()


# --- while it waits for a snapshot


def test_what_comes_before_a_snapshot_is_fetched_is_told_to_nobody() -> None:
    desk = Desk("book:BTC")
    assert not desk.feed.is_fetched_for, "it has no rule yet"
    desk.begin()
    assert desk.feed.is_fetched_for
    desk.feed.load(snapshot(10), 2)
    assert not desk.feed.is_fetched_for
    desk.feed.take(delta(20), 3)
    assert desk.feed.is_fetched_for, "it is broken"
    desk.feed.remove(desk.topics["book:BTC"])
    assert not desk.feed.is_fetched_for, "nobody reads it"


def test_for_a_book_in_band_nothing_is_fetched() -> None:
    desk = Desk("book:BTC", rule=RULES["in band"])
    desk.begin()
    assert not desk.feed.is_fetched_for
