"""A book goes on with another connection's updates where it can; a snapshot is fetched only where it cannot."""

from typing import Any

import pytest
from hearing import Ear, topic_named

from gateway.engine.bookfeed import BookFeed
from gateway.engine.bookshadow import BookShadow
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, Continuity, SnapshotSource
from gateway.spi.events import Data

BROKEN = "closed_by_peer"


def follows(previous: int, update: BookDelta, _: bool) -> Continuity:
    if update.last <= previous:
        return Continuity.IGNORE
    return Continuity.APPLY if update.previous == previous else Continuity.GAP


def fetch() -> Any:
    raise NotImplementedError


FETCHED = BookRule(follows=follows, snapshot=fetch)
IN_BAND = BookRule(follows=follows, snapshot=SnapshotSource.IN_BAND)


def update(last: int, price: str = "1") -> Data:
    return Data("s", (BookDelta([(price, str(last))], [], last, previous=last - 1, ts=last),), last)


class Played:
    """A book that is live as of number 5, what is heard of it, and its shadow."""

    def __init__(self, rule: BookRule = FETCHED, *, alike: set[object] | None = None) -> None:
        self.rule = rule
        self.asked: list[BookFeed] = []
        self.feed = BookFeed("s", self.asked.append)
        topic = topic_named("mock:book:a")
        self.ear = Ear(topic)
        self.feed.add(topic)
        self.feed.arm(rule)
        self.feed.confirmed(1)
        self.feed.load(BookSnapshot([("1", "1")], [], 5), 1)
        self.alike = set() if alike is None else alike
        self.shadow = BookShadow(self.feed, self.asked.append, self.alike)
        self.shadow.begin()
        self.shadow.arm(rule)
        self.asked.clear()
        self.ear.take()

    def serve(self, *lasts: int) -> None:
        for last in lasts:
            self.feed.frames += 1
            self.feed.take(update(last), last)

    def bring(self, *lasts: int) -> None:
        for last in lasts:
            self.shadow.frames += 1
            self.shadow.take(update(last), last)

    def is_ready(self, *, patient: bool = True) -> bool:
        return self.shadow.is_ready(patient=patient)

    def hand_over(self) -> None:
        self.shadow.hand_over(BROKEN, 9)

    @property
    def said(self) -> list[str]:
        """What was heard since the book was first live: a message's kind, or a status."""
        return [word.partition(" ")[0] for word in self.ear.words]

    @property
    def seqs(self) -> list[int]:
        return [record.seq for message in self.ear.messages for record in message.records]


@pytest.fixture
def play() -> type[Played]:
    return Played


def test_a_book_goes_on_without_a_snapshot_where_numbers_are_alike(play) -> None:
    one = play()
    one.shadow.confirmed(2)
    one.serve(6)
    one.bring(6, 7, 8)
    assert one.is_ready()
    one.hand_over()
    one.serve(7, 8, 9)
    assert one.said == ["update", "update", "update", "update"]
    assert one.seqs == [6, 7, 8, 9]
    assert one.asked == []


def test_without_evidence_a_snapshot_is_fetched_when_patience_is_over(play) -> None:
    one = play()
    one.shadow.confirmed(2)
    one.bring(6)
    assert not one.is_ready()
    assert one.asked == []
    assert not one.is_ready(patient=False)
    assert not one.is_ready(patient=False)
    assert one.asked == [one.shadow], "once"
    one.shadow.load(BookSnapshot([("2", "2")], [], 5), 3)
    assert one.is_ready(patient=False)
    assert not one.is_ready(patient=True), "patience is for evidence"
    one.hand_over()
    assert one.said == ["snapshot"]
    assert one.ear.messages[0].records[0].bids == [("2", "2"), ("1", "6")]


def test_what_one_book_shows_holds_for_all_that_obey_the_same_rule(play) -> None:
    alike: set[object] = set()
    one, silent = play(alike=alike), play(alike=alike)
    for each in (one, silent):
        each.shadow.confirmed(2)
    assert not silent.is_ready()
    one.serve(6)
    one.bring(6)
    assert one.is_ready()
    assert silent.is_ready()
    silent.hand_over()
    silent.serve(6)
    assert silent.said == ["update"]


