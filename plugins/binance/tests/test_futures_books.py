"""How books of the futures markets are kept: another rule than spot's, and snapshots of their own."""

from typing import Any

import orjson
import pytest

from gateway import spi
from gateway.engine.bookfeed import BookFeed
from gateway.engine.messages import Message
from gateway.engine.topics import Topic
from gateway.model.subscriptions import parse_topic

APPLY, IGNORE, GAP = spi.Continuity.APPLY, spi.Continuity.IGNORE, spi.Continuity.GAP
STREAMS = {"binance-usdm": "btcusdt@depth@100ms", "binance-coinm": "btcusd_perp@depth@100ms"}
URLS = {
    "binance-usdm": "https://rest.example/fapi/v1/depth?symbol=BTCUSDT&limit=1000",
    "binance-coinm": "https://rest.example/dapi/v1/depth?symbol=BTCUSD_PERP&limit=1000",
}
REPLY = {"lastUpdateId": 9, "E": 1771000100250, "T": 1771000100245, "bids": [["1.0", "2"]], "asks": [["1.1", "3"]]}


@pytest.mark.parametrize("exchange", STREAMS)
@pytest.mark.parametrize(
    ("first", "last", "before", "fresh", "judged"),
    [
        # After the snapshot with id 100: what ends before it is in it, what reaches over it is the first.
        (90, 99, 89, True, IGNORE),
        (90, 100, 89, True, APPLY),
        (100, 100, 95, True, APPLY),
        (95, 105, 93, True, APPLY),
        (100, 105, 97, True, APPLY),
        (101, 105, 100, True, APPLY),
        (101, 105, 99, True, GAP),
        (103, 105, 101, True, GAP),
        # From then on each names the last id of the one before; first ids skip.
        (150, 160, 100, False, APPLY),
        (101, 110, 100, False, APPLY),
        (101, 110, 99, False, GAP),
        (95, 105, 93, False, GAP),
        (110, 120, 105, False, GAP),
        (90, 100, 89, False, IGNORE),
        (80, 89, 79, False, IGNORE),
    ],
)
def test_an_update_follows_by_the_id_that_it_names(
    dialect_of: Any, exchange: str, first: int, last: int, before: int, fresh: bool, judged: Any
) -> None:
    rule = dialect_of(exchange).book(STREAMS[exchange])
    update = spi.BookDelta([], [], last, first, previous=before)
    assert rule.follows(100, update, fresh) is judged


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_snapshot_is_fetched_with_all_levels_that_can_be_had(dialect_of: Any, drive: Any, exchange: str) -> None:
    snapshot = dialect_of(exchange).book(STREAMS[exchange]).snapshot()
    done = drive(snapshot, spi.HttpReply(200, {}, orjson.dumps(REPLY)))
    assert done.asked == [spi.Fetch("GET", URLS[exchange], cost={"binance-futures-weight": 20})]
    assert done.value == spi.BookSnapshot([("1.0", "2")], [("1.1", "3")], 9, 1771000100250_000)


@pytest.mark.parametrize("exchange", ["binance", *STREAMS])
def test_what_a_full_snapshot_does_not_show_is_not_known(dialect_of: Any, exchange: str) -> None:
    rule = dialect_of(exchange).book(STREAMS.get(exchange, "btcusdt@depth@100ms"))
    assert rule.reach == 1000
    assert next(rule.snapshot()).url.endswith("&limit=1000")


@pytest.mark.parametrize("wrong", [{"E": "1"}, {"E": -1}, {"E": 2**60}, {"lastUpdateId": None}, {"bids": [["1"]]}])
def test_a_snapshot_that_makes_no_sense_is_a_value_error(dialect_of: Any, drive: Any, wrong: Any) -> None:
    snapshot = dialect_of("binance-usdm").book("btcusdt@depth").snapshot()
    with pytest.raises(ValueError):
        drive(snapshot, spi.HttpReply(200, {}, orjson.dumps(REPLY | wrong)))


CUT = {
    "binance": b'{"lastUpdateId":%d,"bids":[["%d","1"],["1","1"]],"asks":[["90","1"]]}',
    "binance-usdm": (
        b'{"e":"depthUpdate","E":1,"T":1,"s":"S","U":1,"u":%d,"pu":0,"b":[["%d","1"],["1","1"]],"a":[["90","1"]]}'
    ),
}


class Ear:
    wants_frames = False

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def put(self, message: Message, /) -> None:
        (record,) = message.records
        self.heard.append((message.kind, record.bids, record.seq))

    def notify(self, notice: Any, _frame: bytes, /) -> None:
        self.heard.append(str(notice.status))


@pytest.mark.parametrize("exchange", CUT)
@pytest.mark.parametrize("depth", ["5", "10", "20"])
def test_a_cut_book_is_whole_each_time_and_needs_no_snapshot(dialect_of: Any, exchange: str, depth: str) -> None:
    dialect = dialect_of(exchange)
    stream = f"s@depth{depth}@100ms"
    rule = dialect.book(stream)
    assert rule.snapshot is spi.SnapshotSource.IN_BAND
    feed = BookFeed(stream, lambda _: None)
    topic, ear = Topic(parse_topic(f"{exchange}:book:S:top{depth}"), "epoch"), Ear()
    topic.attach(ear)
    feed.add(topic)
    feed.begin()
    feed.arm(rule)
    feed.confirmed(1)
    for number in (7, 9):
        payload = b'{"stream":"%b","data":%b}' % (stream.encode(), CUT[exchange] % (number, number))
        (data,) = dialect.decode(payload, False)
        feed.take(data, 2)
    assert ear.heard == [
        ("snapshot", [("7", "1"), ("1", "1")], 7),
        "live",
        ("snapshot", [("9", "1"), ("1", "1")], 9),
    ]


@pytest.mark.parametrize("exchange", ["binance", "binance-usdm", "binance-coinm"])
@pytest.mark.parametrize(
    "stream", ["s@trade", "s@depth7", "s@depth50@100ms", "s@rpiDepth@500ms", "!bookTicker", "!depth", "x", "depth"]
)
def test_no_other_stream_carries_a_book(dialect_of: Any, exchange: str, stream: str) -> None:
    assert dialect_of(exchange).book(stream) is None
