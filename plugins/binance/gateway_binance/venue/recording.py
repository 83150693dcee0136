"""
What a recording holds: the frames of combined streams as they arrived, and the books fetched meanwhile.

A recording is a file of JSON lines with ``recv_ns`` and ``frame``. Lines with a
``dir`` other than ``recv`` were not received on a stream; an ``http`` line whose
``url`` asks for a symbol's depth, or a bare depth reply, is a book's snapshot.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson
from msgspec import Struct, field
from msgspec.json import decode

DEPTHS: Final = ("depth", "depth@100ms", "depth@1000ms")
"""The names of the one stream of a book's changes, whatever its pace."""
_PREFIX: Final = '{"stream":"'
_MIDDLE: Final = '","data":'
_BARE_BOOK: Final = '{"lastUpdateId"'


Level = tuple[str, str]


class BookReply(Struct, frozen=True):
    """A reply of ``/api/v3/depth``."""

    lastUpdateId: int  # noqa: N815  # the exchange's own spelling
    bids: list[Level]
    asks: list[Level]


class BookUpdate(Struct, frozen=True):
    """An event of a depth stream, as far as a book needs it."""

    last: int = field(name="u")
    bids: list[Level] = field(name="b")
    asks: list[Level] = field(name="a")


@dataclass(frozen=True, slots=True)
class Event:
    """
    A recorded datum. ``at`` is seconds since the first line.

    ``data`` are its bytes without the combined wrapping; ``names`` are those
    under which a client may ask for it; ``update`` is what it changes of a book.
    """

    at: float
    stream: str
    data: bytes
    names: tuple[str, ...]
    update: BookUpdate | None = None

    def combined(self, name: str) -> bytes:
        """Return the datum as a combined connection carries it."""
        return b"".join((_PREFIX.encode(), name.encode(), _MIDDLE.encode(), self.data, b"}"))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A recorded reply of ``/api/v3/depth``."""

    at: float
    symbol: str
    book: BookReply


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole recording: ``lines`` in order, ``symbols`` with all the events' names."""

    lines: tuple[Event | Snapshot, ...]
    symbols: tuple[str, ...]
    names: frozenset[str]

    def first_snapshots(self) -> Mapping[str, Snapshot]:
        """Return the first snapshot of each symbol that has one."""
        return {one.symbol: one for one in reversed(self.lines) if isinstance(one, Snapshot)}


def load(path: Path) -> Recording:
    """
    Read the recording at ``path``.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is none, or of something else; one sentence says why.
    """
    lines = tuple(_lines(path.read_bytes()))
    events = [line for line in lines if isinstance(line, Event)]
    if not events:
        raise ValueError("it holds no frame of a combined stream")
    symbols = dict.fromkeys(symbol_of(event.stream) for event in events if event.stream[0] != "!")
    books = {symbol_of(event.stream) for event in events if event.update is not None}
    names = frozenset(name for event in events for name in event.names)
    return Recording(tuple(_named(lines, books)), tuple(symbols), names)


def symbol_of(stream: str) -> str:
    """Return the symbol of a stream's name."""
    return stream.partition("@")[0].upper()


def _lines(content: bytes) -> Iterator[Event | Snapshot]:
    first: int | None = None
    for number, text in enumerate(content.splitlines(), 1):
        try:
            line = orjson.loads(text)
            first = line["recv_ns"] if first is None else first
            at = (line["recv_ns"] - first) / 1e9
            found = _read(at, line, line.get("frame", ""))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ValueError(f"line {number} is no line of a recording") from None
        if found is not None:
            yield found


def _read(at: float, line: Mapping[str, Any], frame: str) -> Event | Snapshot | None:
    if line.get("dir", "recv") == "recv":
        if frame.startswith(_BARE_BOOK):
            return _snapshot(at, "", frame)
        return _event(at, frame) if frame.startswith(_PREFIX) else None
    address = urlsplit(line.get("url", ""))
    symbols = parse_qs(address.query).get("symbol")
    is_book = address.path.endswith("/depth") and frame.startswith(_BARE_BOOK)
    return _snapshot(at, symbols[0], frame) if line["dir"] == "http" and is_book and symbols else None


def _snapshot(at: float, symbol: str, frame: str) -> Snapshot:
    return Snapshot(at, symbol, decode(frame, type=BookReply))


def _event(at: float, frame: str) -> Event:
    stream, middle, rest = frame.removeprefix(_PREFIX).partition(_MIDDLE)
    if not stream or not middle or not rest.endswith("}"):
        raise ValueError("a combined frame of another shape")
    data = rest[:-1].encode()
    symbol, _, kind = stream.partition("@")
    if kind not in DEPTHS:
        decode(data)
        return Event(at, stream, data, (stream,))
    names = tuple(f"{symbol}@{depth}" for depth in DEPTHS)
    return Event(at, stream, data, names, decode(data, type=BookUpdate))


def _named(lines: tuple[Event | Snapshot, ...], books: set[str]) -> Iterator[Event | Snapshot]:
    """Give bare snapshots the symbol of the only book there is."""
    for line in lines:
        if isinstance(line, Event) or line.symbol:
            yield line
        elif len(books) == 1:
            yield Snapshot(line.at, next(iter(books)), line.book)
        else:
            raise ValueError("it does not say of which of its symbols a book's snapshot is")
