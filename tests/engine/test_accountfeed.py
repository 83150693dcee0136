"""An account's topics are told of a hole, then the whole, then what follows, and never of what is behind that."""

from typing import Any

import pytest
from hearing import Ear, topic_named

from gateway.engine import accountfeed
from gateway.engine.accountfeed import AccountFeed
from gateway.engine.feeds import Feed
from gateway.engine.messages import Message, TopicEvent, TopicStatus
from gateway.engine.shadow import RecordShadow
from gateway.engine.topics import Topic
from gateway.errors import Reason
from gateway.model.account import Balance, Order, OrderStatus, Position
from gateway.spi.contract import Rhythm
from gateway.spi.events import Data

USER = "user"


def order(status: OrderStatus = "new", filled: str = "0", ts: int = 1, number: int = 1) -> Order:
    return Order(number, "BTC-USDT", "buy", status, ts, filled=filled)


FILLED = order("filled", "1", 5)
CASH = Balance("USDT", 5, free="10", locked="0")


class Stage:
    """A feed with the given channels, who hears them, and what was asked for."""

    def __init__(self, *channels: str, can_be_fetched: bool = True) -> None:
        self.asked: list[int] = []
        self.can_be_fetched = can_be_fetched
        self.feed = AccountFeed(USER, self.ask)
        self.ears = [Ear(self.topic(channel)) for channel in channels or ("orders",)]

    def ask(self, feed: AccountFeed) -> bool:
        self.asked.append(feed.wish)
        return self.can_be_fetched

    def topic(self, channel: str) -> Topic:
        topic = topic_named(f"mock:{channel}:@main")
        self.feed.add(topic)
        return topic

    def say(self, *records: Any, at: int) -> None:
        self.feed.take(Data(USER, records, ts=7), at)

    def load(self, *records: Any, at: int) -> None:
        self.feed.load(records, self.feed.wish, at)

    def live(self) -> "Stage":
        """Let it flow from 10 on, and be whole and empty."""
        self.feed.confirmed(10)
        self.load(at=11)
        for ear in self.ears:
            assert ear.take() == ["snapshot 1", "live"]
        return self

    @property
    def ear(self) -> Ear:
        return self.ears[0]


def told(ear: Ear) -> list[Any]:
    """What was heard: records, gaps with their times, or statuses."""
    return [
        list(one.records)
        if isinstance(one, Message)
        else ("gap", one.reason, one.after_us, one.before_us)
        if one.status is TopicEvent.GAP
        else str(one.status)
        for one in ear.heard
    ]


# --- the ordinary


def test_each_topic_hears_the_records_of_its_own_kind_in_their_order() -> None:
    one = Stage("orders", "balances", "positions").live()
    position = Position("BTC-USDT", "1", 6)
    one.say(order(), CASH, FILLED, at=20)
    one.say(position, at=21)
    assert [told(ear) for ear in one.ears] == [[[order(), FILLED]], [[CASH]], [[position]]]
    (message,) = one.ears[1].messages
    assert (message.kind, message.ts, message.recv_us, message.offset) == ("update", 7, 20, 2)


def test_a_frame_without_records_says_nothing() -> None:
    one = Stage().live()
    one.say(at=20)
    assert one.ear.words == []
    assert one.feed.seen_us == 10


def test_what_is_behind_is_not_told_and_the_rest_of_the_frame_is() -> None:
    one = Stage().live()
    one.say(FILLED, at=20)
    one.say(order(), order(number=2), at=21)
    assert told(one.ear) == [[FILLED], [order(number=2)]]


def test_a_stream_has_its_rhythm_and_a_topic_of_frames_hears_frames() -> None:
    made = AccountFeed(USER, lambda _: True, rhythm=Rhythm.HEARTBEATED)
    raw = topic_named("mock:raw:@main")
    made.add(raw)
    assert (made.rhythm, made.topics, made.raw) == (Rhythm.HEARTBEATED, (), raw)
    assert raw.snapshot(1) is None


# --- frames


