"""Recordings of Binance's connections, line by line, and books kept by the plainest means there are."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from captures import Kind, json_lines, named

from gateway import spi

WITH_BOOKS = named(
    Kind.BOOKS,
    "binance-spot/hft-btcusdt-20240808.jsonl",
    "binance-usdm/cf-20210417.jsonl",
    "binance-coinm/cf-20210722.jsonl",
)
"""Every recording of Binance that has changes of books."""
_STREAM = re.compile(r'\{\s*"stream"\s*:\s*"')
_DEPTH = re.compile(r'\{\s*"lastUpdateId"')


class Frame(NamedTuple):
    """What a connection received."""

    payload: bytes
    stream: str
    data: Any


class Snapshot(NamedTuple):
    """What was fetched of a book."""

    symbol: str
    body: bytes

    @property
    def reply(self) -> Any:
        """What it says."""
        return json.loads(self.body)


def lines(path: Path) -> Iterator[Frame | Snapshot]:
    """Yield frames and snapshots in the order in which they came."""
    for session in sessions(path):
        yield from session


def sessions(path: Path) -> Iterator[list[Frame | Snapshot]]:
    """Yield what each connection brought: books have no more in common with those of the one before."""
    session: list[Frame | Snapshot] = []
    heard = set[str]()
    only = ""
    for line in json_lines(path):
        frame, connection = line.get("frame", ""), line.get("conn", "")
        if line.get("dir") == "connect" and connection in heard:
            yield session
            session, heard, only = [], set(), ""
        elif _STREAM.match(frame):
            message = json.loads(frame)
            only = only or message["stream"].partition("@")[0].upper()
            heard.add(connection)
            session.append(Frame(frame.encode(), message["stream"], message["data"]))
        elif _DEPTH.match(frame):
            session.append(Snapshot(_symbol_of_reply(line, frame) or only, frame.encode()))
    yield session


def _symbol_of_reply(line: Any, frame: str) -> str:
    """Return whose a fetched book is, where it is said."""
    asked = parse_qs(urlsplit(line.get("url", "")).query).get("symbol", [""])[0]
    return asked or str(json.loads(frame).get("symbol", ""))


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
        self.fresh = True
        """Whether nothing was done since it was whole."""

    def replace(self, body: Any) -> None:
        """Start anew with what was fetched."""
        self.bids, self.asks = dict(body["bids"]), dict(body["asks"])
        self.last, self.fresh = body["lastUpdateId"], True

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
        self.last, self.fresh = data["u"], False

    def is_hole(self, data: Any) -> bool:
        """Whether something is missing before an update, as the documents have it."""
        if data["u"] <= self.last:
            return False
        if "pu" in data:
            is_first = self.fresh and data["U"] <= self.last
            return not is_first and data["pu"] != self.last
        return bool(data["U"] > self.last + 1)

    def best(self) -> tuple[str, ...]:
        """Return bid, its size, ask and its size."""
        bid, ask = max(self.bids, key=float), min(self.asks, key=float)
        return bid, self.bids[bid], ask, self.asks[ask]

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
