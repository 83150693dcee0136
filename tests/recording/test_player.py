"""When a recording is told: by its own times, faster, or as fast as clients read; and where it ends."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.app.listening import Callback
from gateway.engine.messages import Message, Notice
from gateway.engine.topics import Topic
from gateway.errors import DamagedRecording, RecordingError
from gateway.model.account import ACCOUNT_RECORDS
from gateway.model.market import MARKET_RECORDS
from gateway.model.subscriptions import parse_topic
from gateway.recording import player as module
from gateway.recording.player import Player
from gateway.recording.reading import segments
from gateway.recording.spelling import Header, header_line
from gateway.recording.survey import survey
from gateway.recording.tracks import Tracks
from gateway.recording.zstd import packed
from gateway.testing.virtual import run

TRADES = "mock:trades:BTC-USDT"
RECORDS = {**MARKET_RECORDS, **ACCOUNT_RECORDS}


def records() -> st.SearchStrategy[Any]:
    """Records that are right, or nearly."""
    return st.one_of(
        *(st.from_type(kind).map(msgspec.to_builtins) for kind in RECORDS.values()),
        st.fixed_dictionaries({"bids": LEVELS, "asks": LEVELS}, optional={"seq": st.integers()}),
    )


PRICES = st.sampled_from(["1", "2.50", "0", "0.000", "abc", "nan", "1e999", "-3", ""])
LEVELS = st.lists(st.tuples(PRICES, PRICES), max_size=4)


class Listening:
    """Plays a recording and notes when each thing was heard."""

    def __init__(
        self, directory: Path, speed: float | None, is_behind: Callable[[], bool] = lambda: False
    ) -> None:
        self.heard: list[tuple[float, str]] = []
        self.tracks = Tracks([TRADES])
        self.player = Player(segments(directory), self.tracks, speed, is_behind)
        topic = Topic(parse_topic(TRADES), "e")
        self.tracks.of(TRADES).open(topic)
        topic.attach(Callback(self._hear))

    def _hear(self, one: Any) -> None:
        text = f"{one.status} {one.reason}".strip() if isinstance(one, Notice) else f"trade {one.records[0].id}"
        self.heard.append((round(asyncio.get_running_loop().time(), 3), text))

    def play(self) -> list[tuple[float, str]]:
        run(self.player.play())
        return self.heard


@pytest.fixture
def three(tape: Callable[..., Any], tmp_path: Path) -> Path:
    """Three trades in three seconds, in two files."""
    one = tape(size=1)
    one.ack(TRADES)
    one.trade(1)
    one.flush()
    one.trade(2)
    one.trade(3)
    one.end()
    assert len(segments(tmp_path / "rec")) == 2
    return tmp_path / "rec"


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 1.0), (10.0, 0.1), (0.5, 2.0), (None, 0.0)])
def test_it_takes_as_long_as_it_took_or_so_many_times_less(
    speed: float | None, seconds: float, three: Path
) -> None:
    heard = Listening(three, speed).play()
    assert [text for _, text in heard] == ["live", "trade 1", "trade 2", "trade 3", "closed end_of_recording"]
    assert [at - heard[0][0] for at, _ in heard] == pytest.approx(
        [0, seconds, 2 * seconds, 3 * seconds, 3 * seconds]
    )


def test_how_far_it_is_is_told_in_bytes(three: Path) -> None:
    one = Listening(three, None)
    one.play()
    assert (one.player.read, one.player.messages) == (survey(three).bytes, 4)


def test_clocks_that_went_backwards_hold_nothing_up(tape: Callable[..., Any], tmp_path: Path) -> None:
    one = tape()
    one.at = 10_000_000
    one.ack(TRADES)
    one.at = 0
    one.trade(1)
    one.end()
    assert [at for at, _ in Listening(tmp_path / "rec", 1.0).play()] == [0.0, 0.0, 0.0]


def test_what_follows_a_kill_comes_after_a_gap(tape: Callable[..., Any], tmp_path: Path) -> None:
    first = tape()
    first.ack(TRADES)
    first.trade(1)
    first.flush()
    first.trade(2)
    first.end()
    path = first.writer.path
    path.write_bytes(path.read_bytes()[:-1])
    second = tape(run="r2")
    second.ack(TRADES)
    second.trade(9)
    second.end()
    assert [text for _, text in Listening(tmp_path / "rec", None).play()] == [
        "live",
        "trade 1",
        "disconnected not_recorded",
        "restored not_recorded",
        "gap not_recorded",
        "live",
        "trade 9",
        "closed end_of_recording",
    ]


def test_a_file_that_is_torn_is_a_cut_by_itself(tape: Callable[..., Any], tmp_path: Path) -> None:
    one = tape()
    one.ack(TRADES)
    one.flush()
    one.trade(1)
    one.end()
    one.writer.path.write_bytes(one.writer.path.read_bytes()[:-1])
    heard = [text for _, text in Listening(tmp_path / "rec", None).play()]
    assert heard == ["live", "disconnected not_recorded", "closed end_of_recording"]


def test_between_two_runs_is_a_gap_though_the_first_was_ended_in_good_order(
    tape: Callable[..., Any], tmp_path: Path
) -> None:
    for run_ in ("r1", "r2"):
        one = tape(run=run_)
        one.ack(TRADES)
        one.end()
    assert [text for _, text in Listening(tmp_path / "rec", None).play()] == [
        "live",
        "disconnected not_recorded",
        "restored not_recorded",
        "gap not_recorded",
        "live",
        "closed end_of_recording",
    ]


def test_what_came_before_the_damage_is_told(tape: Callable[..., Any], tmp_path: Path) -> None:
    one = tape()
    one.ack(TRADES)
    one.trade(1)
    one.say(topic=TRADES, type="strange")
    one.end()
    listening = Listening(tmp_path / "rec", None)
    with pytest.raises(
        DamagedRecording, match=r"000001\.jsonl\.zst, byte \d+, line 3: cannot be told: no message"
    ):
        listening.play()
    assert [text for _, text in listening.heard] == ["live", "trade 1"]


def test_a_topic_that_is_none_is_damage_too(tape: Callable[..., Any], tmp_path: Path) -> None:
    one = tape()
    one.say(topic="nonsense", type="update")
    one.end()
    with pytest.raises(DamagedRecording, match="line 1: cannot be told: 'nonsense' was not subscribed to"):
        Listening(tmp_path / "rec", None).play()


def test_a_topic_that_is_subscribed_to_later_is_told_from_then_on(
    tape: Callable[..., Any], tmp_path: Path
) -> None:
    one = tape()
    one.ack(TRADES)
    one.say(method="subscribe", success=False, topic="mock:trades:NOPE")
    one.ack("mock:trades:LATE")
    one.trade(1, "mock:trades:LATE")
    one.end()
    listening = Listening(tmp_path / "rec", None)
    listening.play()
    assert list(listening.tracks.all) == [TRADES, "mock:trades:LATE"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["1", "0", "nan", "-1e400", "buy", "new", "live", "closed", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(st.lists(inner, min_size=2, max_size=2), max_size=2)
        | st.dictionaries(
            st.sampled_from([field for kind in RECORDS.values() for field in kind.__struct_fields__]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
MESSAGES = st.fixed_dictionaries(
    {"topic": st.sampled_from([*(f"mock:{channel}:A" for channel in RECORDS), "mock:raw:A", "mock:new:A", "x"])},
    optional={
        "type": st.sampled_from(["update", "snapshot", "status", "lag", "other"]) | JSON,
        "method": st.sampled_from(["subscribe", "list"]) | JSON,
        "success": st.booleans() | JSON,
        "status": st.sampled_from(["live", "gap", "resyncing", "restored", "stale"]) | JSON,
        "reason": JSON,
        **dict.fromkeys(["ts", "recv", "from", "to", "from_ts", "to_ts", "recoverable"], JSON),
        "data": st.lists(records(), max_size=2) | JSON,
    },
)


@settings(
    max_examples=5_000 if os.environ.get("GATEWAY_FULL_SIZE") else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(messages=st.lists(MESSAGES, max_size=6))
def test_whatever_the_messages_say_telling_them_raises_nothing_but_clear_errors(
    messages: list[Any], tmp_path: Path
) -> None:
    """And a client that joins after them gets its snapshot, or none."""
    acks = [
        {"method": "subscribe", "success": True, "topic": f"mock:{one}:A", "status": "live"} for one in RECORDS
    ]
    lines = [b'{"at":1,"message":%b}\n' % json.dumps(message).encode() for message in (*acks, *messages)]
    path = tmp_path / "000001.jsonl.zst"
    header = header_line(Header(1, "1", "r", 1, [], 1))
    path.write_bytes(packed(header + b"".join(lines)))
    tracks = Tracks([f"mock:{channel}:A" for channel in RECORDS] + ["mock:raw:A"])
    topics = []
    for track in tracks.all.values():
        topics.append(Topic(track.subscription, "e"))
        track.open(topics[-1])
        topics[-1].attach(Framed())
    try:
        run(Player([path], tracks, None, lambda: False).play())
    except DamagedRecording as exc:
        assert str(exc).startswith(f"{path}, byte 0, line ")  # noqa: PT017  # nothing is wrong if it plays
    for topic in topics:
        topic.snapshot(1)


class Framed:
    """A client's line."""

    wants_frames = True

    def put(self, message: Message, /) -> None:
        json.loads(message.frame[message.frame.index(b"{") :])

    def notify(self, _: Notice, frame: bytes, /) -> None:
        json.loads(frame[frame.index(b"{") :])