def test_frames_wait_for_no_account_to_be_fetched() -> None:
    one = Stage("orders", "raw")
    orders, raw = one.ears
    one.feed.confirmed(10)
    one.feed.take_raw(b"{}", False, 11)
    one.say(order(), at=11)
    assert (orders.take(), raw.take()) == ([], ["live", "update 1"])
    late = one.feed.raw
    assert late is not None
    one.load(at=12)
    assert (orders.take(), raw.take()) == (["snapshot 1", "live", "update 2"], [])
    one.feed.lost("sequence_gap", 20)
    one.feed.take_raw(b"{}", False, 21)
    assert (orders.take(), raw.take()) == (["gap", "resyncing"], ["gap", "update 2"])
    assert (late.status, one.feed.status) == (TopicStatus.LIVE, TopicStatus.RESYNCING)
    assert one.topic("raw").status is TopicStatus.LIVE, "whoever comes later is told the same"


@pytest.mark.parametrize("loaded", [True, False])
def test_frames_have_a_hole_where_the_connection_had_one(loaded: bool) -> None:
    one = Stage("orders", "raw")
    raw = one.ears[1]
    one.feed.confirmed(10)
    if loaded:
        one.load(at=11)
    one.feed.broke("reset", 12)
    one.feed.begin()
    one.feed.confirmed(20)
    one.feed.take_raw(b"{}", False, 21)
    assert raw.take() == ["live", "disconnected", "restored", "live", "gap", "update 1"]
    one.feed.refused("no permission", 30)
    one.feed.wanted(31)
    one.feed.begin()
    one.feed.confirmed(32)
    one.feed.take_raw(b"{}", False, 33)
    assert raw.take() == ["closed", "pending", "live", "gap", "update 2"]


def test_nothing_is_fetched_for_frames_alone() -> None:
    one = Stage("raw")
    one.feed.confirmed(10)
    one.feed.lost("sequence_gap", 20)
    one.feed.take_raw(b"{}", False, 21)
    assert (one.asked, one.ear.take()) == ([], ["live", "gap", "update 1"])


@pytest.mark.parametrize(
    ("status", "known"),
    [
        (TopicStatus.LIVE, TopicStatus.PENDING),
        (TopicStatus.RESYNCING, TopicStatus.PENDING),
        (TopicStatus.STALE, TopicStatus.STALE),
        (TopicStatus.DISCONNECTED, TopicStatus.DISCONNECTED),
    ],
)
def test_where_frames_alone_were_heard_nothing_is_known_of_the_account_yet(
    status: TopicStatus, known: TopicStatus
) -> None:
    before, raw = Feed(USER), topic_named("mock:raw:@main")
    before.add(raw)
    before.status = status
    one = Stage()
    one.feed.take_over(before)
    assert one.feed.raw is raw
    assert one.topic("balances").status is known


# --- the first time


def test_when_it_flows_the_account_is_fetched_and_what_comes_meanwhile_is_told_after_it() -> None:
    one = Stage("orders", "balances")
    one.feed.confirmed(10)
    assert one.asked == [1]
    one.say(order("partially_filled", "0.5", 3), CASH, at=11)
    assert one.ear.words == []
    assert one.feed.status is TopicStatus.PENDING
    one.load(order(), Balance("BTC", 2, free="1", locked="0"), at=12)
    assert told(one.ears[0]) == [[order()], "live", [order("partially_filled", "0.5", 3)]]
    assert told(one.ears[1]) == [[Balance("BTC", 2, free="1", locked="0")], "live", [CASH]]
    assert one.ear.words[0] == "snapshot 1"


def test_what_was_held_back_and_is_behind_is_not_told() -> None:
    one = Stage()
    one.feed.confirmed(10)
    one.say(order(), at=11)
    one.say(order("partially_filled", "0.5", 3), at=12)
    one.load(FILLED, at=13)
    assert told(one.ear) == [[FILLED], "live"]


def test_a_fill_is_told_though_the_order_was_fetched_filled_for_it_says_more() -> None:
    one = Stage()
    one.feed.confirmed(10)
    fill = Order(1, "BTC-USDT", "buy", "filled", 5, filled="1", fee="0.1", trade_id=3)
    one.say(fill, at=11)
    one.load(FILLED, at=13)
    assert told(one.ear) == [[FILLED], "live", [fill]]


