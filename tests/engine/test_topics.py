"""A topic's offsets have no hole, its bytes are made once, and only for those who listen."""

from typing import Any

import pytest
from hearing import EPOCH, Ear, offsets, read, topic_named
from hypothesis import given
from hypothesis.strategies import lists, sampled_from

from gateway.engine import topics
from gateway.engine.messages import TopicEvent, TopicStatus
from gateway.engine.topics import Topic
from gateway.model.market import Quote, Trade
from gateway.model.subscriptions import Subscription

TRADE = Trade(1, "1", "2", "buy", 3)


def quote(number: int) -> Quote:
    return Quote(str(number), "1", "2", "1")


def test_a_new_topic_is_pending_and_at_nought() -> None:
    topic = topic_named("mock:trades:BTC-USDT")
    assert (topic.name, topic.epoch, topic.offset, topic.status) == (
        "mock:trades:BTC-USDT",
        EPOCH,
        0,
        TopicStatus.PENDING,
    )
    assert topic.listeners == 0
    assert topic.idle_since is None


def test_every_message_takes_the_next_offset_and_statuses_take_none() -> None:
    topic = topic_named("mock:trades:BTC-USDT")
    ear = Ear(topic)
    topic.publish("update", [TRADE], 3, 4)
    topic.become(TopicStatus.LIVE, "", 5)
    topic.tell(TopicEvent.GAP, "sequence_gap", 6, first=2, last=9)
    topic.publish("snapshot", [TRADE], None, 7)
    assert ear.words == ["update 1", "live", "gap", "snapshot 2"]
    assert offsets(ear.frames) == [1, 2]
    assert [read(frame)["type"] for frame in ear.frames] == ["update", "status", "status", "snapshot"]
    assert read(ear.frames[2]) == {
        "topic": "mock:trades:BTC-USDT",
        "type": "status",
        "status": "gap",
        "reason": "sequence_gap",
        "ts": 6,
        "from": 2,
        "to": 9,
        "recoverable": False,
    }
    assert (ear.messages[0].records, ear.messages[0].ts, ear.messages[0].recv_us) == ([TRADE], 3, 4)


def test_what_cannot_be_written_takes_no_offset_and_whoever_comes_back_misses_nothing() -> None:
    topic = topic_named("mock:trades:BTC-USDT")
    ear = Ear(topic)
    topic.publish("update", [TRADE], 3, 4)
    with pytest.raises(UnicodeEncodeError):
        topic.publish("update", [Trade(2, "\ud800", "2", "buy", 3)], 3, 4)
    topic.publish("update", [TRADE], 3, 5)
    assert offsets(ear.frames) == [1, 2]
    assert topic.ring is not None
    assert topic.ring.after(1) == ear.frames[1:]


def test_whoever_was_away_when_a_gap_was_told_hears_of_it_before_what_follows() -> None:
    topic = topic_named("mock:trades:BTC-USDT")
    ear = Ear(topic)
    topic.publish("update", [TRADE], 3, 4)
    topic.become(TopicStatus.DISCONNECTED, "closed_by_peer", 5)
    topic.tell(TopicEvent.GAP, "sequence_gap", 6, first=2, last=9)
    topic.publish("update", [TRADE], 3, 7)
    assert topic.ring is not None
    assert topic.ring.after(1) == ear.frames[2:], "what the topic is the answer says"


