"""Topics are opened once, outlive their last listener for a while, and are then given up."""

from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest
from hearing import Ear
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import floats, sampled_from

from gateway.engine.hub import LINGER, Hub
from gateway.engine.messages import TopicStatus
from gateway.engine.ring import Ring
from gateway.engine.topics import Topic
from gateway.errors import SubscriptionError
from gateway.model.subscriptions import Subscription

BTC = Subscription("mock", "trades", "BTC-USDT")
NAMES = ("A", "B", "C")


class Upstream:
    """Offers whatever is not called NOPE."""

    def __init__(self) -> None:
        self.open_topics: list[Topic] = []
        self.opened = 0

    async def resolve(self, wish: Subscription, /) -> Subscription:
        if wish.symbol == "NOPE":
            raise SubscriptionError("unknown_symbol", "mock has no symbol NOPE")
        return replace(wish, symbol=wish.symbol.upper())

    def open(self, topic: Topic, /) -> None:
        if topic.subscription.symbol == "NOPE":
            raise SubscriptionError("not_offered", "mock does not offer NOPE")
        self.open_topics.append(topic)
        self.opened += 1

    def close(self, topic: Topic, /) -> None:
        self.open_topics.remove(topic)


def hub(**more: Any) -> tuple[Hub, Upstream]:
    numbers = count(1)
    made, upstream = Hub(lambda: f"e{next(numbers)}", **more), Upstream()
    made.connect("mock", upstream)
    return made, upstream


async def test_a_wish_is_resolved_by_its_own_exchange() -> None:
    made, _ = hub()
    assert await made.resolve(replace(BTC, symbol="btc-usdt")) == BTC
    with pytest.raises(SubscriptionError, match="mock has no symbol NOPE"):
        await made.resolve(replace(BTC, symbol="NOPE"))


@pytest.mark.parametrize("channel", ["raw", "orders", "trades"])
def test_nobody_hears_an_account_by_calling_it_a_stream_or_a_symbol(channel: str) -> None:
    """Both would have one name, and what may be heard is decided by what a wish is of."""
    made, upstream = hub()
    wish = Subscription("mock", channel, "@main")
    with pytest.raises(SubscriptionError, match="no stream is called @main"):
        made.find(wish)
    made.attach(Subscription("mock", channel, account="main"), Ear())
    with pytest.raises(SubscriptionError, match="no stream is called @main"):
        made.attach(wish, Ear())
    assert (upstream.opened, list(made.topics)) == (1, [f"mock:{channel}:@main"])


async def test_an_exchange_that_is_not_loaded_is_named_beside_those_that_are() -> None:
    made, _ = hub()
    made.connect("binance", Upstream())
    stranger = replace(BTC, exchange="acme")
    with pytest.raises(
        SubscriptionError, match=r"^no exchange acme is loaded \(loaded: binance, mock\)$"
    ) as caught:
        await made.resolve(stranger)
    assert (caught.value.code, caught.value.temporary) == ("unknown_exchange", False)
    with pytest.raises(SubscriptionError, match="no exchange acme"):
        made.attach(stranger, Ear())
    with pytest.raises(SubscriptionError, match=r"\(loaded: none\)"):
        await Hub(lambda: "e").resolve(BTC)
    assert not made.topics


def test_a_topic_is_opened_once_however_many_listen() -> None:
    made, upstream = hub()
    topics = [made.attach(BTC, Ear()) for _ in range(3)]
    assert topics[0] is topics[1] is topics[2] is made.find(BTC)
    assert upstream.open_topics == [topics[0]]
    assert (topics[0].listeners, topics[0].epoch) == (3, "e1")
    assert dict(made.topics) == {BTC.topic: topics[0]}
    with pytest.raises(TypeError):
        made.topics["x"] = topics[0]  # type: ignore[index]


def test_what_the_exchange_does_not_offer_leaves_nothing_behind() -> None:
    made, upstream = hub()
    with pytest.raises(SubscriptionError, match="does not offer"):
        made.attach(replace(BTC, symbol="NOPE"), Ear())
    assert not made.topics
    assert made.sweep(1e9) == 0
    assert upstream.open_topics == []


def test_a_topic_outlives_its_last_listener_by_half_a_minute() -> None:
    made, upstream = hub()
    ear = Ear()
    topic = made.attach(BTC, ear)
    assert made.sweep(1e6) == 0, "somebody listens"
    made.detach(topic, ear, 100.0)
    assert made.sweep(100.0 + LINGER - 0.001) == 0
    assert made.find(BTC) is topic
    assert made.sweep(100.0 + LINGER) == 1
    assert (LINGER, dict(made.topics), upstream.open_topics) == (30.0, {}, [])
    assert made.sweep(1e9) == 0


def test_a_client_that_comes_back_finds_the_ring_and_its_epoch() -> None:
    made, upstream = hub()
    ear = Ear()
    topic = made.attach(BTC, ear)
    topic.publish("update", [], None, 1)
    made.detach(topic, ear, 0.0)
    made.sweep(29.0)
    topic.publish("update", [], None, 1)
    again = made.attach(BTC, Ear())
    assert again.epoch == "e1"
    assert again.ring is not None
    assert len(again.ring.after(1) or ()) == 1
    assert made.sweep(1e9) == 0
    assert upstream.opened == 1


