"""What a shadow keeps, when it is ready, and what becomes of the real feed when it hands over."""

import pytest
from hearing import Ear, topic_named

from gateway.engine.feeds import Feed
from gateway.engine.sameness import RECORDS
from gateway.engine.shadow import RecordShadow
from gateway.model.market import Liquidation, Trade
from gateway.spi.contract import Rhythm
from gateway.spi.events import Blank, Data

BROKEN = "closed_by_peer"


def trade(number: int) -> Data:
    return Data("s", (Trade(number, "1", "1", "buy", number),), number)


def liquidation(number: int) -> Data:
    return Data("s", (Liquidation("buy", "1", "1", number),), number)


class Played:
    """A feed that is live, what is heard of it, and its shadow."""

    def __init__(self, *topics: str, rhythm: Rhythm = Rhythm.SPARSE, contiguous: bool = False) -> None:
        self.feed = Feed("s", rhythm=rhythm, contiguous=contiguous)
        self.ears: dict[str, Ear] = {}
        for topic in topics:
            self.join(topic)
        self.feed.confirmed(1)
        self.shadow = RecordShadow(self.feed)
        self.shadow.begin()

    def join(self, topic: str) -> None:
        made = topic_named(topic)
        self.ears[topic] = Ear(made)
        self.feed.add(made)

    def both(self, data: Data) -> None:
        self.serve(data)
        self.bring(data)

    def serve(self, data: Data) -> None:
        arrive(self.feed, data)

    def bring(self, data: Data) -> None:
        arrive(self.shadow, data)

    def hand_over(self) -> None:
        self.shadow.hand_over(BROKEN, 9)

    def words(self, topic: str) -> list[str]:
        return self.ears[topic].take()


def arrive(feed: Feed, data: Data) -> None:
    feed.frames += 1
    if feed.fresh:
        feed.fresh = False
        feed.delivers(data.ts or 0)
    if feed.raw is not None:
        feed.take_raw(str(data.ts).encode(), False, data.ts or 0)
    if feed.topics:
        feed.take(data, data.ts or 0)


@pytest.fixture
def play() -> type[Played]:
    return Played


TRADES, LIQUIDATIONS, RAW = "mock:trades:a", "mock:liquidations:a", "mock:raw:s"


def test_nothing_of_a_shadow_is_heard(play) -> None:
    one = play(TRADES, RAW, contiguous=True)
    one.words(TRADES), one.words(RAW)
    one.bring(trade(5))
    one.shadow.broke(BROKEN, 1)
    one.shadow.refused("no", 1)
    assert one.words(TRADES) == one.words(RAW) == []


def test_frames_alone_are_kept_where_nobody_wants_records(play) -> None:
    one = play(RAW)
    assert one.shadow.topics == ()
    one.shadow.expect()
    one.bring(trade(5))
    one.hand_over()
    assert one.words(RAW) == ["live", "update 1"]


# --- when it is ready


def test_one_that_is_not_confirmed_is_not_ready(play) -> None:
    one = play(TRADES)
    assert not one.shadow.is_ready(patient=True)
    assert not one.shadow.is_ready(patient=False)
    one.shadow.confirmed(2)
    assert one.shadow.is_ready(patient=True)


def test_one_that_is_mute_where_the_real_one_speaks_is_never_ready(play) -> None:
    one = play(TRADES)
    one.shadow.confirmed(2)
    one.serve(trade(1))
    assert not one.shadow.is_ready(patient=True)
    one.shadow.expect()
    assert one.shadow.is_ready(patient=False), "what was under way is no evidence"
    assert not one.shadow.is_ready(patient=True)
    one.serve(trade(2))
    assert not one.shadow.is_ready(patient=False)
    one.bring(trade(2))
    assert one.shadow.is_ready(patient=False)
    assert one.shadow.is_ready(patient=True)


def test_a_stream_that_ought_to_speak_is_waited_for(play) -> None:
    one = play(TRADES, rhythm=Rhythm.CONTINUOUS)
    one.shadow.confirmed(2)
    assert one.shadow.is_ready(patient=True), "the real one has not spoken either, in its whole epoch"
    one = play(TRADES, rhythm=Rhythm.CONTINUOUS)
    one.serve(trade(1))
    one.shadow.confirmed(2)
    assert not one.shadow.is_ready(patient=True)
    assert one.shadow.is_ready(patient=False)


