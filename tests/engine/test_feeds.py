"""A hole is told before the next datum, what ids prove is not told, and nothing comes twice."""

from random import Random
from typing import Any

import pytest
from hearing import Ear, topic_named
from hypothesis import given, settings
from hypothesis.strategies import integers

from gateway.engine.feeds import Feed
from gateway.engine.messages import Message, TopicEvent, TopicStatus
from gateway.errors import Reason
from gateway.model.market import Quote, Trade
from gateway.spi.contract import Rhythm
from gateway.spi.events import Blank, Data

QUOTE = Quote("1", "1", "2", "1")


def trade(number: int, ts: int | None = None) -> Trade:
    return Trade(number, "1", "1", "buy", number * 10 if ts is None else ts)


def trades(*numbers: int, ts: int | None = None) -> Data:
    return Data("btc@trade", [trade(number, ts) for number in numbers], ts=7)


def feed(*channels: str, contiguous: bool = True) -> tuple[Feed, list[Ear]]:
    made = Feed("btc@trade", contiguous=contiguous)
    ears = []
    for channel in channels:
        topic = topic_named(f"mock:{channel}:BTC")
        made.add(topic)
        ears.append(Ear(topic))
    return made, ears


def live(*channels: str, contiguous: bool = True) -> tuple[Feed, Ear]:
    made, ears = feed(*(channels or ("trades",)), contiguous=contiguous)
    made.confirmed(1)
    for ear in ears:
        assert ear.take() == ["live"]
    return made, ears[0]


def ids(ear: Ear) -> list[Any]:
    """What was heard: the ids of each message, gaps with their bounds, or a status."""
    return [
        [record.id for record in one.records]
        if isinstance(one, Message)
        else ("gap", one.first, one.last)
        if one.status is TopicEvent.GAP
        else str(one.status)
        for one in ear.heard
    ]


# --- the ordinary


def test_records_go_to_every_topic_of_the_stream_as_they_came() -> None:
    made, ears = feed("trades", "candles", contiguous=False)
    data = Data("btc@trade", [QUOTE, QUOTE], ts=7)
    made.take(data, 9)
    for ear in ears:
        (message,) = ear.messages
        assert message.records is data.records
        assert (message.kind, message.ts, message.recv_us) == ("update", 7, 9)


@pytest.mark.parametrize("contiguous", [True, False])
def test_a_frame_without_records_says_nothing(contiguous: bool) -> None:
    made, ear = live(contiguous=contiguous)
    made.lost("reset", 2)
    made.take(Data("btc@trade", []), 3)
    assert ear.words == []


def test_a_stream_knows_its_rhythm_and_counts_nothing_by_itself() -> None:
    made = Feed("s", rhythm=Rhythm.CONTINUOUS)
    assert (made.stream, made.rhythm, made.frames, made.fresh, made.status) == (
        "s",
        Rhythm.CONTINUOUS,
        0,
        True,
        TopicStatus.PENDING,
    )
    made.fresh = False
    made.begin()
    assert made.fresh


# --- ids


def test_contiguous_ids_are_published_without_a_word() -> None:
    made, ear = live()
    for data in (trades(5), trades(6, 7), trades(8)):
        made.take(data, 2)
    assert ids(ear) == [[5], [6, 7], [8]]


def test_a_hole_is_told_with_its_bounds_before_what_follows_it() -> None:
    made, ear = live()
    for data in (trades(5), trades(9), trades(10)):
        made.take(data, 2)
    assert ids(ear) == [[5], ("gap", 6, 8), [9], [10]]
    assert ear.notices[0].reason == "sequence_gap"


def test_a_hole_within_one_frame_is_told_where_it_is() -> None:
    made, ear = live()
    made.take(trades(5, 7, 8, 11), 2)
    assert ids(ear) == [[5], ("gap", 6, 6), [7, 8], ("gap", 9, 10), [11]]
    made.take(trades(12, 14), 2)
    assert ids(ear)[5:] == [[12], ("gap", 13, 13), [14]]


def test_what_came_already_is_dropped_wherever_it_stands() -> None:
    made, ear = live()
    for data in (trades(5), trades(5), trades(4, 5, 6), trades(6, 6, 7), trades(1)):
        made.take(data, 2)
    assert ids(ear) == [[5], [6], [7]]


def test_an_exchange_that_counts_anew_is_followed_after_a_gap() -> None:
    """A test network starts over every month: a topic must not fall silent for ever."""
    made, ear = live()
    made.take(trades(1000, ts=10), 2)
    made.take(trades(1, ts=10), 2)
    made.take(trades(999, ts=9), 2)
    made.take(trades(3, ts=11), 2)
    made.take(trades(4, ts=11), 2)
    assert ids(ear) == [[1000], ("gap", None, None), [3], [4]]