def test_where_nobody_can_fetch_it_what_the_stream_says_is_all() -> None:
    one = Stage(can_be_fetched=False)
    one.feed.confirmed(10)
    one.say(order(), at=11)
    one.feed.broke("reset", 20)
    one.feed.begin()
    one.feed.confirmed(30)
    one.say(FILLED, at=31)
    assert told(one.ear) == [
        "live",
        [order()],
        "disconnected",
        "restored",
        ("gap", "reset", 11, 30),
        "live",
        [FILLED],
    ]
    assert one.feed.topics[0].snapshot(32) is None, "what is known is not the whole"


def test_when_it_turns_out_that_nobody_can_fetch_it_what_was_held_back_is_told() -> None:
    one = Stage()
    one.feed.confirmed(10)
    one.say(order(), at=11)
    one.feed.never(12)
    assert told(one.ear) == ["live", [order()]]
    one.load(order(number=9), at=15)
    assert told(one.ear)[2:] == []


def test_another_epoch_may_not_be_able_to() -> None:
    one = Stage()
    one.feed.confirmed(10)
    one.say(order(), at=11)
    one.can_be_fetched = False
    one.feed.confirmed(12)
    assert told(one.ear) == ["live", [order()]]


def test_what_was_fetched_for_an_earlier_wish_is_worthless() -> None:
    one = Stage()
    one.feed.confirmed(10)
    one.feed.lost("sequence_gap", 11)
    one.feed.load([order()], 1, 12)
    assert told(one.ear) == [("gap", "sequence_gap", 10, 11), "resyncing"]
    one.load(FILLED, at=13)
    assert told(one.ear)[2:] == [[FILLED], "synced", "live"]
    assert one.asked == [1, 2]
    one.load(order(number=2), at=14)
    assert told(one.ear)[5:] == [], "once is enough"


def test_it_is_asked_for_again_when_another_epoch_has_it_to_do() -> None:
    one = Stage()
    one.feed.confirmed(10)
    one.feed.confirmed(11)
    assert one.asked == [1, 1]
    one.load(at=12)
    one.feed.confirmed(13)
    assert one.asked == [1, 1]


# --- patience


def test_after_a_while_what_was_held_back_is_told_and_the_whole_when_it_is_there() -> None:
    one = Stage()
    one.feed.confirmed(10)
    one.say(order(), at=11)
    one.feed.release(Reason.DEADLINE_MISSED, 20)
    one.say(order("partially_filled", "0.5", 3), at=21)
    one.feed.release(Reason.DEADLINE_MISSED, 22)
    assert told(one.ear) == ["resyncing", [order()], [order("partially_filled", "0.5", 3)]]
    assert one.feed.reason == Reason.DEADLINE_MISSED
    one.load(order(), order(number=2), at=30)
    assert told(one.ear)[3:] == [
        [order("partially_filled", "0.5", 3), order(number=2)],
        "synced",
        "live",
    ]


def test_after_a_hole_it_stays_as_it_is_until_the_whole_is_there() -> None:
    one = Stage().live()
    one.feed.lost("sequence_gap", 20)
    one.say(order(), at=21)
    one.feed.release(Reason.DEADLINE_MISSED, 30)
    assert told(one.ear) == [("gap", "sequence_gap", 10, 20), "resyncing", [order()]]


def test_so_much_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accountfeed, "HELD", 2)
    one = Stage()
    one.feed.confirmed(10)
    one.say(order(ts=1), at=11)
    one.say(order(ts=2), at=12)
    assert one.ear.words == []
    one.say(order(ts=3), at=13)
    assert told(one.ear) == ["resyncing", [order(ts=1)], [order(ts=2)], [order(ts=3)]]
    one.say(order(ts=4), at=14)
    assert told(one.ear)[4:] == [[order(ts=4)]]


# --- holes


