"""Only what is live can go stale: what was told of a stream before says more."""

import pytest

from gateway.engine.bookfeed import BookFeed
from gateway.engine.feeds import Feed
from gateway.engine.messages import Message, Notice, TopicStatus
from gateway.engine.silence import Silence
from gateway.engine.topics import Topic
from gateway.model.subscriptions import Subscription
from gateway.spi import Rhythm


def fed(feed: Feed, channel: str) -> Topic:
    topic = Topic(Subscription("mock", channel, "BTC-USDT"), "e")
    feed.add(topic)
    return topic


class Heard:
    """Hears statuses."""

    wants_frames = False

    def __init__(self) -> None:
        self.told: list[tuple[str, str, int]] = []

    def put(self, message: Message, /) -> None:
        raise AssertionError(message)

    def notify(self, notice: Notice, _: bytes, /) -> None:
        self.told.append((str(notice.status), notice.reason, notice.at_us))


@pytest.mark.parametrize(("feed", "channel"), [(Feed("s"), "quotes"), (BookFeed("s", lambda _: None), "book")])
def test_a_stream_that_is_not_live_does_not_become_stale(feed: Feed, channel: str) -> None:
    topic = fed(feed, channel)
    feed.stalled("data_stalled", 1)
    assert topic.status is TopicStatus.PENDING
    feed.confirmed(2)
    feed.broke("closed_by_peer", 3)
    told = topic.status
    feed.stalled("data_stalled", 4)
    assert topic.status is told


def test_an_answer_does_not_end_a_silence_and_a_datum_does() -> None:
    feed = Feed("s")
    topic = fed(feed, "quotes")
    feed.delivers(1)
    feed.stalled("data_stalled", 2)
    feed.confirmed(3)
    assert (topic.status, topic.reason) == (TopicStatus.STALE, "data_stalled")
    feed.delivers(4)
    assert topic.status is TopicStatus.LIVE


@pytest.mark.parametrize(("feed", "channel"), [(Feed("s"), "quotes"), (BookFeed("s", lambda _: None), "book")])
def test_that_more_is_known_of_a_silence_is_told_once_and_to_nobody_else(feed: Feed, channel: str) -> None:
    topic, ear = fed(feed, channel), Heard()
    topic.attach(ear)
    feed.explained("endpoint_moved", 1)
    feed.status = TopicStatus.LIVE
    feed.explained("endpoint_moved", 2)
    feed.stalled("no_data", 3)
    feed.explained("endpoint_moved", 4)
    feed.explained("endpoint_moved", 5)
    assert ear.told == [("stale", "no_data", 3), ("stale", "endpoint_moved", 4)]
    assert (topic.reason, feed.reason) == ("endpoint_moved", "endpoint_moved")


def test_what_is_not_watched_has_delivered_nothing_and_is_quiet() -> None:
    silence = Silence()
    assert not silence.delivered("s")
    assert silence.is_quiet("s", 0.0)
    silence.look("s", Rhythm.CONTINUOUS, 0, 0.0)
    silence.look("s", Rhythm.CONTINUOUS, 1, 1.0)
    assert silence.delivered("s")
    assert not silence.is_quiet("s", 5.0)
    assert silence.is_quiet("s", 20.0)
