"""Real recordings decode without a remainder, and their books and trades have no holes."""

from collections import Counter
from typing import Any

import orjson
import pytest

from gateway import spi
from gateway.engine.booksync import BookSync, Outcome
from gateway_binance.spot import plugin

EXPECTED = {
    "hft-btcusdt-20240808.jsonl": {"bookTicker": 16000, "trade": 4894, "depth@100ms": 2182},
    "cf-20210814.jsonl": {"depth@100ms": 546, "bookTicker": 412, "aggTrade": 28, "kline_1m": 17},
}


def lines(path: Any) -> Any:
    return (orjson.loads(line) for line in path.read_bytes().splitlines())


def frames(path: Any) -> Any:
    """Yield every frame that a connection received."""
    for line in lines(path):
        if line.get("dir", "recv") == "recv" and not line["frame"].startswith('{"lastUpdateId"'):
            yield line["frame"].encode()


def snapshots(path: Any) -> Any:
    """Yield every snapshot that was fetched: the symbol and the reply's body."""
    for line in lines(path):
        if line.get("dir") == "http":
            yield line["url"].partition("symbol=")[2].partition("&")[0], line["frame"].encode()
        elif line.get("frame", "").startswith('{"lastUpdateId"'):
            yield "BTCUSDT", line["frame"].encode()


def snapshot_of(rule: spi.BookRule) -> Any:
    """Begin fetching a book's snapshot."""
    assert not isinstance(rule.snapshot, spi.SnapshotSource)
    return rule.snapshot()


@pytest.fixture(params=EXPECTED)
def recording(request: Any, capture: Any) -> Any:
    return capture(request.param)


def test_every_frame_is_read(dialect: Any, recording: Any) -> None:
    seen: Counter[str] = Counter()
    for payload in frames(recording):
        name = dialect.stream(payload, False)
        (event,) = dialect.decode(payload, False)
        assert type(event) is spi.Data
        assert event.stream == name
        assert len(event.records) == 1
        seen[name.partition("@")[2]] += 1
    assert seen == EXPECTED[recording.name]


def test_ids_of_trades_have_no_holes(dialect: Any, recording: Any) -> None:
    last: dict[str, int] = {}
    for payload in frames(recording):
        name = dialect.stream(payload, False)
        if name.partition("@")[2] in {"trade", "aggTrade"}:
            ((trade,),) = (event.records for event in dialect.decode(payload, False))
            assert trade.id == last.get(name, trade.id - 1) + 1
            last[name] = trade.id
    assert last


def test_books_join_their_snapshots_and_never_break(
    target: spi.Target, dialect: Any, recording: Any, drive: Any
) -> None:
    books: dict[str, BookSync] = {}
    for payload in frames(recording):
        name = dialect.stream(payload, False)
        rule = dialect.book(name)
        if rule is not None:
            (event,) = dialect.decode(payload, False)
            books.setdefault(name, BookSync(rule)).update(event.records[0])
    assert books
    for symbol, body in snapshots(recording):
        book = books.pop(f"{symbol.lower()}@depth@100ms")
        loaded = drive(snapshot_of(book.rule), spi.HttpReply(200, {}, body)).value
        assert book.load(loaded) is Outcome.REPLACED
        bids, asks = book.book.top(1)
        assert float(bids[0][0]) < float(asks[0][0])
    assert not books


def test_a_missing_update_breaks_the_book(dialect: Any, capture: Any, drive: Any) -> None:
    recording = capture("hft-btcusdt-20240808.jsonl")
    ((_, body),) = snapshots(recording)
    updates = [payload for payload in frames(recording) if b"@depth" in payload[:40]]
    del updates[1000]
    book = BookSync(dialect.book("btcusdt@depth@100ms"))
    book.load(drive(snapshot_of(book.rule), spi.HttpReply(200, {}, body)).value)
    outcomes = [book.update(event.records[0])[0] for one in updates for event in dialect.decode(one, False)]
    assert outcomes[1000] is Outcome.BROKEN
    assert Outcome.BROKEN not in outcomes[:1000]


def test_a_fresh_dialect_reads_documentation_examples_or_says_value_error(
    target: spi.Target, capture: Any
) -> None:
    dialect = plugin.gateway_dialect(target)
    for line in lines(capture("docs-examples.dev.jsonl")):
        try:
            events = list(dialect.decode(line["frame"].encode(), False))
        except ValueError:
            continue
        assert all(type(event) in {spi.Ack, spi.Nack, spi.Data, spi.Draining} for event in events)