def test_after_a_break_the_blind_time_is_told_then_the_whole_then_what_follows() -> None:
    one = Stage().live()
    one.say(order(), at=20)
    one.feed.saw(25)
    one.feed.saw(22)
    one.feed.broke("closed_by_peer", 40)
    one.feed.saw(45)
    one.feed.begin()
    one.feed.confirmed(50)
    one.say(order(number=2), at=51)
    assert one.feed.blind_us == 25
    one.load(FILLED, order(number=2), at=52)
    assert told(one.ear) == [
        [order()],
        "disconnected",
        "restored",
        ("gap", "closed_by_peer", 25, 50),
        "resyncing",
        [FILLED, order(number=2)],
        "synced",
        "live",
        [order(number=2)],
    ]


def test_what_was_held_back_is_told_before_it_is_disconnected() -> None:
    one = Stage()
    one.feed.confirmed(10)
    one.say(order(), at=11)
    one.feed.broke("reset", 12)
    one.feed.begin()
    one.feed.confirmed(20)
    one.load(order(), at=21)
    assert told(one.ear) == [[order()], ("gap", "reset", 11, 20), "resyncing", [order()], "synced", "live"]


def test_what_was_held_back_is_told_before_it_is_closed() -> None:
    one = Stage()
    one.feed.confirmed(10)
    one.say(order(), at=11)
    one.feed.refused("no permission", 12)
    assert told(one.ear) == [[order()], "closed"]


def test_what_was_held_back_is_told_before_another_hole_for_it_may_have_ended_in_that() -> None:
    one = Stage().live()
    one.feed.lost("sequence_gap", 20)
    one.say(order(), at=21)
    one.feed.lost("sequence_gap", 22)
    assert list(one.feed.open_orders) == [order()], "it is asked for, too"
    one.say(order(number=2), at=23)
    one.load(at=24)
    assert told(one.ear) == [
        ("gap", "sequence_gap", 10, 20),
        "resyncing",
        [order()],
        ("gap", "sequence_gap", 21, 22),
        [],
        "synced",
        "live",
        [order(number=2)],
    ]


def test_a_hole_begins_where_the_last_one_ended_if_nothing_was_heard_since() -> None:
    one = Stage().live()
    one.feed.lost("sequence_gap", 20)
    one.load(at=21)
    one.feed.lost("sequence_gap", 30)
    gaps = [one for one in told(one.ear) if isinstance(one, tuple)]
    assert gaps == [("gap", "sequence_gap", 10, 20), ("gap", "sequence_gap", 20, 30)]


def test_what_was_known_and_is_not_there_any_more_is_gone() -> None:
    one = Stage().live()
    one.say(order(), at=15)
    one.feed.lost("sequence_gap", 20)
    one.load(at=21)
    assert told(one.ear)[-3:] == [[], "synced", "live"]


def test_a_stream_that_never_flowed_has_no_hole() -> None:
    one = Stage()
    one.feed.broke("refused", 5)
    one.feed.begin()
    one.feed.confirmed(10)
    assert one.ear.words == []
    assert one.feed.blind_us is None


def test_one_that_the_exchange_ends_and_serves_again_has_one() -> None:
    one = Stage().live()
    one.feed.refused("no permission", 30)
    one.feed.wanted(40)
    one.feed.begin()
    one.feed.confirmed(50)
    assert told(one.ear) == ["closed", "pending", ("gap", "no permission", 10, 50), "resyncing"]


def test_a_loss_that_is_told_while_it_is_down_is_part_of_the_hole() -> None:
    one = Stage().live()
    one.feed.broke("reset", 20)
    one.feed.lost("sequence_gap", 21)
    assert one.asked == [1]
    one.feed.begin()
    one.feed.confirmed(30)
    assert told(one.ear)[2:] == [("gap", "sequence_gap", 10, 30), "resyncing"]


def test_a_silence_ends_with_a_hole() -> None:
    one = Stage().live()
    one.feed.stalled("data_stalled", 60)
    one.feed.delivers(70)
    one.say(order(), at=70)
    assert told(one.ear) == ["stale", "live", ("gap", "data_stalled", 10, 70), "resyncing"]
    one.load(order(), at=71)
    assert told(one.ear)[4:] == [[order()], "synced", "live", [order()]]


# --- those who join


