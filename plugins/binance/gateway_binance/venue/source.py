"""Where a market's data come from, as everything that answers questions sees it, and the recorded kind."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Final, Protocol

from gateway_binance.venue.books import Books
from gateway_binance.venue.events import BookReply, Event, Snapshot
from gateway_binance.venue.history import History, Mark, Quote
from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed, listed
from gateway_binance.venue.recording import Recording
from gateway_binance.venue.streams import DEPTHS, kind_of, symbol_of

_SPOT_PLACES: Final = 8
_PRICES: Final = re.compile(rb'"[pba]":"([0-9.]+)"|\["([0-9.]+)","[0-9.]+"\]')
_SIZES: Final = re.compile(rb'"[qBA]":"([0-9.]+)"|\["[0-9.]+","([0-9.]+)"\]')
_STEPS_SHOW: Final = ("trade", "aggTrade", "bookTicker", *DEPTHS)


class Source(Protocol):
    """One market's data."""

    market: Market
    listed: dict[str, Listed]
    """Its symbols, in the exchange's own spelling."""

    def book(self, symbol: str, limit: int) -> BookReply:
        """Return the best ``limit`` levels of each side of the book of ``symbol``, which is listed."""

    def history(self, symbol: str) -> History:
        """Return the past of ``symbol``, which is listed."""

    def quote(self, symbol: str) -> Quote | None:
        """Return the best bid and ask of ``symbol``, which is listed."""

    def mark(self, symbol: str) -> Mark:
        """Return the mark price of ``symbol``, which is listed; where nobody says it, the middle of the book."""

    def relist(self, symbol: str, status: str) -> Listed:
        """Change the status of a symbol, or list it."""

    def delist(self, symbol: str) -> None:
        """Forget a symbol."""


class Recorded:
    """A market as far as its recording has been replayed."""

    def __init__(self, recording: Recording) -> None:
        self.market = recording.market
        self.recording = recording
        self.listed: dict[str, Listed] = {
            symbol: listed(recording.market, symbol, *_steps(recording, symbol)) for symbol in recording.symbols
        }
        self._books = Books(recording)
        self._histories = {symbol: History() for symbol in recording.symbols}

    def take(self, line: Event | Snapshot) -> None:
        """Take the next line of the replay."""
        self._books.take(line)
        if isinstance(line, Event) and line.stream[0] != "!":
            self._histories[symbol_of(line.stream)].take(kind_of(line.stream), line.data)

    def book(self, symbol: str, limit: int) -> BookReply:
        """Return the recorded book, or our own once the recording is past it."""
        book = self._books.get(symbol)
        assert book is not None
        return book.reply(limit)

    def history(self, symbol: str) -> History:
        """Return what was replayed of ``symbol``."""
        return self._histories[symbol]

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest recorded quote, or what the book says."""
        quote = self._histories[symbol].quote
        book = self.book(symbol, 1)
        if quote is not None or not (book.bids and book.asks):
            return quote
        return Quote(*book.bids[0], *book.asks[0])

    def mark(self, symbol: str) -> Mark:
        """Return the recorded mark price, or the middle of the quote."""
        mark, quote = self._histories[symbol].mark, self.quote(symbol)
        if mark is not None or quote is None:
            return mark or Mark("0")
        middle = f"{(Decimal(quote.bid) + Decimal(quote.ask)) / 2:.8f}"
        return Mark(middle, middle, middle)

    def relist(self, symbol: str, status: str) -> Listed:
        """Change the status of a symbol that was recorded."""
        self.listed[symbol] = replace(self.listed[symbol], status=status)
        return self.listed[symbol]

    def delist(self, symbol: str) -> None:
        """Forget a symbol; its recorded streams go on."""
        del self.listed[symbol]


def _steps(recording: Recording, symbol: str) -> tuple[str, str]:
    """Return the finest step that ``symbol``'s recorded prices and sizes show."""
    streams = {f"{symbol.lower()}@{kind}" for kind in _STEPS_SHOW}
    data = b"".join(one.data for one in recording.lines if isinstance(one, Event) and one.stream in streams)
    least = 0 if recording.market.is_futures else _SPOT_PLACES
    return _step(_PRICES, data, least), _step(_SIZES, data, least)


def _step(pattern: re.Pattern[bytes], data: bytes, least: int) -> str:
    numbers = {one or other for one, other in pattern.findall(data)}
    places = max((len(number.partition(b".")[2].rstrip(b"0")) for number in numbers), default=0)
    return f"{10**-places:.{max(places, least)}f}"