def test_a_replay_of_old_trades_is_no_new_count() -> None:
    """An exchange that sends its last trades after each subscription says nothing new."""
    made, ear = live()
    for number in (5, 6, 7):
        made.take(trades(number), 2)
    made.take(trades(6, 7, 5), 3)
    assert ids(ear) == [[5], [6], [7]]


@settings(max_examples=300)
@given(seed=integers(0, 2**32))
def test_nothing_comes_twice_and_nothing_is_missing_without_a_word(seed: int) -> None:
    """Frames are lost, repeated and batched; connections break; whoever listens can account for every id."""
    rng = Random(seed)
    made, ear = live()
    number, newest, window = 100, None, []
    for _ in range(rng.randrange(60)):
        act = rng.random()
        if act < 0.15:
            number += rng.randrange(1, 4)
        elif act < 0.25:
            made.broke("reset", 1)
            made.begin()
            made.confirmed(1)
        elif act < 0.3:
            made.lost("sequence_gap", 1)
        else:
            fresh = [number := number + rng.choice([1, 1, 1, 2]) for _ in range(rng.randrange(1, 4))]
            newest, window = fresh[-1], [*window, *fresh][-8:]
            sent = fresh if rng.random() < 0.8 else window
            made.take(trades(*sent), 1)
    known: int | None = None
    excused = False
    for one in ids(ear):
        match one:
            case ("gap", None, None):
                excused = True
            case ("gap", first, last):
                assert known is not None
                assert first == known + 1
                known = last
            case [*published]:
                for record in published:
                    assert known is None or record == known + 1 or (excused and record > known)
                    known, excused = record, False
    assert known == newest, "the last that came was published"


# --- what happens to connections


def test_after_a_break_the_hole_is_told_before_the_next_datum() -> None:
    made, ear = live("quotes", contiguous=False)
    made.take(Data("s", [QUOTE]), 2)
    made.broke(Reason.CLOSED_BY_PEER, 3)
    made.broke(Reason.CLOSED_BY_PEER, 4)
    made.begin()
    made.confirmed(5)
    made.confirmed(6)
    made.take(Data("s", [QUOTE]), 7)
    made.take(Data("s", [QUOTE]), 8)
    assert ear.words == ["update 1", "disconnected", "restored", "live", "gap", "update 2", "update 3"]
    told = [(str(notice.status), str(notice.reason), notice.at_us) for notice in ear.notices]
    assert told == [
        ("disconnected", "closed_by_peer", 3),
        ("restored", "closed_by_peer", 5),
        ("live", "", 5),
        ("gap", "closed_by_peer", 7),
    ]


def test_ids_that_follow_prove_that_nothing_was_missed() -> None:
    made, ear = live()
    made.take(trades(5), 2)
    made.broke("reset", 3)
    made.confirmed(4)
    made.take(trades(6), 5)
    made.take(trades(8), 6)
    assert ids(ear) == [[5], "disconnected", "restored", "live", [6], ("gap", 7, 7), [8]]
    assert str(ear.notices[-1].reason) == "sequence_gap"


def test_a_batch_that_follows_proves_it_too() -> None:
    made, ear = live()
    made.take(trades(5), 2)
    made.broke("reset", 3)
    made.confirmed(4)
    ear.take()
    made.take(trades(4, 5, 6, 7), 5)
    assert ids(ear) == [[6, 7]]


def test_ids_that_do_not_follow_bound_the_hole_of_the_break() -> None:
    made, ear = live()
    made.take(trades(5), 2)
    made.broke("reset", 3)
    made.confirmed(4)
    ear.take()
    made.take(trades(5), 5)
    assert ids(ear) == []
    made.take(trades(9), 6)
    assert ids(ear) == [("gap", 6, 8), [9]]
    assert ear.notices[0].reason == "reset"


def test_without_a_last_id_nobody_can_tell_how_much_is_missing() -> None:
    made, ear = live()
    made.broke("reset", 3)
    made.confirmed(4)
    ear.take()
    made.take(trades(9), 6)
    assert ids(ear) == [("gap", None, None), [9]]


def test_a_stream_that_never_flowed_has_missed_nothing() -> None:
    made, (ear,) = feed("quotes", contiguous=False)
    made.broke("connection_refused", 1)
    made.confirmed(2)
    made.take(Data("s", [QUOTE]), 3)
    assert ear.words == ["live", "update 1"]