@pytest.mark.parametrize("speaks", [True, False])
def test_a_refusal_counts_only_where_the_real_one_is_silent(play, speaks: bool) -> None:
    one = play(TRADES)
    one.shadow.refused("no such stream", 2)
    one.shadow.expect()
    if speaks:
        one.serve(trade(1))
    assert one.shadow.is_ready(patient=True) is not speaks
    assert one.shadow.is_ready(patient=False) is not speaks


def test_a_stream_that_the_exchange_ended_must_deliver_anew(play) -> None:
    one = play(TRADES)
    one.bring(trade(1))
    assert one.shadow.is_ready(patient=True)
    one.shadow.broke("stream_revoked", 2)
    one.shadow.begin()
    assert not one.shadow.is_ready(patient=True)
    assert not one.shadow.is_ready(patient=False)


def test_numbers_that_do_not_join_yet_are_waited_for(play) -> None:
    one = play(TRADES, contiguous=True)
    one.serve(trade(1))
    one.bring(trade(3))
    assert not one.shadow.is_ready(patient=True)
    assert one.shadow.is_ready(patient=False)
    one.serve(trade(2))
    assert one.shadow.is_ready(patient=True)
    one.hand_over()
    assert one.words(TRADES) == ["live", "update 1", "update 2", "update 3"]


def test_what_is_kept_of_numbers_is_bounded_and_what_had_to_go_is_a_hole_that_they_show(play) -> None:
    one = play(TRADES, contiguous=True)
    one.serve(trade(1))
    for number in range(2, RECORDS + 5):
        one.bring(trade(number))
    assert not one.shadow.is_ready(patient=True)
    one.hand_over()
    words = one.words(TRADES)
    assert words[:3] == ["live", "update 1", "gap"]
    assert len(words) == RECORDS + 3


# --- what becomes of the real feed


def test_what_was_refused_before_flows_now(play) -> None:
    one = play(TRADES)
    one.feed.refused("full", 1)
    one.bring(trade(1))
    one.hand_over()
    assert one.words(TRADES) == ["live", "closed", "live", "gap", "update 1"]


def test_what_was_lost_before_is_restored(play) -> None:
    one = play(TRADES, contiguous=True)
    one.serve(trade(1))
    one.feed.broke("stream_revoked", 2)
    one.bring(trade(2))
    one.hand_over()
    assert one.words(TRADES) == ["live", "update 1", "disconnected", "restored", "live", "update 2"]


@pytest.mark.parametrize(("brings", "status"), [(True, "live"), (False, "stale")])
def test_a_silence_ends_with_what_the_second_brings(play, brings: bool, status: str) -> None:
    one = play(TRADES, contiguous=True)
    one.both(trade(1))
    one.shadow.begin()
    one.feed.stalled("data_stalled", 2)
    assert not one.shadow.is_ready(patient=False), "it was granted, so it must be granted again"
    one.shadow.confirmed(3)
    if brings:
        one.bring(trade(2))
    one.hand_over()
    assert one.feed.status == status
    one.serve(trade(3))
    assert one.words(TRADES)[:3] == ["live", "update 1", "stale"]
    assert one.feed.status == "live"


def test_what_is_refused_now_is_closed(play) -> None:
    one = play(TRADES)
    one.shadow.refused("no such stream", 1)
    one.hand_over()
    assert (one.feed.status, one.feed.reason) == ("closed", "no such stream")


def test_what_is_not_answered_yet_is_disconnected_until_it_is(play) -> None:
    one = play(TRADES)
    one.serve(trade(1))
    one.hand_over()
    assert one.feed.fresh, "the first datum of this connection is still to come"
    one.serve(trade(2))
    assert one.words(TRADES) == ["live", "update 1", "disconnected", "restored", "live", "gap", "update 2"]


def test_a_refused_one_that_is_not_answered_yet_waits(play) -> None:
    one = play(TRADES)
    one.feed.refused("full", 1)
    one.hand_over()
    assert one.feed.status == "pending"