def test_a_topics_ring_is_as_long_as_the_operator_wants() -> None:
    made = Hub(lambda: "e", new_ring=partial(Ring, max_messages=2))
    made.connect("mock", Upstream())
    topic = made.attach(BTC, Ear())
    for number in range(3):
        topic.publish_raw(b"%d" % number, False, 1)
    assert topic.ring is not None
    assert topic.ring.after(1) is not None
    assert topic.ring.after(0) is None


def test_other_bounds_hold_for_the_topics_that_there_are_and_for_those_that_come() -> None:
    made, upstream = hub()
    ears = {name: Ear() for name in "ABCD"}
    old = {name: made.attach(replace(BTC, symbol=name), ears[name]) for name in "ABC"}
    silent = made.attach(replace(BTC, symbol="S"), Ear(wants_frames=False))
    for name in "ABC":
        made.detach(old[name], ears[name], 0.0)
    made.retain(linger=5.0, idle=2, max_messages=1, max_bytes=100)
    assert [topic.subscription.symbol for topic in upstream.open_topics] == ["B", "C", "S"], (
        "the oldest is given up"
    )
    new = made.attach(replace(BTC, symbol="D"), ears["D"])
    silent.attach(Ear())
    for topic in (old["B"], new, silent):
        for number in range(3):
            topic.publish_raw(b"%d" % number, False, 1)
        assert topic.ring is not None
        assert (topic.ring.after(2) is None, topic.ring.after(1)) == (False, None)
    assert (made.sweep(4.9), made.sweep(5.0)) == (0, 2)


def test_a_topic_that_was_given_up_begins_anew_under_another_epoch() -> None:
    """Else its offsets would pretend that nothing was missed."""
    made, _ = hub(linger=0.0)
    ear = Ear()
    topic = made.attach(BTC, ear)
    topic.publish("update", [], None, 1)
    made.detach(topic, ear, 0.0)
    made.sweep(0.0)
    again = made.attach(BTC, Ear())
    assert (again.epoch, again.offset) == ("e2", 0)
    made.detach(topic, ear, 5.0)
    assert again.idle_since is None, "a late leave of the old one is nobody's business"


def test_only_so_many_topics_linger_and_the_oldest_is_given_up_first() -> None:
    made, upstream = hub(idle=2)
    ears = {name: Ear() for name in "ABCD"}
    topics = {name: made.attach(replace(BTC, symbol=name), ear) for name, ear in ears.items()}
    for name in "BAC":
        made.detach(topics[name], ears[name], 1.0)
    assert [topic.subscription.symbol for topic in upstream.open_topics] == ["A", "C", "D"]
    assert [name for name, topic in topics.items() if made.is_open(topic)] == ["A", "C", "D"]
    made.detach(topics["B"], ears["B"], 2.0)
    made.detach(topics["C"], ears["C"], 2.0)
    assert len(upstream.open_topics) == 3, "leaving twice makes nobody else go"
    made.attach(replace(BTC, symbol="A"), ears["A"])
    made.detach(topics["D"], ears["D"], 3.0)
    assert len(upstream.open_topics) == 3, "one that is listened to again is idle no more"
    made.detach(topics["A"], ears["A"], 4.0)
    assert [topic.subscription.symbol for topic in upstream.open_topics] == ["A", "D"]
    assert set(made.topics) == {"mock:trades:A", "mock:trades:D"}


class HubMachine(RuleBasedStateMachine):
    """Comings, goings and time in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.hub, self.upstream = hub()
        self.now = 0.0
        self.ears: list[tuple[Topic, Ear]] = []
        self.idle: dict[str, float] = {}

    @rule(name=sampled_from(NAMES))
    def come(self, name: str) -> None:
        ear = Ear()
        topic = self.hub.attach(replace(BTC, symbol=name), ear)
        self.ears.append((topic, ear))
        self.idle.pop(topic.name, None)

    @rule(name=sampled_from(NAMES))
    def go(self, name: str) -> None:
        for topic, ear in self.ears:
            if topic.subscription.symbol == name:
                self.ears.remove((topic, ear))
                self.hub.detach(topic, ear, self.now)
                if all(other is not topic for other, _ in self.ears):
                    self.idle[topic.name] = self.now
                return

    @rule(seconds=floats(0, 40))
    def sweep(self, seconds: float) -> None:
        self.now += seconds
        gone = {name for name, since in self.idle.items() if self.now - since >= LINGER}
        assert self.hub.sweep(self.now) == len(gone)
        for name in gone:
            del self.idle[name]

    @invariant()
    def what_is_fed_is_what_is_listened_to_or_was_of_late(self) -> None:
        expected = {topic.name for topic, _ in self.ears} | self.idle.keys()
        assert set(self.hub.topics) == expected
        assert sorted(topic.name for topic in self.upstream.open_topics) == sorted(expected)


def test_no_order_of_comings_and_goings_feeds_nobody_or_starves_somebody() -> None:
    run_state_machine_as_test(
        HubMachine, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )


def test_what_any_topic_tells_is_heard_by_whoever_listens_to_all() -> None:
    made, _ = hub()
    heard: list[tuple[str, str]] = []
    made.heard = lambda notice: heard.append((notice.subscription.symbol, str(notice.status)))
    for symbol in ("A", "B"):
        made.attach(replace(BTC, symbol=symbol), Ear()).become(TopicStatus.LIVE, "", 1)
    assert heard == [("A", "live"), ("B", "live")]