def test_whoever_joins_is_told_what_is_known() -> None:
    one = Stage("orders", "balances")
    one.feed.confirmed(10)
    late = one.topic("positions")
    assert late.snapshot(1) is None
    one.load(order(), CASH, Position("BTC-USDT", "1", 1), at=11)
    one.say(FILLED, order(number=2), at=12)
    known = {topic.subscription.channel: topic.snapshot(13) for topic in one.feed.topics}
    assert [list(made.records) for made in known.values() if made] == [
        [order(number=2)],
        [CASH],
        [Position("BTC-USDT", "1", 1)],
    ]
    assert [one.order_id for one in one.feed.open_orders] == [2]
    one.feed.broke("reset", 20)
    assert late.snapshot(21) is None


def test_what_nobody_hears_of_is_not_kept() -> None:
    one = Stage("orders", "balances").live()
    one.say(order(), at=20)
    orders, balances = one.feed.topics
    assert not one.feed.remove(orders)
    assert len(one.feed.open_orders) == 1
    assert one.feed.remove(balances)
    assert one.feed.open_orders == []


# --- a second connection


def test_what_comes_both_ways_is_told_once_and_a_takeover_without_proof_is_a_hole() -> None:
    one = Stage().live()
    shadow = RecordShadow(one.feed)
    shadow.begin()
    shadow.confirmed(20)
    one.say(order(), at=21)
    shadow.take(Data(USER, [order()], ts=7), 22)
    shadow.take(Data(USER, [FILLED], ts=7), 23)
    shadow.hand_over("closed_by_peer", 24)
    assert told(one.ear) == [[order()], [FILLED]]
    one.feed.end_overlap()

    shadow = RecordShadow(one.feed)
    shadow.begin()
    shadow.confirmed(30)
    one.say(order(number=2), at=31)
    shadow.hand_over("closed_by_peer", 32)
    one.say(order(number=3), at=33)
    assert told(one.ear)[2:] == [[order(number=2)], ("gap", "rollover", 31, 33), "resyncing"]
    one.load(order(number=2), order(number=3), at=34)
    assert told(one.ear)[5:] == [[order(number=2), order(number=3)], "synced", "live", [order(number=3)]]


# --- what cannot be told


@pytest.mark.parametrize(
    "bad",
    [order("gone"), order(filled="much"), order(filled="NaN"), order(ts="1"), Balance("\ud800", 1), "x"],  # type: ignore[arg-type]
)
def test_what_cannot_be_told_is_refused_at_once_and_holds_nothing_up(bad: Any) -> None:
    one = Stage("orders", "balances").live()
    one.feed.lost(Reason.SEQUENCE_GAP, 12)
    for ear in one.ears:
        ear.take()
    with pytest.raises((TypeError, KeyError, ArithmeticError, UnicodeEncodeError)):
        one.say(bad, at=13)
    one.say(FILLED, at=14)
    with pytest.raises((TypeError, KeyError, ArithmeticError, UnicodeEncodeError)):
        one.load(CASH, bad, at=15)
    assert told(one.ear) == []
    one.load(CASH, at=16)
    assert [list(message.records) for message in one.ear.messages] == [[], [FILLED]]
    assert [list(message.records) for message in one.ears[1].messages] == [[CASH]]
    one.feed.broke("reset", 17)
    one.feed.begin()
    one.feed.confirmed(18)
    one.load(CASH, at=19)
    assert one.feed.status is TopicStatus.LIVE


def test_what_was_told_lately_is_known_by_channel_and_time_until_somebody_asks() -> None:
    stage = Stage("orders", "balances").live()
    stage.say(FILLED, CASH, at=20)
    assert stage.feed.lately() == (("orders", 7, 20), ("balances", 7, 20))
    assert stage.feed.lately() == ()


def test_of_very_much_that_was_told_the_newest_is_known() -> None:
    stage = Stage().live()
    for number in range(accountfeed.RECENT + 3):
        stage.say(order(number=number + 1), at=20 + number)
    assert [at for _, _, at in stage.feed.lately()] == list(range(23, 23 + accountfeed.RECENT))


def test_what_is_no_news_was_not_told() -> None:
    stage = Stage().live()
    stage.say(FILLED, at=20)
    stage.feed.lately()
    stage.say(order(ts=1), at=21)
    assert stage.feed.lately() == ()