def test_a_hole_on_the_second_connection_is_told_unless_ids_show_that_there_is_none(play) -> None:
    for contiguous, told in ((False, ["gap"]), (True, [])):
        one = play(TRADES, contiguous=contiguous)
        one.both(trade(1))
        one.shadow.lost("sequence_gap", 2)
        one.bring(trade(2))
        one.shadow.expect()
        one.hand_over()
        assert one.words(TRADES) == ["live", "update 1", *told, "update 2"]


def test_frames_counted_go_on_as_the_second_connection_counts_them(play) -> None:
    one = play(TRADES)
    for number in range(3):
        one.serve(trade(number))
    one.bring(trade(2))
    one.hand_over()
    assert one.feed.frames == one.shadow.frames == 1


def test_copies_that_say_it_otherwise_are_a_gap_and_nothing_twice(play) -> None:
    one = play(LIQUIDATIONS, RAW)
    one.shadow.confirmed(1)
    one.shadow.expect()
    one.serve(liquidation(1))
    one.bring(liquidation(1001))
    one.hand_over()
    one.serve(liquidation(1002))
    assert one.words(LIQUIDATIONS) == one.words(RAW) == ["live", "update 1", "gap", "update 2"]


# --- wishes that change meanwhile


def test_records_that_are_wanted_meanwhile_are_kept_from_then_on(play) -> None:
    one = play(RAW)
    one.bring(trade(1))
    joined = Feed("s", contiguous=True)
    joined.take_over(one.feed)
    topic = topic_named(TRADES)
    one.ears[TRADES] = Ear(topic)
    joined.add(topic)
    shadow = RecordShadow(joined, late=True)
    shadow.take_over(one.shadow)
    one.feed, one.shadow = joined, shadow
    one.both(trade(2))
    one.bring(trade(3))
    one.shadow.expect()
    one.hand_over()
    assert one.words(TRADES) == ["update 1", "update 2"]
    assert one.words(RAW) == ["live", "update 1", "update 2"], "the first came when nothing had been published"


def test_frames_that_are_wanted_meanwhile_begin_with_a_gap_if_they_cannot_be_compared(play) -> None:
    one = play(TRADES, contiguous=True)
    one.both(trade(1))
    one.join(RAW)
    one.shadow.mirror(late=True)
    one.both(trade(2))
    one.bring(trade(3))
    one.shadow.expect()
    one.hand_over()
    one.serve(trade(4))
    assert one.words(TRADES) == ["live", *(f"update {number}" for number in (1, 2, 3, 4))]
    assert one.words(RAW) == ["update 1", "gap", "update 2"]


@pytest.mark.parametrize("topic", [TRADES, LIQUIDATIONS])
def test_what_is_not_wanted_any_more_is_not_kept(play, topic: str) -> None:
    one = play(topic, RAW)
    one.bring(trade(1))
    for made in one.feed.everyone():
        one.feed.remove(made)
    one.shadow.mirror(late=True)
    assert one.shadow.everyone() == ()
    assert one.feed.overlap is one.feed.raw_overlap is None
    one.bring(trade(2))
    one.hand_over()


def test_once_nothing_overlaps_all_passes(play) -> None:
    one = play(LIQUIDATIONS)
    one.both(liquidation(1))
    one.shadow.expect()
    one.hand_over()
    one.feed.end_overlap()
    one.serve(liquidation(1))
    assert one.words(LIQUIDATIONS) == ["live", "update 1", "update 2"]


def blank(number: int) -> Data:
    return Data("s", (), number, Blank(number, number))


def test_numbers_that_stand_for_nothing_are_kept_too_and_leave_no_hole(play) -> None:
    one = play(TRADES, contiguous=True)
    one.both(trade(1))
    for data in (trade(2), blank(3), trade(4)):
        one.bring(data)
    one.hand_over()
    one.serve(trade(5))
    assert one.words(TRADES) == ["live", "update 1", "update 2", "update 3", "update 4"]


def test_without_an_order_numbers_that_stand_for_nothing_are_not_kept(play) -> None:
    one = play(LIQUIDATIONS)
    one.both(liquidation(1))
    one.bring(blank(2))
    one.hand_over()
    assert one.words(LIQUIDATIONS) == ["live", "update 1"]