@given(lists(sampled_from(["publish", "raw", "status", "attach", "attach quietly", "detach"]), max_size=60))
def test_whoever_listens_hears_contiguous_offsets_from_where_it_joined(steps: list[str]) -> None:
    topic = topic_named("mock:raw:x")
    ears: list[tuple[int, Ear]] = []
    left: list[tuple[int, int, Ear]] = []
    for number, step in enumerate(steps):
        if step == "publish":
            topic.publish("update", [TRADE], None, 1)
        elif step == "raw":
            topic.publish_raw(b"{}", binary=False, recv_us=1)
        elif step == "status":
            topic.become(TopicStatus.LIVE if number % 2 else TopicStatus.STALE, "", 1)
        elif step == "detach" and ears:
            joined, ear = ears.pop(0)
            topic.detach(ear, 1.0)
            left.append((joined, topic.offset, ear))
        elif step.startswith("attach"):
            ears.append((topic.offset, Ear(topic, wants_frames=step == "attach")))
    left += [(joined, topic.offset, ear) for joined, ear in ears]
    for joined, until, ear in left:
        assert [message.offset for message in ear.messages] == list(range(joined + 1, until + 1))
        if ear.wants_frames:
            assert offsets(ear.frames) == list(range(joined + 1, until + 1))
    assert topic.listeners == len(ears)
    if topic.ring is not None:
        assert topic.ring.after(topic.offset) == []


def test_the_same_bytes_go_to_every_listener() -> None:
    topic = topic_named("mock:trades:BTC-USDT")
    one, two = Ear(topic), Ear(topic)
    topic.publish("update", [TRADE], None, 1)
    topic.publish_raw(b"{}", binary=False, recv_us=1)
    topic.become(TopicStatus.LIVE, "", 1)
    assert all(a is b for a, b in zip(one.frames, two.frames, strict=True))


def test_nothing_is_encoded_until_a_client_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    def must_not(*_: Any, **__: Any) -> bytes:
        raise AssertionError("nobody wanted it encoded")

    topic = topic_named("mock:trades:BTC-USDT")
    program = Ear(topic, wants_frames=False)
    with monkeypatch.context() as patched:
        patched.setattr(topics, "records_json", must_not)
        patched.setattr(topics, "raw_json", must_not)
        topic.publish("update", [TRADE], None, 1)
        topic.publish_raw(b"{", binary=False, recv_us=1)
        topic.become(TopicStatus.LIVE, "", 1)
    assert program.frames == [b"", b"", b""]
    assert topic.ring is None
    Ear(topic)
    topic.publish("update", [TRADE], None, 1)
    assert offsets([program.frames[-1]]) == [3]
    assert topic.ring is not None
    assert topic.ring.after(2) == program.frames[-1:]
    assert topic.ring.after(1) is None, "what was never encoded cannot be resumed"


def test_the_ring_outlives_the_last_client() -> None:
    topic = topic_named("mock:trades:BTC-USDT")
    ear = Ear(topic)
    topic.publish("update", [TRADE], None, 1)
    topic.detach(ear, 5.0)
    topic.publish("update", [TRADE], None, 1)
    assert topic.idle_since == 5.0
    assert topic.ring is not None
    assert topic.ring.after(0) is not None
    Ear(topic)
    assert topic.idle_since is None
    assert topic.ring.after(1) is not None


def test_a_topic_is_idle_from_its_last_listeners_leave_on() -> None:
    topic = topic_named("mock:trades:BTC-USDT")
    one, two = Ear(topic), Ear(topic)
    topic.detach(one, 1.0)
    assert topic.idle_since is None
    topic.detach(two, 2.0)
    topic.detach(two, 9.0)
    topic.detach(one, 9.0)
    assert topic.idle_since == 2.0


def test_a_listener_may_leave_or_join_while_a_message_goes_round() -> None:
    topic = topic_named("mock:trades:BTC-USDT")

    class Leaver(Ear):
        def put(self, message: Any, /) -> None:
            super().put(message)
            topic.detach(self, 1.0)
            topic.attach(last)

    last = Ear()
    leaver, other = Leaver(topic), Ear(topic)
    topic.publish("update", [TRADE], None, 1)
    topic.publish("update", [TRADE], None, 1)
    assert leaver.words == ["update 1"]
    assert other.words == ["update 1", "update 2"]
    assert last.words == ["update 2"]


def test_becoming_what_it_is_already_says_nothing() -> None:
    topic = topic_named("mock:trades:BTC-USDT")
    ear = Ear(topic)
    topic.become(TopicStatus.PENDING, "again", 1)
    topic.become(TopicStatus.LIVE, "", 2)
    topic.become(TopicStatus.LIVE, "still", 3)
    topic.become(TopicStatus.DISCONNECTED, "closed_by_peer", 4)
    assert ear.words == ["live", "disconnected"]
    assert (topic.status, topic.reason) == (TopicStatus.DISCONNECTED, "closed_by_peer")
    assert [notice.at_us for notice in ear.notices] == [2, 4]


