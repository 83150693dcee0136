"""
Books from real recordings have no gap, and are as the quotes beside them say after every update.

Whatever recordings there are is looked at: where one has a hole itself, as when it was cut in pieces, that
hole and no other is found; where its quotes contradict its own changes, the book is as the changes say.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from captures import market_of
from recordings import (
    WITH_BOOKS,
    Frame,
    PlainBook,
    Quotes,
    Snapshot,
    fetched,
    same,
    sessions,
    streams_of_books,
    symbol_of,
)

from gateway import spi
from gateway.engine.booksync import BookSync, Outcome

KNOWN = {
    # How many updates there are, and how many are as the quotes say, of how many: what those found, too, who
    # made the recordings.
    "binance-spot/hft-btcusdt-20240808.jsonl": (2182, 2180, 2180),
    "binance-spot/cf-20210417.jsonl": (614, 567, 567),
    "binance-spot/cf-20210814.jsonl": (546, 527, 527),
    "binance-spot/cf-20211012.jsonl": (177, 159, 159),
    "extra/binance-tr/cf-20230410.jsonl": (84, 78, 78),
    "extra/binance-us/cf-20211012.jsonl": (336, 316, 316),
    "binance-usdm/hft-btcusdt-20230404.jsonl": (4322, 4322, 4322),
    "binance-usdm/hft-btcusdt-20240718.jsonl.gz": (3326, 3321, 3321),
    "binance-usdm/cf-20210417.jsonl": (1016, 997, 997),
    "binance-coinm/hft-ethusd_perp-20240808.jsonl": (7000, 6978, 6978),
    "binance-coinm/cf-20210722.jsonl": (2047, 1785, 1788),
}
CONTRADICTED = 0.05
"""Of updates at most, in a recording that is not known and has no hole: more would rather be our fault."""


class Kept:
    """The books of one session, kept by the engine under the plugin's rules, and compared with the quotes."""

    def __init__(self, dialect: Any, recorded: list[Frame | Snapshot], counts: dict[str, int]) -> None:
        self.counts = counts
        self.dialect = dialect
        self.quotes = Quotes(recorded)
        self.syncs = {
            symbol_of(stream): BookSync(dialect.book(stream)) for stream in streams_of_books(dialect, recorded)
        }
        self.plain = {symbol: PlainBook() for symbol in self.syncs}
        self.waiting: dict[str, list[Any]] = {symbol: [] for symbol in self.syncs}
        """Updates that came before the snapshot; the engine would buffer them, and each is to be compared."""
        self.fetched = {line.symbol for line in recorded if isinstance(line, Snapshot)}

    def load(self, symbol: str, snapshot: spi.BookSnapshot, body: Any) -> None:
        assert self.syncs[symbol].load(snapshot) is Outcome.REPLACED
        self.plain[symbol].replace(body)
        self.counts["snapshots"] += 1
        waiting, self.waiting[symbol] = self.waiting[symbol], []
        for data, update in waiting:
            self.update(symbol, data, update)

    def take(self, frame: Frame) -> None:
        """Take a frame of whatever stream."""
        if self.dialect.book(frame.stream) is None:
            return
        self.counts["updates"] += 1
        symbol = symbol_of(frame.stream)
        (event,) = self.dialect.decode(frame.payload, False)
        (update,) = event.records
        if symbol not in self.fetched and not self.plain[symbol].last:
            self.begin(symbol, frame.data)
        self.update(symbol, frame.data, update)

    def begin(self, symbol: str, data: Any) -> None:
        """Begin a book of which the recording has no whole one, just before its first change."""
        last = data.get("pu", data["U"] - 1)
        self.load(symbol, spi.BookSnapshot([], [], last), {"lastUpdateId": last, "bids": [], "asks": []})
        self.counts["snapshots"] -= 1

    def update(self, symbol: str, data: Any, update: Any) -> None:
        sync, plain = self.syncs[symbol], self.plain[symbol]
        if not sync.is_live:
            self.waiting[symbol].append((data, update))
            return
        is_hole = plain.is_hole(data)
        outcome, _ = sync.update(update)
        assert (outcome is Outcome.BROKEN) == is_hole, data
        self.counts["gaps"] += is_hole
        if is_hole:
            self.waiting[symbol].append((data, update))
            self.fetched.add(symbol)  # only a whole one helps now
            return
        plain.apply(data)
        if outcome is Outcome.APPLIED and self.is_whole(symbol):
            self.compare(symbol, sync, plain)

    def is_whole(self, symbol: str) -> bool:
        bids, asks = self.plain[symbol].bids, self.plain[symbol].asks
        return symbol in self.fetched and bool(bids and asks)

    def compare(self, symbol: str, sync: BookSync, plain: PlainBook) -> None:
        bids, asks = sync.book.top(1)
        assert same((*bids[0], *asks[0]), plain.best()), sync.seq
        best = self.quotes.at(symbol, sync.seq)
        if best is not None:
            self.counts["compared"] += 1
            self.counts["equal"] += same((*bids[0], *asks[0]), best)


def keep(dialect: Any, drive: Any, recorded: Sequence[list[Frame | Snapshot]]) -> dict[str, int]:
    """Keep all books of a recording, session by session, and return what was counted."""
    counts = dict.fromkeys(("updates", "gaps", "snapshots", "books", "compared", "equal"), 0)
    for session in recorded:
        kept = Kept(dialect, session, counts)
        for line in session:
            if isinstance(line, Frame):
                kept.take(line)
            elif line.symbol in kept.syncs and not kept.syncs[line.symbol].is_live:
                rule = kept.syncs[line.symbol].rule
                kept.load(line.symbol, fetched(drive, rule, line.body), line.reply)
        counts["books"] += len(kept.syncs)
    return counts


@pytest.mark.parametrize("name", WITH_BOOKS)
def test_a_book_is_right_after_every_update(
    name: str, capture: Any, dialect_of: Any, drive: Any, capsys: Any
) -> None:
    counts = keep(dialect_of(market_of(name)), drive, list(sessions(capture(name))))
    with capsys.disabled():
        print(f"\n{name}: {counts}")  # noqa: T201  # whoever runs it sees what was compared
    known = KNOWN.get(name, ())
    if known[:1] == (counts["updates"],):
        assert counts["gaps"] == 0
        assert counts["snapshots"] == counts["books"] > 0
        assert (counts["updates"], counts["equal"], counts["compared"]) == known
    assert counts["gaps"] or counts["compared"] - counts["equal"] <= CONTRADICTED * counts["compared"]
    assert counts["updates"] > 0
