"""
Keeps one book contiguous: buffers until there is a snapshot, applies what follows, notices what does not.

The exchange's :class:`BookRule` judges each update; this module only obeys. It
holds no connection and fetches nothing: it says what it needs.
"""

from collections import deque
from enum import Enum, auto
from typing import Final

from gateway.engine.book import OrderBook, normal
from gateway.model.market import Book
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, Continuity

BUFFER: Final = 10_000
"""Updates that may wait for a snapshot; the oldest go first, and then the snapshot must be newer."""


class Outcome(Enum):
    """What a book's update or snapshot led to."""

    APPLIED = auto()
    REPLACED = auto()
    WAITING = auto()
    BROKEN = auto()


class BookSync:
    """
    One book through one epoch. Event-loop only.

    ``book`` may be read only while :attr:`is_live`.
    """

    def __init__(self, rule: BookRule) -> None:
        self.rule = rule
        self.book = OrderBook()
        self.is_live = False
        self.seq = 0
        self.ts: int | None = None
        self._fresh = True
        self._buffer: deque[BookDelta] = deque(maxlen=BUFFER)

    def update(self, delta: BookDelta) -> tuple[Outcome, Book | None]:
        """Take an update; return what it led to and, if it was applied, the levels to publish."""
        if not self.is_live:
            self._buffer.append(delta)
            return Outcome.WAITING, None
        match self.rule.follows(self.seq, delta, self._fresh):
            case Continuity.APPLY:
                record = self._apply(delta)
                if self._checksum_differs(delta):
                    self._break()
                    return Outcome.BROKEN, None
                return Outcome.APPLIED, record
            case Continuity.IGNORE:
                return Outcome.WAITING, None
            case _:
                self._break()
                self._buffer.append(delta)
                return Outcome.BROKEN, None

    def load(self, snapshot: BookSnapshot) -> Outcome:
        """
        Take a snapshot and all that waited for it: REPLACED, or BROKEN if another, newer one is needed.

        What waited is kept when the snapshot is too old for it.
        """
        self.book.replace(snapshot.bids, snapshot.asks)
        self.seq, self.ts = snapshot.last, snapshot.ts
        self._fresh = True
        waiting = tuple(self._buffer)
        for position, delta in enumerate(waiting):
            judged = self.rule.follows(self.seq, delta, self._fresh)
            if judged is Continuity.APPLY:
                self._apply(delta)
                if not self._checksum_differs(delta):
                    continue
            elif judged is Continuity.IGNORE:
                continue
            self._buffer = deque(waiting[position:], maxlen=BUFFER)
            self.is_live = False
            return Outcome.BROKEN
        self._buffer.clear()
        self.is_live = True
        return Outcome.REPLACED

    def whole(self) -> Book:
        """Return the whole book, best first."""
        bids, asks = self.book.top()
        return Book(bids, asks, self.seq, self.ts)

    def _apply(self, delta: BookDelta) -> Book:
        bids, asks = normal(delta.bids), normal(delta.asks)
        self.book.apply(bids, asks)
        if self.rule.truncate is not None:
            self.book.truncate(self.rule.truncate)
        self.seq, self.ts = delta.last, delta.ts
        self._fresh = False
        return Book(bids, asks, delta.last, delta.ts)

    def _checksum_differs(self, delta: BookDelta) -> bool:
        compute = self.rule.checksum
        return compute is not None and delta.checksum is not None and compute(self.book) != delta.checksum

    def _break(self) -> None:
        self.is_live = False
        self._buffer.clear()
