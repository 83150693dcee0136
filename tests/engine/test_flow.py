"""What topics have done is known whether they are there still or not, and few of their messages are timed."""

from functools import partial

from hearing import EPOCH, Ear
from slow import Client, lagging, quote, trade

from gateway.engine.flow import REMEMBERED, TIMED, Flow
from gateway.engine.hub import Hub
from gateway.engine.lines import LagPolicy
from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.engine.topics import Topic
from gateway.model.subscriptions import Subscription, parse_topic

SECOND = 1_000_000


class Timer(Ear):
    """Hears when what it heard was received."""

    def __init__(self, *topics: Topic) -> None:
        self.received: list[int] = []
        super().__init__(*topics)

    def timed(self, recv_us: int, /) -> None:
        self.received.append(recv_us)


def topic(flow: Flow, name: str = "mock:quotes:BTC") -> Topic:
    return Topic(parse_topic(name), EPOCH, flow=flow)


def test_the_first_message_is_timed_and_every_so_many_after_it() -> None:
    one = topic(Flow())
    ear = Timer(one)
    for number in range(1, 2 * TIMED + 2):
        one.publish("update", [], None, number)
    assert ear.received == [1, TIMED + 1, 2 * TIMED + 1]


def test_frames_of_the_exchange_are_timed_too() -> None:
    one = topic(Flow(), "mock:raw:a")
    ear = Timer(one)
    for number in range(1, TIMED + 2):
        one.publish_raw(b"{}", False, number)
    assert ear.received == [1, TIMED + 1]


def test_who_left_is_told_nothing() -> None:
    one = topic(Flow())
    ear, other = Timer(one), Timer(one)
    one.detach(ear, 0)
    one.publish("update", [], None, 1)
    assert (ear.received, other.received) == ([], [1])


def test_how_long_a_message_took_to_come_is_counted_where_the_exchange_says_when_it_left() -> None:
    flow = Flow()
    topic(flow).publish("update", [], 7 * SECOND, 10 * SECOND)
    topic(flow).publish("update", [], None, 10 * SECOND)
    topic(flow).publish("update", [], 11 * SECOND, 10 * SECOND)
    assert sum(flow.transit.counts) == 2
    assert flow.transit.sum == 3.0, "a clock that is ahead of ours took no time away"


def test_a_message_much_later_than_usual_is_remembered_until_somebody_asks() -> None:
    flow = Flow()
    for at in range(10, 20):
        flow.came((at - 5) * SECOND, at * SECOND)
    assert flow.late() == (), "a clock that is five seconds off is usual"
    flow.came(20 * SECOND, 27 * SECOND)
    assert flow.late() == ((20 * SECOND, 27 * SECOND),)
    assert flow.late() == ()


def test_what_goes_on_being_late_becomes_usual_and_only_so_many_are_remembered() -> None:
    flow = Flow()
    flow.came(0, 0)
    for at in range(1, 200):
        flow.came((at - 9) * SECOND, at * SECOND)
    late = flow.late()
    assert len(late) == REMEMBERED
    assert late[-1][1] < 199 * SECOND


def test_what_listeners_are_told_is_counted_by_what_it_is() -> None:
    flow = Flow()
    for name in ("mock:quotes:A", "mock:quotes:B"):
        one = topic(flow, name)
        one.become(TopicStatus.LIVE, "", 1)
        one.become(TopicStatus.LIVE, "", 2)
        one.tell(TopicEvent.GAP, "sequence_gap", 3)
    assert flow.told == {"live": 2, "gap": 2}


def test_a_message_is_encoded_once_a_client_listens() -> None:
    one = topic(Flow())
    publish = partial(one.publish, "update", [], None, 1)
    publish()
    assert (one.offset, one.encoded) == (1, 0)
    one.attach(Ear())
    one.attach(Ear())
    publish()
    publish()
    assert (one.offset, one.encoded) == (3, 2)


class Upstream:
    async def resolve(self, wish: Subscription, /) -> Subscription:
        return wish

    def open(self, topic: Topic, /) -> None:
        pass

    def close(self, topic: Topic, /) -> None:
        pass


def test_what_a_topic_has_counted_outlives_it() -> None:
    hub = Hub(lambda: EPOCH, linger=0)
    for exchange in ("mock", "other"):
        hub.connect(exchange, Upstream())
    ear = Ear()
    gone, there, elsewhere = (
        hub.attach(parse_topic(name), ear) for name in ("mock:quotes:A", "mock:quotes:B", "other:quotes:A")
    )
    for one in (gone, gone, there, elsewhere):
        one.publish("update", [], None, 1)
    flow = hub.flow("mock")
    assert flow.counted([gone, there]) == (3, 3)
    hub.detach(gone, ear, 0)
    hub.sweep(1)
    assert flow.counted([there]) == (3, 3)
    assert hub.flow("other").counted([elsewhere]) == (1, 1)


# --- a client's side


def test_the_oldest_message_that_waits_is_the_one_that_is_timed() -> None:
    client = Client()
    one = topic(Flow())
    client.line(one)
    one.publish("update", [], None, 5)
    other = topic(Flow())
    client.line(other)
    other.publish("update", [], None, 9)
    assert client.outbox.timed_us == 5


def test_nothing_is_timed_behind_what_may_not_be_sent_at_all() -> None:
    for policy, name in ((LagPolicy.CONFLATE, "mock:quotes:A"), (LagPolicy.DROP_OLDEST, "mock:trades:A")):
        client = lagging()
        one = topic(Flow(), name)
        client.line(one, policy)
        (quote if "quotes" in name else trade)(one, 1)
        assert client.outbox.timed_us == 0


def test_a_message_that_waits_for_its_interval_is_not_timed() -> None:
    client = Client()
    one = topic(Flow())
    client.paced(one, 0.1)
    quote(one, 1)
    assert client.outbox.timed_us > 0
    client.outbox.timed_us = 0
    for number in range(2, TIMED + 3):
        quote(one, number)
    assert client.outbox.timed_us == 0


def test_conflated_and_dropped_messages_are_counted() -> None:
    client = lagging(limit=1000)
    quotes, trades, book = (topic(Flow(), f"mock:{name}:A") for name in ("quotes", "trades", "book"))
    client.line(quotes)
    for number in range(1, 6):
        quote(quotes, number)
    assert (client.outbox.conflated, client.outbox.dropped) == (4, 0), "one stands for all"
    client.line(trades, LagPolicy.DROP_OLDEST)
    trade(trades, 20)
    dropped = client.outbox.dropped
    first, *rest = client.rest_words()
    assert f"lag 1-{dropped}" in rest
    client.line(book, LagPolicy.DROP_OLDEST)
    assert first == "filler"


def test_changes_of_a_book_that_are_skipped_are_dropped() -> None:
    client = lagging()
    book = topic(Flow(), "mock:book:A")
    client.line(book, LagPolicy.DROP_OLDEST)
    for number in (1, 2, 3):
        book.publish("update", [], None, number)
    assert (client.outbox.conflated, client.outbox.dropped) == (0, 3)


def test_what_an_interval_folds_is_conflated() -> None:
    client = Client()
    one = topic(Flow())
    client.paced(one, 0.1)
    for number in range(1, 5):
        quote(one, number)
    assert client.outbox.conflated == 2, "the first was sent, the last will be"


def test_what_may_be_dropped_waits_too() -> None:
    client = lagging()
    queued = client.outbox.waiting
    one = topic(Flow(), "mock:trades:A")
    client.line(one, LagPolicy.DROP_OLDEST)
    trade(one)
    assert client.outbox.waiting > queued == client.outbox.size