@pytest.mark.parametrize(("speed", "waits"), [(None, True), (1000.0, False)])
def test_clients_set_the_pace_where_nothing_else_does(
    speed: float | None, waits: bool, tape: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN", 1)
    one = tape()
    for number in range(3):
        one.at = 0
        one.trade(number)
        one.at = 0
    one.end()
    behind = iter([True, True, False] * 4)
    began: list[float] = []

    async def played() -> None:
        began.append(asyncio.get_running_loop().time())
        listening = Listening(tmp_path / "rec", speed, lambda: next(behind))
        await listening.player.play()
        began.append(asyncio.get_running_loop().time())

    run(played())
    took = began[1] - began[0]
    assert took >= 6 * module.LOOK if waits else took <= 3.0 / 1000 + 1e-6


def test_a_client_that_never_reads_holds_the_others_up_for_a_while_only(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    heard = Listening(three, None, lambda: True).play()
    assert [text for _, text in heard][-1] == "closed end_of_recording"


# --- what is known before


def test_the_topics_are_those_that_were_acknowledged_under_their_own_names(
    tape: Callable[..., Any], tmp_path: Path
) -> None:
    one = tape(topics=["mock:trades:a", "mock:trades:nope"])
    one.ack(TRADES)
    one.say(method="subscribe", success=False, topic="mock:trades:nope")
    one.end()
    two = tape(run="r2", topics=["mock:quotes:A", "mock:ticker:A"], size=1)
    two.ack("mock:quotes:A")
    two.flush()
    two.ack("mock:ticker:A")
    two.end()
    found = survey(tmp_path / "rec")
    assert found.topics == (TRADES, "mock:quotes:A", "mock:ticker:A")
    assert [path.name for path in found.files] == [f"00000{n}.jsonl.zst" for n in (1, 2, 3)]


def test_only_the_beginning_is_looked_at(tape: Callable[..., Any], tmp_path: Path) -> None:
    one = tape(size=1)
    one.ack(TRADES)
    one.flush()
    one.trade(1)
    one.end()
    with one.writer.path.open("ab") as file:
        file.write(b"damage")
    assert survey(tmp_path / "rec").topics == (TRADES,)


def test_a_recording_of_nothing_is_none(tape: Callable[..., Any], tmp_path: Path) -> None:
    tape().end()
    with pytest.raises(RecordingError, match="holds no recording of any topic"):
        survey(tmp_path / "rec")