def test_only_gaps_say_whether_they_can_be_recovered() -> None:
    topic = topic_named("mock:trades:BTC-USDT")
    ear = Ear(topic)
    topic.tell(TopicEvent.RESTORED, "", 1)
    topic.tell(TopicEvent.SYNCED, "", 1)
    topic.tell(TopicEvent.GAP, "", 1)
    topic.tell(TopicEvent.GAP, "", 1, recoverable=True)
    assert [notice.recoverable for notice in ear.notices] == [None, None, False, True]


def test_raw_topics_have_no_synced_and_no_bounds() -> None:
    topic = topic_named("mock:raw:btc@depth")
    ear = Ear(topic)
    topic.tell(TopicEvent.GAP, "reset", 1, first=3, last=4, after_us=5, before_us=6)
    topic.tell(TopicEvent.SYNCED, "reset", 1)
    topic.tell(TopicEvent.RESTORED, "reset", 1)
    assert ear.words == ["gap", "restored"]
    gap = ear.notices[0]
    assert (gap.first, gap.last, gap.after_us, gap.before_us) == (None, None, None, None)


@pytest.mark.parametrize(
    ("sent", "binary", "data"),
    [
        (b'{"a":1.50}', False, {"a": 1.5}),
        (b"pong", False, "pong"),
        (b"\x00\xff", True, {"base64": "AP8="}),
    ],
)
def test_a_raw_frame_reaches_programs_as_bytes_and_clients_as_json(sent: bytes, binary: bool, data: Any) -> None:
    topic = topic_named("mock:raw:x")
    program, client = Ear(topic, wants_frames=False), Ear(topic)
    topic.publish_raw(sent, binary, 7)
    assert (program.messages[0].records, program.messages[0].kind, program.messages[0].ts) == (
        sent,
        "update",
        None,
    )
    assert read(client.frames[0]) == {
        "topic": "mock:raw:x",
        "type": "update",
        "epoch": EPOCH,
        "offset": 1,
        "recv": 7,
        "data": data,
    }


# --- snapshots for those who join


@pytest.mark.parametrize("channel", ["quotes", "ticker", "mark"])
def test_where_the_newest_record_says_all_it_is_the_snapshot(channel: str) -> None:
    topic = topic_named(f"mock:{channel}:BTC-USDT")
    assert topic.snapshot(9) is None
    topic.publish("update", [quote(1), quote(2)], 3, 4)
    joined = topic.snapshot(9)
    assert joined is not None
    assert (joined.kind, joined.records, joined.ts, joined.recv_us, joined.offset) == (
        "snapshot",
        [quote(2)],
        3,
        9,
        1,
    )
    assert read(joined.frame)["offset"] == 1
    assert topic.offset == 1, "it takes no offset"


@pytest.mark.parametrize("channel", ["trades", "candles", "liquidations", "raw", "orders", "balances", "book"])
def test_elsewhere_nothing_is_made_up(channel: str) -> None:
    topic = Topic(Subscription("mock", channel, "BTC-USDT"), EPOCH)
    topic.publish("update", [TRADE], 3, 4)
    assert topic.snapshot(9) is None


def test_a_raw_topic_of_any_name_has_no_snapshot() -> None:
    topic = topic_named("mock:raw:quotes")
    topic.publish_raw(b"{}", binary=False, recv_us=1)
    assert topic.snapshot(9) is None


def test_when_the_newest_message_came_is_known_but_of_frames() -> None:
    topic, raw = topic_named("mock:trades:BTC-USDT"), topic_named("mock:raw:a")
    assert topic.heard_us is None
    topic.publish("update", [TRADE], 3, 4)
    raw.publish_raw(b"{}", False, 4)
    assert (topic.heard_us, raw.heard_us) == (4, None)
