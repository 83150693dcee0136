"""
The books that a recording tells: the recorded snapshot while it lies ahead, then the venue's own.

A client's updates join either: those up to the snapshot's last id are in it,
and it is never older than what has been sent.
"""

from gateway_binance.venue.events import BookReply, BookUpdate, Event, Level, Snapshot
from gateway_binance.venue.recording import Recording
from gateway_binance.venue.streams import symbol_of

Side = dict[str, str]


class Book:
    """
    One symbol's book.

    Args:
        ahead: the recorded snapshot, if there is one.
        first: the first recorded change; where there is no snapshot the book begins empty, just before it.
    """

    def __init__(self, ahead: Snapshot | None, first: BookUpdate | None = None) -> None:
        self._ahead: BookReply | None = ahead.book if ahead else None
        self._early: list[BookUpdate] = []
        self._last = before(first) if first else 0
        self._bids: Side = {}
        self._asks: Side = {}

    def update(self, update: BookUpdate) -> None:
        """Take a recorded update that is due now."""
        if self._ahead is not None:
            self._early.append(update)
        else:
            self._apply(update)

    def pass_snapshot(self) -> None:
        """The replay has come to the recorded snapshot: from here on the book is our own."""
        if self._ahead is None:
            return
        recorded, self._ahead = self._ahead, None
        self._last = recorded.lastUpdateId
        self._bids, self._asks = dict(recorded.bids), dict(recorded.asks)
        for update in self._early:
            self._apply(update)
        self._early.clear()

    def reply(self, limit: int) -> BookReply:
        """Return the best ``limit`` levels of each side."""
        if self._ahead is not None:
            return BookReply(self._ahead.lastUpdateId, self._ahead.bids[:limit], self._ahead.asks[:limit])
        bids = sorted(self._bids.items(), key=_price, reverse=True)[:limit]
        asks = sorted(self._asks.items(), key=_price)[:limit]
        return BookReply(self._last, bids, asks)

    def _apply(self, update: BookUpdate) -> None:
        if update.last <= self._last:
            return
        self._last = update.last
        for side, levels in ((self._bids, update.bids), (self._asks, update.asks)):
            for price, size in levels:
                if float(size):
                    side[price] = size
                else:
                    side.pop(price, None)


class Books:
    """All books of a recording, as far as it has been replayed."""

    def __init__(self, recording: Recording) -> None:
        ahead, first = recording.first_snapshots(), recording.first_updates()
        self._books = {symbol: Book(ahead.get(symbol), first.get(symbol)) for symbol in recording.symbols}

    def take(self, line: Event | Snapshot) -> None:
        """Take the next line of the replay."""
        if isinstance(line, Snapshot):
            if line.symbol in self._books:
                self._books[line.symbol].pass_snapshot()
        elif line.update is not None:
            self._books[symbol_of(line.stream)].update(line.update)

    def get(self, symbol: str) -> Book | None:
        """Return the book of ``symbol``, in the exchange's own spelling."""
        return self._books.get(symbol)


def before(first: BookUpdate) -> int:
    """Return the id of a book that ``first`` is the next change of."""
    return first.first - 1 if first.previous is None else first.previous


def _price(level: Level) -> float:
    return float(level[0])
