"""
What a recording holds: the frames of combined streams as they arrived, and the books fetched meanwhile.

A recording is a file of JSON lines with ``recv_ns`` and ``frame``, possibly
packed with gzip, zstd or xz, of one of the markets. Lines with a ``dir`` other than ``recv`` were not
received on a stream; an ``http`` line whose ``url`` asks for a symbol's depth, or a
bare depth reply, is a book's snapshot.
"""

import gzip
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson
from msgspec.json import decode

from gateway_binance.venue.events import BookReply, BookUpdate, Event, Snapshot
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.streams import DEPTHS, names_of, symbol_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PREFIX: Final = '{"stream":"'
_MIDDLE: Final = '","data":'
_BARE_BOOK: Final = '{"lastUpdateId"'
_PACKED: Final[Mapping[bytes, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": gzip.decompress,
    b"\x28\xb5\x2f\xfd": zstd.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
}
"""What unpacks a file, by the bytes with which it begins."""
_DAMAGED: Final = (gzip.BadGzipFile, EOFError, zlib.error, zstd.ZstdError, lzma.LZMAError)
_HOSTS: Final = {"fapi": Market.USDM, "fstream": Market.USDM, "dapi": Market.COINM, "dstream": Market.COINM}


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole recording: ``lines`` in order, ``symbols`` with all the events' names."""

    market: Market
    lines: tuple[Event | Snapshot, ...]
    symbols: tuple[str, ...]
    names: frozenset[str]

    def first_snapshots(self) -> Mapping[str, Snapshot]:
        """Return the first snapshot of each symbol that has one."""
        return {one.symbol: one for one in reversed(self.lines) if isinstance(one, Snapshot)}

    def first_updates(self) -> Mapping[str, BookUpdate]:
        """Return the first change of each symbol's book."""
        events = (one for one in reversed(self.lines) if isinstance(one, Event))
        return {symbol_of(one.stream): one.update for one in events if one.update is not None}


def load(path: Path) -> Recording:
    """
    Read the recording at ``path``.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is none, or of something else; one sentence says why.
    """
    rows = tuple(_rows(_unpacked(path.read_bytes())))
    lines = tuple(found for _, found in rows if found is not None)
    events = [line for line in lines if isinstance(line, Event)]
    if not events:
        raise ValueError("it holds no frame of a combined stream")
    symbols = dict.fromkeys(symbol_of(event.stream) for event in events if event.stream[0] != "!")
    books = {symbol_of(event.stream) for event in events if event.update is not None}
    names = frozenset(name for event in events for name in event.names)
    market = _market({host for host, _ in rows}, events)
    return Recording(market, tuple(_named(lines, books)), tuple(symbols), names)


def _unpacked(content: bytes) -> bytes:
    for begin, unpack in _PACKED.items():
        if content.startswith(begin):
            try:
                return unpack(content)
            except _DAMAGED:
                raise ValueError("it is packed, and damaged") from None
    return content


Row = tuple[str, Event | Snapshot | None]
"""The host that a line names, and what the line is."""


def _rows(content: bytes) -> Iterator[Row]:
    first: int | None = None
    for number, text in enumerate(content.splitlines(), 1):
        try:
            line = orjson.loads(text)
            first = line["recv_ns"] if first is None else first
            at = (line["recv_ns"] - first) / 1e9
            url = line.get("url", "")
            yield (urlsplit(url).hostname or "") if url else "", _read(at, line, url, line.get("frame", ""))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ValueError(f"line {number} is no line of a recording") from None


def _read(at: float, line: Mapping[str, Any], url: str, frame: str) -> Event | Snapshot | None:
    if line.get("dir", "recv") == "recv":
        if frame.startswith(_BARE_BOOK):
            return _snapshot(at, "", frame)
        return _event(at, frame if frame.startswith(_PREFIX) else _respelt(frame))
    address = urlsplit(url)
    symbols = parse_qs(address.query).get("symbol")
    is_book = address.path.endswith("/depth") and frame.startswith(_BARE_BOOK)
    return _snapshot(at, symbols[0], frame) if line["dir"] == "http" and is_book and symbols else None


def _snapshot(at: float, symbol: str, frame: str) -> Snapshot:
    return Snapshot(at, symbol, decode(frame, type=BookReply))


def _respelt(frame: str) -> str:
    """Return a combined frame as the exchange spells it, whoever has spelt it anew; nothing if it is another."""
    try:
        message = orjson.loads(frame) if '"stream"' in frame else None
    except ValueError:
        return ""
    if not isinstance(message, dict) or not isinstance(message.get("stream"), str) or "data" not in message:
        return ""
    return f"{_PREFIX}{message['stream']}{_MIDDLE}{orjson.dumps(message['data']).decode()}}}"


def _event(at: float, frame: str) -> Event | None:
    if not frame:
        return None
    stream, middle, rest = frame.removeprefix(_PREFIX).partition(_MIDDLE)
    if not stream or not middle or not rest.endswith("}"):
        raise ValueError("a combined frame of another shape")
    data = rest[:-1].encode()
    if stream.partition("@")[2] not in DEPTHS:
        decode(data)
        return Event(at, stream, data, names_of(stream))
    return Event(at, stream, data, names_of(stream), decode(data, type=BookUpdate))


def _market(hosts: set[str], events: list[Event]) -> Market:
    """Tell by the hosts that were asked; where none is named, by what only futures have."""
    for host in hosts:
        if host.partition(".")[0] in _HOSTS:
            return _HOSTS[host.partition(".")[0]]
    if any(event.update is not None and event.update.previous is not None for event in events):
        is_coinm = any(symbol_of(event.stream).partition("_")[0].endswith("USD") for event in events)
        return Market.COINM if is_coinm else Market.USDM
    return Market.SPOT


def _named(lines: tuple[Event | Snapshot, ...], books: set[str]) -> Iterator[Event | Snapshot]:
    """Give bare snapshots the symbol of the only book there is."""
    for line in lines:
        if isinstance(line, Event) or line.symbol:
            yield line
        elif len(books) == 1:
            yield Snapshot(line.at, next(iter(books)), line.book)
        else:
            raise ValueError("it does not say of which of its symbols a book's snapshot is")