def test_what_is_lost_on_a_connection_that_stays_is_a_hole_too() -> None:
    made, ear = live("quotes", contiguous=False)
    made.take(Data("s", [QUOTE]), 2)
    made.lost(Reason.SEQUENCE_GAP, 3)
    made.take(Data("s", [QUOTE]), 4)
    assert ear.words == ["update 1", "gap", "update 2"]


def test_between_two_subscriptions_something_may_be_missing() -> None:
    made, (ear, raw) = feed("quotes", "raw", contiguous=False)
    made.confirmed(1)
    made.stalled("data_stalled", 2)
    made.served_anew("subscribed")
    made.delivers(3)
    for number in (3, 4):
        made.take_raw(b"1", False, number)
        made.take(Data("s", [QUOTE]), number)
    assert ear.words == raw.words == ["live", "stale", "live", "gap", "update 1", "update 2"]
    assert {str(notice.reason) for notice in ear.notices if notice.status == "gap"} == {"data_stalled"}
    made.served_anew("subscribed")
    made.take(Data("s", [QUOTE]), 5)
    assert ear.words[6:] == ["gap", "update 3"]
    assert str(ear.notices[-1].reason) == "subscribed"


def test_a_stale_stream_that_breaks_has_a_hole() -> None:
    made, ear = live("quotes", contiguous=False)
    made.status = TopicStatus.STALE
    made.broke("data_stalled", 3)
    made.confirmed(4)
    made.take(Data("s", [QUOTE]), 5)
    assert ear.words == ["disconnected", "restored", "live", "gap", "update 1"]


# --- refused


def test_a_stream_refused_from_the_start_missed_nothing_when_it_comes_after_all() -> None:
    made, (ear,) = feed("quotes", contiguous=False)
    made.refused("no such stream", 1)
    made.wanted(2)
    made.confirmed(3)
    made.take(Data("s", [QUOTE]), 4)
    assert ear.words == ["closed", "pending", "live", "update 1"]
    assert ear.notices[0].reason == "no such stream"


def test_a_stream_that_was_taken_away_and_given_back_has_a_hole() -> None:
    made, ear = live("quotes", contiguous=False)
    made.take(Data("s", [QUOTE]), 2)
    made.refused("delisted", 3)
    made.wanted(4)
    made.confirmed(5)
    made.take(Data("s", [QUOTE]), 6)
    assert ear.words == ["update 1", "closed", "pending", "live", "gap", "update 2"]


def test_a_refused_stream_whose_connection_breaks_comes_back_with_its_hole() -> None:
    made, ear = live("quotes", contiguous=False)
    made.refused("delisted", 2)
    made.broke("reset", 3)
    made.confirmed(4)
    made.take(Data("s", [QUOTE]), 5)
    assert ear.words == ["closed", "disconnected", "restored", "live", "gap", "update 1"]
    assert str(ear.notices[-1].reason) == "delisted"


def test_a_late_confirmation_opens_a_closed_stream() -> None:
    made, (ear,) = feed("trades")
    made.refused("ack_missed", 1)
    made.confirmed(2)
    assert ear.words == ["closed", "live"]


# --- topics come and go


def test_a_topic_that_joins_is_what_the_stream_is() -> None:
    made, _ = live()
    made.broke("reset", 2)
    topic = topic_named("mock:candles:BTC")
    made.add(topic)
    assert (topic.status, topic.reason) == (TopicStatus.DISCONNECTED, "reset")


def test_a_topic_that_left_hears_nothing_more() -> None:
    made, ears = feed("trades", "candles")
    topics = made.topics
    assert not made.remove(topics[0])
    made.take(trades(1), 2)
    assert (ears[0].words, ears[1].words) == ([], ["update 1"])
    assert made.remove(topics[1])
    assert made.everyone() == ()


def test_whoever_joins_after_all_left_is_not_told_of_holes_before_its_time() -> None:
    made, ear = live()
    made.take(trades(5), 2)
    made.lost("sequence_gap", 3)
    made.remove(made.topics[0])
    topic = topic_named("mock:trades:BTC")
    made.add(topic)
    ear = Ear(topic)
    made.take(trades(99), 4)
    assert ids(ear) == [[99]]


# --- raw


def test_raw_listeners_get_frames_and_statuses_of_their_own() -> None:
    made, (ear, raw) = feed("trades", "raw")
    made.confirmed(1)
    made.take_raw(b'{"a":1}', False, 2)
    made.take(trades(5), 2)
    assert raw.words == ["live", "update 1"]
    assert raw.messages[0].records == b'{"a":1}'
    assert ear.words == ["live", "update 1"]
    assert [topic.name for topic in made.everyone()] == ["mock:trades:BTC", "mock:raw:BTC"]


