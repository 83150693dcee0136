"""What shadows do at their bounds: nothing to keep, too much of it, and books that nobody can go on with."""

from booked import by_ids, fetched
from hearing import Ear, topic_named

from gateway.engine.bookfeed import BookFeed
from gateway.engine.bookshadow import BookShadow
from gateway.engine.booksync import BookSync
from gateway.engine.feeds import Feed
from gateway.engine.overlap import RawOverlap
from gateway.engine.sameness import RECORDS, ByContent, ByNumber
from gateway.engine.shadow import Numbered, RecordShadow
from gateway.model.market import Liquidation, Trade
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, SnapshotSource
from gateway.spi.events import Data

FETCHED = BookRule(follows=by_ids, snapshot=fetched)
IN_BAND = BookRule(follows=by_ids, snapshot=SnapshotSource.IN_BAND)


def trade(number: int) -> Trade:
    return Trade(number, "1", "1", "buy", number)


def trades(*numbers: int) -> Data:
    return Data("s", [trade(number) for number in numbers], 1)


def real_feed(*names: str, contiguous: bool = False) -> tuple[Feed, list[Ear]]:
    feed = Feed("s", contiguous=contiguous)
    ears = []
    for name in names:
        topic = topic_named(name)
        feed.add(topic)
        ears.append(Ear(topic))
    feed.confirmed(1)
    return feed, ears


def real_book(*names: str, rule: BookRule = FETCHED) -> tuple[BookFeed, list[Ear], list[BookFeed]]:
    asked: list[BookFeed] = []
    feed = BookFeed("s", asked.append)
    ears = []
    for name in names:
        topic = topic_named(name)
        feed.add(topic)
        ears.append(Ear(topic))
    feed.arm(rule)
    feed.confirmed(1)
    return feed, ears, asked


def test_a_shadow_of_numbered_records_passes_all_and_keeps_only_so_many() -> None:
    feed, _ = real_feed("mock:trades:a", contiguous=True)
    feed.take(trades(1), 1)
    numbered = Numbered(feed)
    assert numbered.passing([1, 2], None) == [1, 2]
    for number in range(5, RECORDS + 10):
        numbered.keep(([trade(number)], None, 1))
    assert not numbered.is_joined, "the first that are kept do not follow"
    assert sum(len(records) for records, _, _ in numbered.take_over()) == RECORDS
    assert numbered.is_joined, "nothing is kept, so nothing is missing in it"


def test_frames_without_records_and_streams_without_listeners_leave_a_shadow_as_it_is() -> None:
    feed, (ear,) = real_feed("mock:trades:a")
    shadow = RecordShadow(feed)
    shadow.take(Data("s", []), 1)
    shadow.take_raw(b"1", False, 1)
    shadow.confirmed(1)
    shadow.hand_over("rollover", 2)
    assert ear.take() == ["live"]

    raw, (raw_ear,) = real_feed("mock:raw:s")
    bare = RecordShadow(raw)
    bare.take(trades(1), 1)
    bare.confirmed(1)
    bare.hand_over("rollover", 2)
    assert raw_ear.take() == ["live"]


def test_whatever_was_told_of_equal_numbers_is_told_once() -> None:
    told = ByNumber(lambda record: record.id)
    assert told.passing([trade(2), trade(1), trade(2)], None)
    told.keep(([trade(1)], None, 1))
    told.keep(([trade(3)], None, 1))
    assert [record.id for records, _, _ in told.take_over() for record in records] == [3]


def test_what_only_equality_tells_is_let_through_once_after_the_takeover() -> None:
    told = ByContent(late=False)
    first, second = Liquidation("buy", "1", "1", 1), Liquidation("buy", "1", "1", 2)
    told.passing([first], None)
    assert list(told.take_over()) == []
    assert list(told.passing([first], None)) == []
    assert list(told.passing([second], None)) == [second]
    assert told.has_met


def test_a_frame_that_was_told_does_not_pass_again_after_the_takeover() -> None:
    told = RawOverlap(late=False)
    assert told.passes(b"1")
    assert list(told.take_over()) == []
    assert not told.passes(b"1")
    assert told.passes(b"2")


def test_a_book_shadow_without_raw_listeners_forwards_no_frames_and_keeps_no_snapshots() -> None:
    feed, (ear,), _ = real_book("mock:book:a", rule=IN_BAND)
    shadow = BookShadow(feed, lambda _: None, set())
    shadow.arm(IN_BAND)
    shadow.confirmed(1)
    shadow.take_raw(b"1", False, 1)
    assert not shadow.is_ready(patient=False), "there is no book yet"
    shadow.frames += 1
    shadow.take(Data("s", [BookSnapshot([("1", "1")], [], 5), BookDelta([("2", "1")], [], 6, 6)]), 1)
    assert [update.last for update, _, _ in shadow._kept] == [6]
    shadow.hand_over("rollover", 2)
    assert ear.take() == ["snapshot 1", "live"]


def test_a_book_that_was_not_live_goes_on_with_another_that_is_not() -> None:
    feed, (ear,), asked = real_book("mock:book:a")
    assert len(asked) == 1
    feed.succeed(BookSync(FETCHED), "rollover", 2)
    assert len(asked) == 2
    assert ear.take() == []
    assert feed.topics[0].snapshot(1) is None


def test_a_book_shadow_that_nobody_answered_is_not_ready_while_the_real_book_lives() -> None:
    feed, _, _ = real_book("mock:book:a")
    feed.load(BookSnapshot([("1", "1")], [], 5), 1)
    shadow = BookShadow(feed, lambda _: None, set())
    shadow.begin()
    shadow.arm(FETCHED)
    assert not shadow.is_ready(patient=True)


def test_frames_that_the_second_connection_lost_are_a_gap_for_raw_listeners() -> None:
    feed, (_, raw), _ = real_book("mock:book:a", "mock:raw:s")
    feed.load(BookSnapshot([("1", "1")], [], 5), 1)
    shadow = BookShadow(feed, lambda _: None, set())
    shadow.arm(FETCHED)
    shadow.confirmed(1)
    shadow.lost("sequence_gap", 2)
    shadow.mirror(late=False)
    shadow.hand_over("rollover", 3)
    feed.take_raw(b"1", False, 4)
    assert raw.take()[-2:] == ["gap", "update 1"]
