"""A feed whose holes are filled: what its topics hear, whatever becomes of the stream meanwhile."""

from typing import Any

import pytest
from hearing import Ear, topic_named

from gateway.engine.feeds import Feed
from gateway.engine.holes import Holes
from gateway.engine.messages import Message, Notice, TopicEvent
from gateway.model.market import Quote, Trade
from gateway.spi.events import Data

TRADES, RAW = "mock:trades:BTC", "mock:raw:btc@trade"


def trades(*numbers: int) -> Data:
    return Data("s", [Trade(number, "1", "1", "buy", number * 10) for number in numbers], 7)


class Remembering:
    """A filler that does nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.missed = 0

    def now(self) -> float:
        return 1.0

    def begin(self, holes: Holes) -> None:
        self.asked.append("begin")

    def end(self) -> None:
        self.asked.append("end")

    def unfilled(self, count: int) -> None:
        self.missed += count


class Filled:
    """A feed that is live, who fills it, and what is heard of it."""

    def __init__(self, *topics: str) -> None:
        self.feed = Feed("s", contiguous=True)
        self.filler = Remembering()
        self.feed.fill_by(self.filler)
        assert self.feed.holes is not None
        self.holes = self.feed.holes
        self.topics = [topic_named(name) for name in topics or (TRADES,)]
        self.ears = [Ear(topic) for topic in self.topics]
        for topic in self.topics:
            self.feed.add(topic)
        self.feed.confirmed(1)
        for ear in self.ears:
            ear.take()

    def take(self, *numbers: int) -> None:
        self.feed.take(trades(*numbers), 9)

    def fill(self, *numbers: int) -> int:
        return self.holes.fill(trades(*numbers).records, 11)

    def heard(self, which: int = 0) -> list[Any]:
        """What was heard: the ids of each message, gaps with their bounds, or a status."""
        return [
            [record.id for record in one.records]
            if isinstance(one, Message)
            else ("gap", one.first, one.last)
            if one.status is TopicEvent.GAP
            else str(one.status)
            for one in self.ears[which].heard
        ]


@pytest.fixture
def filled() -> type[Filled]:
    return Filled


def test_whoever_fills_is_not_even_asked_while_nothing_is_missing(filled) -> None:
    one = filled()
    one.take(5)
    one.take(6, 7)
    one.take(6)
    one.take(8)
    assert one.filler.asked == []
    assert one.holes.missing() is None
    assert one.heard() == [[5], [6, 7], [8]]


def test_what_was_fetched_comes_in_its_place_with_offsets_of_its_own(filled) -> None:
    one = filled()
    one.take(5)
    one.take(8)
    assert one.filler.asked == ["begin"]
    assert one.holes.missing() == (5, 8, 1.0)
    assert one.fill(6, 7) == 2
    one.take(9)
    assert one.heard() == [[5], [6, 7], [8], [9]]
    assert [(one.offset, one.ts, one.recv_us) for one in one.ears[0].messages] == [
        (1, 7, 9),
        (2, None, 11),
        (3, 7, 9),
        (4, 7, 9),
    ]
    assert one.filler.missed == 0


def test_nobody_fetches_what_has_come_late_after_all(filled) -> None:
    one = filled()
    one.take(5)
    one.take(7)
    one.take(6)
    assert one.heard() == [[5], [6], [7]]
    assert one.filler.asked == ["begin", "end"]


def test_what_cannot_be_had_is_told_with_all_that_bounds_it(filled) -> None:
    one = filled()
    one.take(5)
    one.feed.broke("reset", 2)
    one.feed.confirmed(3)
    one.take(9)
    one.fill(6)
    one.holes.give_up(12, recoverable=True)
    assert one.heard() == [[5], "disconnected", "restored", "live", [6], ("gap", 7, 8), [9]]
    [gap] = [notice for notice in one.ears[0].notices if notice.status is TopicEvent.GAP]
    assert gap == Notice(one.topics[0].subscription, TopicEvent.GAP, "reset", 12, 7, 8, True, 60, 90)
    assert one.filler.missed == 2


def test_what_is_fetched_while_the_stream_does_not_flow_comes_when_it_does(filled) -> None:
    """What waits, waits across a break; what the break has cost is known only when the stream is back."""
    one = filled()
    one.take(5)
    one.take(8)
    one.feed.broke("reset", 2)
    assert one.fill(6) == 1
    one.feed.broke("reset", 2)
    assert one.heard() == [[5], "disconnected"]
    one.feed.begin()
    one.feed.confirmed(3)
    one.take(11)
    assert one.heard()[2:] == ["restored", "live", [6]]
    assert one.fill(7) == 1
    assert one.holes.missing() == (8, 11, 1.0)
    one.fill(9, 10)
    assert one.heard()[5:] == [[7], [8], [9, 10], [11]]


def test_a_hole_that_is_given_up_while_the_stream_does_not_flow_is_told_when_it_does(filled) -> None:
    one = filled()
    one.take(5)
    one.take(8)
    one.feed.stalled("data_stalled", 2)
    one.holes.give_up(3, recoverable=False)
    assert one.heard() == [[5], "stale"]
    one.feed.delivers(4)
    one.take(9)
    assert one.heard() == [[5], "stale", "live", ("gap", 6, 7), [8], [9]]
    assert one.ears[0].notices[-1].at_us == 4


def test_nobody_hears_of_what_was_held_for_those_who_have_left(filled) -> None:
    one = filled()
    one.take(5)
    one.take(7)
    one.feed.broke("reset", 2)
    one.fill(6)
    one.feed.remove(one.topics[0])
    topic = topic_named(TRADES)
    one.feed.add(topic)
    one.ears[0] = Ear(topic)
    one.feed.confirmed(3)
    assert one.heard() == ["restored", "live"]


def test_who_refuses_the_stream_ends_all_waiting_before_that_is_told(filled) -> None:
    one = filled()
    one.take(5)
    one.take(7)
    one.feed.refused("delisted", 3)
    assert one.heard() == [[5], ("gap", 6, 6), [7], "closed"]
    assert one.filler.asked == ["begin", "end"]
    assert one.holes.missing() is None


def test_what_was_held_is_sent_before_the_end(filled) -> None:
    one = filled()
    one.take(5)
    one.take(8)
    one.feed.broke("reset", 2)
    one.fill(6)
    one.feed.refused("delisted", 3)
    assert one.heard() == [[5], "disconnected", [6], ("gap", 7, 7), [8], "closed"]


def test_every_topic_of_the_stream_hears_it_and_frames_do_not_wait(filled) -> None:
    one = filled(TRADES, "mock:trades:BTC:agg", RAW)
    for number in (5, 7):
        one.feed.take_raw(b"%d" % number, False, 9)
        one.take(number)
    assert one.ears[2].words == ["update 1", "update 2"]
    one.fill(6)
    assert one.heard(0) == one.heard(1) == [[5], [6], [7]]
    assert one.ears[2].words == ["update 1", "update 2"]


def test_nobody_waits_for_what_nobody_wants(filled) -> None:
    one = filled()
    one.take(5)
    one.take(7)
    one.feed.remove(one.topics[0])
    assert one.filler.asked == ["begin", "end"]
    assert one.holes.missing() is one.holes.first_missing(0) is None
    topic = topic_named(TRADES)
    one.feed.add(topic)
    one.ears[0] = Ear(topic)
    assert one.fill(6) == 0
    one.take(9)
    one.take(11)
    assert one.heard() == [[9]], "what comes next is as new, and holes in it are filled again"
    assert one.filler.asked == ["begin", "end", "begin"]


def test_one_of_several_topics_may_leave_meanwhile(filled) -> None:
    one = filled(TRADES, "mock:trades:BTC:agg")
    one.take(5)
    one.take(7)
    one.feed.remove(one.topics[0])
    one.fill(6)
    assert one.heard(0) == [[5]]
    assert one.heard(1) == [[5], [6], [7]]


def test_who_cannot_fill_after_all_tells_at_once_from_then_on(filled) -> None:
    one = filled()
    one.take(5)
    one.take(7)
    one.holes.never_wait(3)
    one.take(9)
    assert one.heard() == [[5], ("gap", 6, 6), [7], ("gap", 8, 8), [9]]
    assert one.filler.asked == ["begin"]
    assert one.filler.missed == 2


def test_records_that_cannot_be_used_leave_nobody_sure_of_what_is_missing(filled) -> None:
    one = filled()
    one.take(5)
    one.take(7)
    with pytest.raises(AttributeError):
        one.feed.take(Data("s", [trades(8).records[0], Quote("1", "1", "2", "1")]), 9)
    one.feed.broke("plugin_error", 2)
    one.feed.confirmed(3)
    one.take(9)
    assert one.heard() == [[5], "disconnected", "restored", "live", ("gap", None, None), [9]]
    assert one.filler.asked == ["begin", "end"]
    assert one.filler.missed == 0, "nobody knows how many"


# --- what cannot be sent


def bad(number: int) -> Trade:
    """Half of a character, which no client can be sent."""
    return Trade(number, "\ud800", "1", "buy", number * 10)


def test_what_cannot_be_sent_is_told_to_be_missing(filled) -> None:
    one = filled()
    one.take(5)
    with pytest.raises(UnicodeEncodeError):
        one.feed.take(Data("s", [bad(6)], 7), 9)
    one.feed.broke("plugin_error", 2)
    one.feed.confirmed(3)
    one.take(7)
    assert one.heard() == [[5], "disconnected", "restored", "live", ("gap", None, None), [7]]


def test_nor_does_its_time_have_to_be_one(filled) -> None:
    one = filled()
    one.take(5)
    with pytest.raises(TypeError):
        one.feed.take(Data("s", [Trade(6, "1", "1", "buy", "60")], 7), 9)  # type: ignore[arg-type]
    one.take(7)
    assert one.holes.missing() == (5, 7, 1.0)


@pytest.mark.parametrize("ends", ["fill", "give_up", "stop_waiting"])
def test_what_cannot_be_sent_and_waits_is_told_to_be_missing_with_what_follows(filled, ends: str) -> None:
    one = filled()
    one.take(5)
    one.take(7)
    one.feed.take(Data("s", [bad(8)], 8), 9)
    one.take(9)
    ways = {
        "fill": lambda: one.fill(6),
        "give_up": lambda: one.holes.give_up(12, recoverable=True),
        "stop_waiting": lambda: one.holes.stop_waiting(12),
    }
    with pytest.raises(UnicodeEncodeError):
        ways[ends]()
    one.take(10)
    first = [6] if ends == "fill" else ("gap", 6, 6)
    assert one.heard() == [[5], first, [7], ("gap", None, None), [10]]
    assert one.holes.missing() is None
