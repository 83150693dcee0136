"""What listeners of a topic hear of a recording, and what one that joins late is sent."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.app.listening import Callback, joining
from gateway.engine.messages import Message, Notice
from gateway.engine.topics import Topic
from gateway.model.subscriptions import parse_topic
from gateway.recording.spelling import Told
from gateway.recording.tracks import Track, Tracks

LEVELS = {"bids": [["99", "1"], ["98", "2"]], "asks": [["101", "1"]], "seq": 5, "ts": 4}
ORDER = {"order_id": 1, "symbol": "BTC-USDT", "side": "buy", "status": "new", "ts": 1}


class Played:
    """A topic and its track."""

    def __init__(self, name: str) -> None:
        self.track = Track(parse_topic(name))
        self.heard: list[Any] = []

    def open(self) -> None:
        self.topic = Topic(self.track.subscription, "new")
        self.track.open(self.topic)
        self.topic.attach(Callback(self.heard.append))

    def hear(self, at: int = 7, **message: Any) -> None:
        self.track.hear(msgspec.json.decode(json.dumps(message), type=Told), at)

    def ack(self, status: str = "live", at: int = 7) -> None:
        self.hear(at, method="subscribe", success=True, status=status)

    def data(self, *records: Any, kind: str = "update", ts: int | None = 3, recv: int = 4) -> None:
        self.hear(type=kind, data=records, ts=ts, recv=recv)

    @property
    def story(self) -> list[str]:
        return [
            f"{one.status} {one.reason}".strip() if isinstance(one, Notice) else one.kind for one in self.heard
        ]

    @property
    def joined(self) -> list[Any]:
        """What somebody who joins now is sent."""
        return [
            msgspec.to_builtins(one.records) if isinstance(one, Message) else str(one.status)
            for one in joining(self.topic, 9)
        ]


@pytest.fixture
def played() -> Callable[[str], Played]:
    def opened(name: str) -> Played:
        one = Played(name)
        one.open()
        return one

    return opened


def test_records_come_with_times_as_recorded_and_offsets_of_their_own(played: Callable[[str], Played]) -> None:
    one = played("mock:trades:A")
    trades = [{"id": n, "price": "1.10", "size": "2", "side": "buy", "ts": n} for n in (1, 2)]
    one.ack()
    one.data(*trades, ts=30, recv=40)
    one.data(trades[0], ts=None, recv=41)
    assert one.story == ["live", "update", "update"]
    first, second = one.heard[1:]
    assert (first.offset, first.ts, first.recv_us) == (1, 30, 40)
    assert (second.offset, second.ts, second.recv_us) == (2, None, 41)
    assert msgspec.to_builtins(first.records) == trades


def test_statuses_come_as_recorded(played: Callable[[str], Played]) -> None:
    one = played("mock:trades:A")
    one.ack("pending")
    one.hear(type="status", status="live", reason="subscribed", ts=1)
    one.hear(type="status", status="stale", reason="data_stalled", ts=2)
    one.hear(type="status", status="stale", reason="no_data", ts=3)
    bounds = {"from": 4, "to": 5, "from_ts": 6, "to_ts": 7, "recoverable": True}
    one.hear(type="status", status="gap", reason="connection_reset", ts=8, **bounds)
    assert one.story == ["live subscribed", "stale data_stalled", "stale no_data", "gap connection_reset"]
    gap = one.heard[-1]
    assert (gap.at_us, gap.first, gap.last, gap.after_us, gap.before_us, gap.recoverable) == (8, 4, 5, 6, 7, True)


def test_what_the_recorder_had_dropped_is_a_gap(played: Callable[[str], Played]) -> None:
    one = played("mock:trades:A")
    one.ack()
    one.hear(type="lag", **{"from": 10, "to": 20})
    assert one.story == ["live", "gap lag"]
    assert one.heard[-1].first is None, "these are offsets, not the exchange's ids"


def test_after_another_run_comes_a_gap(played: Callable[[str], Played]) -> None:
    one = played("mock:trades:A")
    one.track.cut(1)
    one.ack()
    one.track.cut(5)
    one.ack(at=6)
    one.track.end(7)
    one.track.end(8)
    assert one.story == [
        "live",
        "disconnected not_recorded",
        "restored not_recorded",
        "gap not_recorded",
        "live",
        "closed end_of_recording",
    ]


def test_a_topic_that_was_closed_stays_as_it_was(played: Callable[[str], Played]) -> None:
    one = played("mock:trades:A")
    one.hear(type="status", status="closed", reason="delisted", ts=1)
    one.track.end(8)
    assert one.story == ["closed delisted"]


def test_an_opened_topic_is_what_the_recording_says_by_then() -> None:
    one = Played("mock:quotes:A")
    quote = {"bid": "1", "bid_size": "1", "ask": "2", "ask_size": "1", "ts": 1}
    one.ack()
    one.data(quote)
    one.hear(type="status", status="stale", reason="data_stalled", ts=2)
    one.open()
    assert one.joined == ["stale", [quote]]
    one.track.close()
    one.data(quote)
    assert one.heard == []


def test_a_book_is_shown_whole_and_never_a_broken_one(played: Callable[[str], Played]) -> None:
    one = played("mock:book:A")
    one.ack()
    one.data({"bids": [["5", "5"]], "asks": [], "seq": 4})
    assert one.joined == [], "changes of a book that nobody knows"
    one.data(LEVELS, kind="snapshot")
    one.data({"bids": [["98", "0"], ["97", "3"]], "asks": [["100.5", "9"]], "seq": 6, "ts": 5})
    whole = {"bids": [["99", "1"], ["97", "3"]], "asks": [["100.5", "9"], ["101", "1"]], "seq": 6, "ts": 5}
    assert [json.loads(json.dumps(one.joined))] == [[[whole]]]
    one.data(LEVELS, kind="snapshot")
    assert json.loads(json.dumps(one.joined)) == [[LEVELS]], "a snapshot replaces all that was known"
    one.hear(type="status", status="resyncing", reason="sequence_gap", ts=1)
    assert one.joined == ["resyncing"]
    one.hear(type="status", status="live", reason="", ts=1)
    assert one.joined == []
    one.data(LEVELS, kind="snapshot")
    assert len(one.joined) == 1


def test_a_book_of_a_recorder_that_came_back_in_time_is_still_right(played: Callable[[str], Played]) -> None:
    one = played("mock:book:A")
    one.ack()
    one.data(LEVELS, kind="snapshot")
    one.hear(type="status", status="disconnected", reason="not_recorded", ts=1)
    assert one.joined == ["disconnected"]
    one.hear(type="status", status="restored", reason="not_recorded", ts=1)
    one.ack()
    assert len(one.joined) == 1
    one.hear(type="status", status="gap", reason="not_recorded", ts=1)
    assert one.joined == []


def test_an_account_is_shown_as_it_is_known(played: Callable[[str], Played]) -> None:
    one = played("mock:orders:@main")
    one.ack()
    one.data(ORDER)
    assert one.joined == []
    one.data(ORDER, {**ORDER, "order_id": 2}, kind="snapshot")
    one.data({**ORDER, "status": "filled", "ts": 2})
    assert one.joined == [[{**ORDER, "order_id": 2}]]


@pytest.mark.parametrize("channel", ["trades", "candles", "liquidations", "another"])
def test_channels_without_snapshots_have_none(channel: str, played: Callable[[str], Played]) -> None:
    one = played(f"mock:{channel}:A")
    one.ack()
    one.data({"whatever": 1})
    assert one.heard[-1].records == [{"whatever": 1}], "what a plugin made stays what it is"
    assert one.joined == []


@pytest.mark.parametrize("payload", ['{"p": 0.00000010}', '"text"', '{"base64":"AAEC"}', "[1,2]"])
def test_frames_are_told_byte_for_byte(payload: str) -> None:
    one = Played("mock:raw:x")
    one.open()
    one.topic.attach(Frames())
    one.track.hear(msgspec.json.decode(f'{{"type":"update","recv":9,"data":{payload}}}', type=Told), 1)
    assert one.topic.ring is not None
    [frame] = one.topic.ring.after(0) or ()
    assert frame.endswith(f'"offset":1,"recv":9,"data":{payload}}}'.encode())


class Frames:
    wants_frames = True

    def put(self, _: Message, /) -> None: ...

    def notify(self, _: Notice, frame: bytes, /) -> None: ...


@pytest.mark.parametrize(
    "message",
    [
        {"type": "strange", "data": []},
        {"type": "update", "data": [{"bids": 5}]},
        {"type": "update", "data": {}},
        {"type": "snapshot", "data": [{"bids": [["abc", "1"]], "asks": []}]},
        {"type": "status", "status": "strange"},
        {"method": "subscribe", "success": True, "status": "strange"},
    ],
)
def test_what_cannot_be_told_is_an_error_and_harms_nothing(
    message: dict[str, Any], played: Callable[[str], Played]
) -> None:
    one = played("mock:book:A")
    with pytest.raises((ValueError, msgspec.DecodeError)):
        one.hear(**message)
    assert one.heard == []


def test_answers_that_are_none_of_a_subscription_change_nothing(played: Callable[[str], Played]) -> None:
    one = played("mock:book:A")
    one.hear(method="subscribe", success=False)
    one.hear(method="unsubscribe", success=True)
    assert one.heard == []


def test_each_topic_is_there_once() -> None:
    tracks = Tracks(["mock:trades:A", "mock:trades:A"])
    assert list(tracks.all) == ["mock:trades:A"]
    assert tracks.of("mock:trades:A") is tracks.all["mock:trades:A"]
    with pytest.raises(ValueError, match="is no topic"):
        tracks.of("nonsense")