def test_raw_frames_are_dropped_where_nobody_wants_them() -> None:
    made, ear = live()
    made.take_raw(b"{}", False, 2)
    assert ear.words == []


def test_a_raw_topic_is_told_of_a_break_before_the_next_frame_whatever_ids_would_prove() -> None:
    made, (ear, raw) = feed("trades", "raw")
    made.confirmed(1)
    made.take_raw(b"1", False, 2)
    made.take(trades(5), 2)
    made.broke("reset", 3)
    made.confirmed(4)
    made.take_raw(b"2", False, 5)
    made.take(trades(6), 5)
    made.take_raw(b"3", False, 6)
    assert raw.words == ["live", "update 1", "disconnected", "restored", "live", "gap", "update 2", "update 3"]
    assert (raw.notices[-1].first, raw.notices[-1].last) == (None, None)
    assert "gap" not in ear.words


def test_each_of_the_two_has_its_own_hole() -> None:
    made, (ear, raw) = feed("quotes", "raw", contiguous=False)
    made.confirmed(1)
    made.lost("reset", 2)
    made.take(Data("s", [QUOTE]), 3)
    made.take(Data("s", [QUOTE]), 3)
    made.take_raw(b"1", False, 4)
    assert ear.words == ["live", "gap", "update 1", "update 2"]
    assert raw.words == ["live", "gap", "update 1"]


def test_frames_alone_may_be_missing() -> None:
    made, (ear, raw) = feed("trades", "raw")
    made.confirmed(1)
    made.lost_raw("rollover")
    made.take(trades(5), 2)
    made.take_raw(b"1", False, 2)
    assert ear.words == ["live", "update 1"]
    assert raw.words == ["live", "gap", "update 1"]


def test_a_raw_topic_that_joins_after_a_break_has_missed_nothing() -> None:
    made, _ = live()
    made.broke("reset", 2)
    topic = topic_named("mock:raw:BTC")
    made.add(topic)
    raw = Ear(topic)
    made.confirmed(3)
    made.take_raw(b"1", False, 4)
    assert raw.words == ["restored", "live", "update 1"]
    assert not made.remove(topic)
    assert made.raw is None


def test_raw_listeners_alone_keep_the_stream() -> None:
    made, _ = feed("raw")
    assert made.raw is not None
    assert made.remove(made.raw)


def test_another_kind_of_feed_carries_on_where_raw_listeners_were() -> None:
    made, (raw,) = feed("raw")
    made.confirmed(1)
    made.frames, made.fresh = 7, False
    made.lost("reset", 2)
    successor = Feed("btc@trade", contiguous=True)
    successor.take_over(made)
    assert (successor.status, successor.frames, successor.fresh) == (TopicStatus.LIVE, 7, False)
    successor.take_raw(b"1", False, 3)
    assert raw.words == ["live", "gap", "update 1"]


# --- numbers that stand for nothing


def blank(number: int, ts: int | None = None) -> Data:
    return Data("btc@trade", (), 7, Blank(number, number * 10 if ts is None else ts))


def test_a_number_that_stands_for_nothing_is_not_told_and_not_missed() -> None:
    made, ear = live()
    for data in (trades(1), blank(2), trades(3), blank(4), blank(5), trades(6, 7)):
        made.take(data, 9)
    assert ids(ear) == [[1], [3], [6, 7]]


def test_a_hole_before_a_number_that_stands_for_nothing_is_told_before_what_comes_next() -> None:
    made, ear = live()
    for data in (trades(1), blank(4), trades(5)):
        made.take(data, 9)
    assert ids(ear) == [[1], ("gap", 2, 3), [5]]


def test_a_number_that_stands_for_nothing_proves_after_a_break_that_there_is_no_hole() -> None:
    made, ear = live()
    made.take(trades(1), 9)
    made.lost("reset", 9)
    made.take(blank(2), 9)
    made.take(trades(3), 9)
    assert ids(ear) == [[1], [3]]


def test_an_old_number_that_stands_for_nothing_changes_nothing() -> None:
    made, ear = live()
    for data in (trades(5), blank(4, ts=1), trades(6)):
        made.take(data, 9)
    assert ids(ear) == [[5], [6]]


def test_where_numbers_may_have_holes_one_that_stands_for_nothing_says_nothing() -> None:
    made, ear = live(contiguous=False)
    made.lost("reset", 9)
    made.take(blank(4), 9)
    assert ids(ear) == []
