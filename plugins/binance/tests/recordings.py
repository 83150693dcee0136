"""Recordings of Binance's connections, line by line, and books kept by the plainest means there are."""

import gzip
import json
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gateway import spi

MARKETS = {
    "binance-spot": "binance",
    "binance-usdm": "binance-usdm",
    "binance-coinm": "binance-coinm",
    # Other companies, and the spot market's protocol.
    "extra/binance-tr": "binance",
    "extra/binance-us": "binance",
}
WITH_BOOKS = (
    "binance-spot/hft-btcusdt-20240808.jsonl",
    "binance-spot/cf-20210417.jsonl",
    "binance-spot/cf-20210814.jsonl",
    "binance-spot/cf-20211012.jsonl",
    "extra/binance-tr/cf-20230410.jsonl",
    "extra/binance-us/cf-20211012.jsonl",
    "binance-usdm/hft-btcusdt-20230404.jsonl",
    "binance-usdm/hft-btcusdt-20240718.jsonl.gz",
    "binance-usdm/cf-20210417.jsonl",
    "binance-coinm/hft-ethusd_perp-20240808.jsonl",
    "binance-coinm/cf-20210722.jsonl",
)
"""Every recording of Binance that has changes of books."""


class Frame(NamedTuple):
    """What a connection received."""

    payload: bytes
    stream: str
    data: Any


class Snapshot(NamedTuple):
    """What was fetched of a book."""

    symbol: str
    body: bytes


def market_of(name: str) -> str:
    """Return the id of the plugin that speaks with what was recorded."""
    return MARKETS[name.rpartition("/")[0]]


def lines(path: Path) -> Iterator[Frame | Snapshot]:
    """Yield frames and snapshots in the order in which they came."""
    content = path.read_bytes()
    only = ""
    for text in (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines():
        line = json.loads(text)
        frame = line.get("frame", "")
        if frame.startswith('{"stream"'):
            message = json.loads(frame)
            only = only or message["stream"].partition("@")[0].upper()
            yield Frame(frame.encode(), message["stream"], message["data"])
        elif frame.startswith('{"lastUpdateId"'):
            symbol = line.get("url", "").partition("symbol=")[2].partition("&")[0]
            yield Snapshot(symbol or only, frame.encode())


class Quotes:
    """Every best bid and ask of a recording, by symbol and number."""

    def __init__(self, recorded: list[Frame | Snapshot]) -> None:
        self._quotes: dict[str, dict[int, tuple[str, ...]]] = {}
        for line in recorded:
            if isinstance(line, Frame) and line.stream.endswith("@bookTicker"):
                one = line.data
                self._quotes.setdefault(one["s"], {})[one["u"]] = (one["b"], one["B"], one["a"], one["A"])
        self._numbers = {symbol: sorted(quotes) for symbol, quotes in self._quotes.items()}

    def at(self, symbol: str, number: int) -> tuple[str, ...] | None:
        """Return bid, its size, ask and its size of the newest at or below ``number``."""
        numbers = self._numbers.get(symbol, [])
        place = bisect_right(numbers, number)
        return self._quotes[symbol][numbers[place - 1]] if place else None


def same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two quotes say the same numbers."""
    return tuple(map(float, one)) == tuple(map(float, other))


class PlainBook:
    """A book as simple as can be: what every update says is done, and it is sorted whenever it is read."""

    def __init__(self) -> None:
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self.last = 0

    def replace(self, body: Any) -> None:
        """Start anew with what was fetched."""
        self.bids, self.asks = dict(body["bids"]), dict(body["asks"])
        self.last = body["lastUpdateId"]

    def apply(self, data: Any) -> None:
        """Do what an update says, unless it is older than the book."""
        if data["u"] <= self.last:
            return
        for side, levels in ((self.bids, data["b"]), (self.asks, data["a"])):
            for price, size in levels:
                if float(size):
                    side[price] = size
                else:
                    side.pop(price, None)
        self.last = data["u"]

    def fetched(self, depth: int) -> bytes:
        """Return what a snapshot of ``depth`` levels would say now."""
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))[:depth]
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))[:depth]
        return json.dumps({"lastUpdateId": self.last, "bids": bids, "asks": asks}).encode()


def symbol_of(stream: str) -> str:
    """Return the symbol of a stream's name."""
    return stream.partition("@")[0].upper()


def streams_of_books(dialect: Any, recorded: list[Frame | Snapshot]) -> list[str]:
    """Return the recorded streams that carry a book, by the word of the dialect."""
    streams = dict.fromkeys(line.stream for line in recorded if isinstance(line, Frame))
    return [stream for stream in streams if dialect.book(stream) is not None]


def fetched(drive: Any, rule: spi.BookRule, body: bytes) -> spi.BookSnapshot:
    """Return what the plugin makes of a reply to its request for a book."""
    assert callable(rule.snapshot)
    snapshot: spi.BookSnapshot = drive(rule.snapshot(), spi.HttpReply(200, {}, body)).value
    return snapshot