def test_one_that_does_not_join_yet_is_waited_for(play) -> None:
    one = play(alike={follows})
    one.shadow.confirmed(2)
    one.bring(8)
    assert not one.is_ready()
    one.serve(6, 7)
    assert one.is_ready()
    one.hand_over()
    assert one.seqs == [6, 7, 8]


def test_an_equal_book_is_evidence_too(play) -> None:
    one = play(IN_BAND)
    one.shadow.confirmed(2)
    one.shadow.load(BookSnapshot([("1", "1")], [], 5), 2)
    assert one.is_ready()
    one.hand_over()
    assert one.said == [], "nothing has changed for anybody"
    one.serve(6)
    assert one.seqs == [6]


@pytest.mark.parametrize(("bids", "last"), [([("1", "2")], 5), ([("1", "1")], 6)])
def test_another_book_is_shown_whole_after_some_patience(play, bids, last: int) -> None:
    one = play(IN_BAND)
    one.shadow.confirmed(2)
    one.shadow.load(BookSnapshot(bids, [], last), 2)
    assert not one.is_ready()
    assert one.is_ready(patient=False)
    one.hand_over()
    assert one.said == ["snapshot"]
    assert one.feed.sync is one.shadow.sync


def test_a_book_that_is_lost_at_the_moment_is_waited_for_a_little_and_not_fetched_twice(play) -> None:
    one = play()
    one.shadow.confirmed(2)
    one.serve(9)
    assert one.ear.take() == ["gap", "resyncing"]
    one.bring(10)
    assert not one.is_ready(), "its snapshot may be on its way"
    assert one.is_ready(patient=False), "it is served by neither"
    assert one.asked == [one.feed]
    one.hand_over()
    assert one.said == []
    assert one.asked == [one.feed, one.feed], "it goes on waiting, with what the second has brought"
    one.feed.load(BookSnapshot([("2", "2")], [], 9), 3)
    assert one.said == ["snapshot", "synced", "live"]
    assert one.seqs == [10]


def test_one_that_is_lost_while_another_is_fetched_for_the_second_is_ready_with_that_or_without(play) -> None:
    one = play()
    one.shadow.confirmed(2)
    one.bring(10)
    assert not one.is_ready(patient=False)
    assert one.asked == [one.shadow]
    one.serve(9)
    assert one.is_ready(patient=False)
    one.shadow.load(BookSnapshot([("2", "2")], [], 9), 3)
    assert one.is_ready(patient=False)
    one.hand_over()
    assert one.said == ["gap", "resyncing", "snapshot", "synced", "live"]


def test_a_book_in_band_that_is_lost_at_the_moment_needs_no_patience(play) -> None:
    one = play(IN_BAND)
    one.shadow.confirmed(2)
    one.serve(9)
    one.bring(10)
    assert not one.is_ready(patient=False), "its own comes by itself"
    one.shadow.load(BookSnapshot([("2", "2")], [], 10), 3)
    assert one.is_ready()
    one.hand_over()
    assert one.said == ["gap", "resyncing", "snapshot", "synced", "live"]


def test_a_silence_of_a_book_ends_with_what_the_second_brings(play) -> None:
    one = play(alike={follows})
    one.shadow.confirmed(2)
    one.feed.stalled("data_stalled", 2)
    one.bring(6)
    one.hand_over()
    assert one.said == ["stale", "live", "update"]


def test_a_book_that_was_not_there_yet_comes_with_the_takeover(play) -> None:
    one = play()
    one.feed.broke("stream_revoked", 1)
    one.feed.begin()
    one.shadow.confirmed(2)
    one.bring(6)
    one.is_ready(patient=False)
    one.shadow.load(BookSnapshot([("2", "2")], [], 5), 3)
    one.ear.take()
    one.hand_over()
    assert one.said == ["restored", "gap", "resyncing", "snapshot", "synced", "live"]


def test_a_hole_in_what_the_second_brings_is_not_applied(play) -> None:
    one = play(IN_BAND, alike={follows})
    one.shadow.confirmed(2)
    one.shadow.load(BookSnapshot([("1", "1")], [], 5), 2)
    one.bring(6, 8, 9)
    one.serve(6, 7, 8)
    assert one.is_ready()
    one.hand_over()
    assert one.seqs == [6, 7, 8, 9]


