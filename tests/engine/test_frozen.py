"""A stream that says the same again and again is stale until something new comes, and tells no repetition."""

from typing import Any

import pytest
from booked import by_ids
from hearing import Ear, topic_named

from gateway.engine.accountfeed import AccountFeed
from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.engine.messages import TopicStatus
from gateway.engine.standing import NOWHERE
from gateway.engine.topics import Topic
from gateway.model.market import Quote, Trade
from gateway.model.subscriptions import RAW, Subscription
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, Continuity, SnapshotSource
from gateway.spi.events import Blank, Data

FROZEN = "data_frozen"


def quote(seq: int) -> Data:
    return Data("s", (Quote("1", "1", "2", "1", seq),))


def trade(number: int, ts: int = 0) -> Data:
    return Data("s", (Trade(number, "1", "1", "buy", ts or number),))


def blank(number: int) -> Data:
    return Data("s", (), None, Blank(number, number))


def delta(last: int, ts: int | None = None, size: str = "1") -> Data:
    return Data("s", (BookDelta([("1", size)], [], last, last, ts=ts),))


def snapshot(last: int, ts: int | None = None) -> Data:
    return Data("s", (BookSnapshot([("1", "1"), ("0.5", "1")], [("2", "1")], last, ts),))


class Stream:
    """A feed with one listener, live."""

    def __init__(self, feed: Feed, channel: str) -> None:
        self.feed = feed
        self.topic = topic_named(f"mock:{channel}:BTC-USDT")
        feed.add(self.topic)
        self.ear = Ear(self.topic, wants_frames=False)
        feed.delivers(0)

    def take(self, *data: Data) -> list[str]:
        for one in data:
            self.feed.take(one, 1)
        return self.ear.take()

    def freeze(self) -> list[str]:
        self.feed.froze(FROZEN, 1)
        return self.ear.take()


def quotes() -> Stream:
    stream = Stream(Feed("s"), "quotes")
    stream.take(quote(7))
    return stream


def trades() -> Stream:
    stream = Stream(Feed("s", contiguous=True), "trades")
    stream.take(trade(7))
    return stream


def book(source: SnapshotSource = SnapshotSource.RESUBSCRIBE, name: str = "book") -> Stream:
    feed = BookFeed("s", lambda _: None)
    stream = Stream(feed, name)
    feed.arm(BookRule(follows=by_ids, snapshot=source))
    stream.take(snapshot(7, 70))
    return stream


NEW = [(quotes, quote(7), quote(8)), (trades, trade(7), trade(8)), (book, delta(7), delta(8, 80, "2"))]


@pytest.mark.parametrize(("made", "same", "new"), NEW)
def test_the_first_that_is_new_makes_it_live_and_comes_after_that(made: Any, same: Data, new: Data) -> None:
    stream = made()
    assert stream.freeze() == ["stale"]
    assert stream.topic.reason == FROZEN
    assert stream.take(same, same) == []
    heard = stream.take(new)
    assert (heard[0], heard[-1]) == ("live", "update 2")
    assert heard[1:-1] == (["gap"] if made is quotes else []), "numbers without a hole prove that there is none"
    assert "take" not in vars(stream.feed), "from then on it costs nothing"


@pytest.mark.parametrize(("made", "same", "new"), NEW)
def test_what_comes_again_moves_nothing_and_is_counted(made: Any, same: Data, new: Data) -> None:
    stream = made()
    before = stream.feed.standing()
    stream.take(same)
    after = stream.feed.standing()
    assert (after.at, after.heard) == (before.at, before.heard + 1)
    stream.freeze()
    stream.take(same)
    assert stream.feed.standing() == (before.at, before.heard + 2)
    stream.take(new)
    assert stream.feed.standing().at != before.at


@pytest.mark.parametrize(("made", "same", "new"), NEW)
def test_neither_a_frame_nor_an_answer_ends_it(made: Any, same: Data, new: Data) -> None:
    stream = made()
    stream.freeze()
    assert not stream.feed.fresh
    stream.feed.delivers(2)
    stream.feed.confirmed(2)
    stream.freeze()
    assert stream.take(same) == []
    assert stream.topic.status is TopicStatus.STALE


@pytest.mark.parametrize(("made", "same", "new"), NEW)
def test_whoever_finds_that_it_moved_ends_it_too(made: Any, same: Data, new: Data) -> None:
    stream = made()
    stream.feed.thawed(1)
    assert stream.ear.take() == [], "it was not frozen"
    stream.freeze()
    stream.feed.thawed(2)
    assert stream.ear.take() == ["live"]
    stream.take(new)
    assert stream.ear.take() == []


def test_only_what_is_live_can_freeze() -> None:
    stream = quotes()
    stream.feed.stalled("data_stalled", 1)
    stream.ear.take()
    assert stream.freeze() == []
    stream.feed.delivers(2)
    assert stream.ear.take() == ["live"]


def test_a_new_connection_may_say_it_once_more() -> None:
    stream = quotes()
    stream.freeze()
    stream.feed.broke("closed_by_peer", 2)
    stream.feed.begin()
    stream.feed.delivers(3)
    assert stream.take(quote(7)) == ["disconnected", "restored", "live", "gap", "update 2"]


def test_so_may_one_that_was_given_up_and_is_served_again() -> None:
    stream = quotes()
    stream.freeze()
    stream.feed.refused("stream_refused", 2)
    stream.feed.wanted(3)
    stream.feed.confirmed(4)
    assert stream.take(quote(7)) == ["closed", "pending", "live", "gap", "update 2"]


