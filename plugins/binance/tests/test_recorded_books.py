"""Books from real recordings have no gap, and are as the quotes beside them say after every update."""

from typing import Any

import pytest
from recordings import (
    Frame,
    Quotes,
    Snapshot,
    fetched,
    lines,
    market_of,
    same,
    streams_of_books,
    symbol_of,
)

from gateway import spi
from gateway.engine.booksync import BookSync, Outcome

COMPARED = {
    "binance-spot/hft-btcusdt-20240808.jsonl": (2180, 2180),
    "binance-spot/cf-20210417.jsonl": (567, 567),
    "binance-spot/cf-20210814.jsonl": (527, 527),
    "binance-spot/cf-20211012.jsonl": (159, 159),
    "extra/binance-tr/cf-20230410.jsonl": (78, 78),
    "extra/binance-us/cf-20211012.jsonl": (316, 316),
    "binance-usdm/hft-btcusdt-20230404.jsonl": (4322, 4322),
    "binance-usdm/hft-btcusdt-20240718.jsonl.gz": (3321, 3321),
    "binance-usdm/cf-20210417.jsonl": (997, 997),
    "binance-coinm/hft-ethusd_perp-20240808.jsonl": (6978, 6978),
    "binance-coinm/cf-20210722.jsonl": (1785, 1788),
}
"""How many updates are as the quotes say, of how many: what those found, too, who made the recordings."""


@pytest.fixture(params=COMPARED)
def recording(request: Any, capture: Any) -> Any:
    return request.param, list(lines(capture(request.param)))


class Kept:
    """The books of one recording, kept by the engine under the plugin's rules, and compared with the quotes."""

    def __init__(self, dialect: Any, recorded: list[Frame | Snapshot]) -> None:
        self.counts = dict.fromkeys(("updates", "gaps", "snapshots", "compared", "equal"), 0)
        self.dialect = dialect
        self.quotes = Quotes(recorded)
        self.syncs = {
            symbol_of(stream): BookSync(dialect.book(stream)) for stream in streams_of_books(dialect, recorded)
        }
        self.waiting: dict[str, list[Any]] = {symbol: [] for symbol in self.syncs}
        """Updates that came before the snapshot; the engine would buffer them, and each is to be compared."""

    def load(self, symbol: str, snapshot: spi.BookSnapshot) -> None:
        assert self.syncs[symbol].load(snapshot) is Outcome.REPLACED
        self.counts["snapshots"] += 1
        for update in self.waiting[symbol]:
            self.update(symbol, update)

    def take(self, frame: Frame) -> None:
        """Take a frame of whatever stream."""
        if self.dialect.book(frame.stream) is None:
            return
        self.counts["updates"] += 1
        symbol = symbol_of(frame.stream)
        (event,) = self.dialect.decode(frame.payload, False)
        if self.syncs[symbol].is_live:
            self.update(symbol, *event.records)
        else:
            self.waiting[symbol].extend(event.records)

    def update(self, symbol: str, update: Any) -> None:
        sync = self.syncs[symbol]
        outcome, _ = sync.update(update)
        self.counts["gaps"] += outcome is Outcome.BROKEN
        best = self.quotes.at(symbol, sync.seq)
        if outcome is Outcome.APPLIED and best is not None:
            self.counts["compared"] += 1
            bids, asks = sync.book.top(1)
            self.counts["equal"] += same((*bids[0], *asks[0]), best)


def test_a_book_is_right_after_every_update(recording: Any, dialect_of: Any, drive: Any, capsys: Any) -> None:
    name, recorded = recording
    kept = Kept(dialect_of(market_of(name)), recorded)
    for line in recorded:
        if isinstance(line, Frame):
            kept.take(line)
        elif not kept.syncs[line.symbol].is_live:
            kept.load(line.symbol, fetched(drive, kept.syncs[line.symbol].rule, line.body))
    counts = kept.counts
    with capsys.disabled():
        print(f"\n{name}: {counts}")  # noqa: T201  # whoever runs it sees what was compared
    assert counts["gaps"] == 0
    assert counts["snapshots"] == len(kept.syncs) > 0
    assert (counts["equal"], counts["compared"]) == COMPARED[name]