def test_a_hole_in_what_the_second_has_kept_does_not_make_it_ready(play) -> None:
    one = play(IN_BAND, alike={follows})
    one.shadow.confirmed(2)
    one.shadow.load(BookSnapshot([("1", "1")], [], 5), 2)
    one.bring(6, 8)
    assert not one.is_ready()
    one.bring(9)
    assert not one.is_ready(patient=False)
    one.serve(6, 7, 8)
    assert one.is_ready()


def test_the_second_ones_rules_hold_from_then_on_and_what_is_old_is_not_shown_to_them(play) -> None:
    def strict(previous: int, delta: BookDelta, _: bool) -> Continuity:
        return Continuity.APPLY if delta.previous == previous else Continuity.GAP

    one = play(BookRule(follows=strict, snapshot=fetch), alike={strict})
    one.shadow.confirmed(2)
    one.serve(6, 7)
    one.shadow.arm(BookRule(follows=strict, snapshot=fetch))
    one.hand_over()
    assert one.feed.sync is not None
    assert one.feed.sync.rule is one.shadow.sync.rule
    one.serve(6, 7, 8)
    assert one.seqs == [6, 7, 8]
    assert one.said == ["update"] * 3


def test_a_hole_that_the_second_was_told_of_is_told_to_whoever_hears_frames(play) -> None:
    one = play(IN_BAND, alike={follows})
    raw = topic_named("mock:raw:s")
    ear = Ear(raw)
    one.feed.add(raw)
    one.shadow.mirror(late=False)
    one.shadow.confirmed(2)
    one.shadow.load(BookSnapshot([("1", "1")], [], 5), 2)
    one.shadow.lost("sequence_gap", 3)
    one.shadow.load(BookSnapshot([("1", "1")], [], 5), 4)
    one.shadow.expect()
    one.hand_over()
    one.feed.take_raw(b"6", False, 6)
    assert [word.partition(" ")[0] for word in ear.words] == ["gap", "update"]
    assert one.said == [], "the book itself is whole"


def test_what_is_not_even_granted_yet_ends_the_book(play) -> None:
    one = play()
    one.hand_over()
    assert one.said == ["disconnected"]
    assert one.feed.sync is one.shadow.sync
    one.feed.confirmed(9)
    assert one.ear.take() == ["disconnected", "restored", "gap", "resyncing"]
    assert one.asked == [one.feed]


def test_a_book_that_cannot_go_on_is_asked_for_and_nobody_reads_it(play) -> None:
    one = play()
    one.shadow.confirmed(2)
    one.bring(8)
    one.hand_over()
    assert one.said == ["gap", "resyncing"]
    assert one.asked == [one.feed]
    one.feed.load(BookSnapshot([("1", "7")], [], 7), 9)
    assert one.said[2:] == ["snapshot", "synced", "live"]
    assert one.seqs == [8], "with what the second had brought"


def test_what_is_refused_now_is_closed_and_what_was_refused_waits(play) -> None:
    one = play()
    one.shadow.refused("no such stream", 2)
    one.shadow.expect()
    assert one.is_ready()
    one.hand_over()
    assert (one.feed.status, one.feed.reason) == ("closed", "no such stream")
    one = play()
    one.feed.refused("full", 1)
    one.hand_over()
    assert one.feed.status == "pending"


def test_nobody_keeps_a_book_that_nobody_reads(play) -> None:
    one = play()
    one.shadow.confirmed(2)
    one.bring(8)
    [topic] = one.feed.topics
    one.feed.remove(topic)
    one.shadow.mirror(late=True)
    assert (one.shadow.topics, one.feed.overlap, len(one.shadow._kept)) == ((), None, 0)
    assert one.is_ready(patient=False)
    assert one.asked == []


def test_frames_of_a_books_stream_are_told_once(play) -> None:
    one = play(alike={follows})
    raw = topic_named("mock:raw:s")
    ear = Ear(raw)
    one.feed.add(raw)
    one.shadow.mirror(late=False)
    one.shadow.confirmed(2)
    one.feed.take_raw(b"6", False, 6)
    for frame in (b"6", b"7"):
        one.shadow.take_raw(frame, False, 7)
    one.shadow.expect()
    one.hand_over()
    one.feed.take_raw(b"8", False, 8)
    assert [message.records for message in ear.messages] == [b"6", b"7", b"8"]