def test_messages_without_records_move_nothing() -> None:
    for stream in (quotes(), trades()):
        stream.freeze()
        assert stream.take(Data("s", ())) == []
        assert stream.topic.status is TopicStatus.STALE


def test_ids_that_stand_for_nothing_move_a_stream_of_trades() -> None:
    stream = trades()
    stream.freeze()
    assert stream.take(blank(7)) == []
    assert stream.take(blank(8)) == ["live"]
    assert stream.take(trade(9)) == ["update 2"]


def test_a_late_record_that_fills_a_hole_is_told_though_nothing_moved() -> None:
    class Idle:
        def now(self) -> float:
            return 0.0

        def begin(self, holes: object, /) -> None:
            pass

        def end(self) -> None:
            pass

        def unfilled(self, count: int) -> None:
            pass

    feed = Feed("s", contiguous=True)
    feed.fill_by(Idle())
    stream = Stream(feed, "trades")
    assert stream.take(trade(7), trade(9)) == ["live", "update 1"]
    assert feed.standing().at == 9, "what waits has come"
    stream.freeze()
    assert stream.take(trade(9)) == []
    assert stream.take(trade(8, 7)) == [], "while it does not flow"
    assert stream.take(trade(10)) == ["live", "update 2", "update 3", "update 4"]


def test_an_exchange_that_begins_to_count_anew_moves() -> None:
    stream = trades()
    stream.freeze()
    assert stream.take(trade(1, 100)) == ["live", "gap", "update 2"]
    feed = Feed("s", contiguous=True)
    unknown = Stream(feed, "trades")
    assert feed.standing().at is None
    unknown.freeze()
    unknown.ear.take()
    assert unknown.take(trade(1)) == ["live", "gap", "update 1"]


def test_whole_books_that_are_sent_again_and_again_are_not_shown_again() -> None:
    stream = book(SnapshotSource.IN_BAND)
    assert stream.take(snapshot(7, 70)) == ["snapshot 2"]
    stream.freeze()
    assert stream.take(snapshot(7, 70)) == []
    assert stream.take(snapshot(7, 71)) == ["live", "snapshot 3"], "its time goes on"


def test_whole_books_that_are_numbered_anew_move_without_times_too() -> None:
    stream = book(SnapshotSource.IN_BAND)
    assert stream.take(snapshot(8)) == ["snapshot 2"]
    stream.freeze()
    assert stream.take(snapshot(8)) == []
    assert stream.take(snapshot(3)) == ["live", "snapshot 3"]


def test_a_change_of_levels_that_a_topic_does_not_show_is_counted() -> None:
    feed = BookFeed("s", lambda _: None)
    feed.add(Topic(Subscription("mock", "book", "BTC-USDT", "1"), "e"))
    feed.delivers(0)
    feed.arm(BookRule(follows=by_ids, snapshot=SnapshotSource.IN_BAND))
    assert feed.standing().at is None, "nothing has come"
    feed.take(snapshot(7), 1)
    before = feed.standing()
    feed.take(Data("s", (BookDelta([("0.5", "3")], [], 8, 8),)), 1)
    after = feed.standing()
    assert after.heard == before.heard + 1
    assert after.at != before.at


def test_a_book_that_is_fetched_anew_has_not_moved_before_its_stream_says_something_new() -> None:
    rule = BookRule(follows=by_ids, snapshot=lambda: iter(()))  # type: ignore[arg-type, return-value]  # never run
    feed = BookFeed("s", lambda _: None)
    stream = Stream(feed, "book")
    feed.arm(rule)
    feed.load(snapshot(7).records[0], 1)
    assert feed.standing().at is None, "nothing has come by the stream"
    stream.take(delta(8, 80))
    before = feed.standing()
    assert before.at is not None
    for again in (20, 30):
        feed.begin()
        feed.arm(rule)
        feed.delivers(1)
        stream.take(delta(8, 80))
        feed.load(snapshot(again, 10 * again).records[0], 1)
        stream.take(delta(8, 80))
        assert feed.standing().at == before.at
        assert feed.standing().heard > before.heard
    stream.take(delta(31, 310))
    assert feed.standing().at != before.at


def test_where_an_exchange_numbers_no_updates_whatever_is_applied_moves_a_book() -> None:
    feed = BookFeed("s", lambda _: None)
    feed.add(topic_named("mock:book:BTC-USDT"))
    feed.arm(BookRule(follows=lambda *_: Continuity.APPLY, snapshot=SnapshotSource.IN_BAND))
    feed.take(snapshot(0), 1)
    before = feed.standing()
    feed.take(Data("s", (BookDelta([("1", "2")], [], 0),)), 1)
    assert feed.standing().at != before.at


def test_a_book_without_rules_is_moved_by_anything() -> None:
    feed = BookFeed("s", lambda _: None)
    stream = Stream(feed, "book")
    feed.status = TopicStatus.LIVE
    assert feed.standing() == NOWHERE
    stream.freeze()
    feed.take(delta(1), 1)
    assert "take" not in vars(feed)


def test_of_frames_and_of_accounts_nobody_can_tell() -> None:
    feed = Feed("s")
    feed.add(Topic(Subscription("mock", RAW, "s"), "e"))
    assert feed.standing() == NOWHERE
    assert feed.topics == ()
    assert feed.raw is not None
    assert feed.raw.mark is None
    account = AccountFeed("orders", lambda _: True)
    account.add(topic_named("mock:orders:@main"))
    assert account.standing() == NOWHERE


def test_whoever_follows_a_stale_feed_of_frames_is_live_with_the_first_frame() -> None:
    before, after = Feed("s"), Feed("s")
    before.status, before.fresh = TopicStatus.STALE, False
    after.take_over(before)
    assert after.fresh
