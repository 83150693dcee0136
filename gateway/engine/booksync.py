"""
Keeps one book contiguous: buffers until there is a snapshot, applies what follows, notices what does not.

The exchange's :class:`BookRule` judges each update; this module only obeys. It
holds no connection and fetches nothing: it says what it needs.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from gateway.engine.book import OrderBook, without
from gateway.engine.reach import Reach
from gateway.model.market import Book
from gateway.spi.books import BookDelta, BookRule, BookSnapshot, Continuity

BUFFER: Final = 10_000
"""Updates that may wait for a snapshot; the oldest go first, and then the snapshot must be newer."""
RENEWAL: Final = 1_000
"""The same, while the book is served all the same."""
LOOK: Final = 16
"""Updates between two looks at how deep a book is known."""


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
        self.is_worn = False
        """Whether it is live and needs another snapshot, lest it be known no longer as deep as it is shown."""
        self.seq = 0
        self.ts: int | None = None
        self._came: BookDelta | BookSnapshot | None = None
        """What came last by the stream and was applied or waits; a snapshot that was fetched did not."""
        self._unnumbered = 0
        """Updates that were applied though their numbers do not grow: then the exchange gives none."""
        self._fresh = True
        self._buffer: deque[BookDelta] = deque(maxlen=BUFFER)
        self._seen: int | None = None
        """The last sequence number that came, applied or not."""
        self._missing: int | None = None
        """The last sequence number of an update that had to make room in the buffer."""
        self._reach = None if rule.reach is None else Reach(rule.reach)
        self._looks_in = 0 if rule.reach is None else LOOK
        """Updates until the next look at how deep the book is known; below 1 there is none."""

    @property
    def needs_snapshot(self) -> bool:
        """Whether a snapshot would help."""
        return self.is_worn or not self.is_live

    @property
    def is_owed(self) -> bool:
        """Whether there is no book until a snapshot is fetched; one in band is the exchange's to send."""
        return not self.is_live and self._is_fetched

    @property
    def heard(self) -> tuple[int, int | None, int] | None:
        """
        How far the stream has come, applied or not: its number, and the exchange's time.

        And a count, where it numbers nothing. :obj:`None` until something has come.
        """
        came = self._came
        return None if came is None else (came.last, came.ts, self._unnumbered)

    def update(self, delta: BookDelta) -> tuple[Outcome, Book | None]:
        """Take an update; return what it led to and, if it was applied, the levels to publish."""
        if not self.is_live:
            self._keep(delta)
            return Outcome.WAITING, None
        match self.rule.follows(self.seq, delta, self._fresh):
            case Continuity.APPLY:
                self._looks_in -= 1
                record = self._apply(delta)
                if self._looks_in == 0:
                    self._look(delta)
                if not self._checksum_differs(delta):
                    return Outcome.APPLIED, record
            case Continuity.IGNORE:
                return Outcome.WAITING, None
        self._break()
        self._keep(delta)
        return Outcome.BROKEN, None

    def _look(self, delta: BookDelta) -> None:
        """See whether the book is worn; then each update waits for a snapshot, too."""
        if self.is_worn:
            self._keep(delta)
        elif self._reach is not None and self._reach.is_near(delta):
            self.is_worn = True
            self._buffer = deque((delta,), maxlen=RENEWAL)
        self._looks_in = 1 if self.is_worn else LOOK

    def _keep(self, delta: BookDelta) -> None:
        """Let ``delta`` wait for a snapshot; nothing from before a reset can follow one."""
        if self._seen is not None and self.rule.follows(self._seen, delta, False) is Continuity.RESET:
            self._buffer.clear()
            self._missing = None
        if len(self._buffer) == self._buffer.maxlen:
            self._missing = self._buffer[0].last
        self._buffer.append(delta)
        self._seen = delta.last
        self._came = delta

    def load(self, snapshot: BookSnapshot) -> Outcome:
        """
        Take a snapshot and all that waited for it: REPLACED, or BROKEN if another, newer one is needed.

        What waited is kept when a snapshot that was fetched is too old for it. One
        that came in band is followed by what comes after it, so nothing older can help.
        A book that is worn is served until a snapshot joins.
        """
        if self.is_worn:
            return self._renew(snapshot)
        self.is_live = False
        waiting = tuple(self._buffer)
        joined = 0 if self._is_too_old(snapshot) else self._replay(snapshot, waiting)
        if joined is not None:
            self._buffer = deque(waiting[joined:] if self._is_fetched else (), maxlen=BUFFER)
            return Outcome.BROKEN
        self._buffer.clear()
        self._missing, self._seen = None, self.seq
        if not self._is_fetched:
            self._came = snapshot
        self.is_live = True
        return Outcome.REPLACED

    def _renew(self, snapshot: BookSnapshot) -> Outcome:
        fresh = BookSync(self.rule)
        fresh._buffer, fresh._missing = self._buffer.copy(), self._missing
        if fresh.load(snapshot) is Outcome.BROKEN or fresh.seq < self.seq:
            return Outcome.BROKEN
        self.book, self.seq, self.ts, self._reach = fresh.book, fresh.seq, fresh.ts, fresh._reach
        self._fresh, self.is_worn = fresh._fresh, False
        self._looks_in = LOOK
        self._buffer = deque(maxlen=BUFFER)
        self._missing = None
        return Outcome.REPLACED

    @property
    def _is_fetched(self) -> bool:
        return callable(self.rule.snapshot)

    def _is_too_old(self, snapshot: BookSnapshot) -> bool:
        """Whether what lies between ``snapshot`` and what waits was forgotten, whatever the rule can see."""
        return self._is_fetched and self._missing is not None and snapshot.last < self._missing

    def _replay(self, snapshot: BookSnapshot, waiting: Sequence[BookDelta]) -> int | None:
        """Start anew with ``snapshot`` and apply what follows; return the place of what does not, if anything."""
        self.book.replace(snapshot.bids, snapshot.asks)
        if self._reach is not None:
            self._reach.begin(snapshot)
        self._truncate()
        self.seq, self.ts = snapshot.last, snapshot.ts
        self._fresh = True
        for place, delta in enumerate(waiting):
            judged = self.rule.follows(self.seq, delta, self._fresh)
            if judged is Continuity.APPLY:
                self._apply(delta)
                if self._checksum_differs(delta):
                    return place
            elif judged is Continuity.GAP or (judged is Continuity.RESET and delta.last > self.seq):
                return place
        return None

    def joins(self, delta: BookDelta, rule: BookRule) -> bool:
        """Whether ``delta`` follows what was applied last, under another connection's ``rule``."""
        return rule.follows(self.seq, delta, self._fresh) is Continuity.APPLY

    def whole(self) -> Book:
        """Return the whole book, best first."""
        bids, asks = self.book.top()
        return Book(bids, asks, self.seq, self.ts)

    def best(self, depth: int) -> BookSnapshot | None:
        """Return the best ``depth`` levels of each side, nothing while there is no book that is known so deep."""
        if not self.is_live or (self.rule.truncate is not None and depth > self.rule.truncate):
            return None
        bids, asks = (side[:depth] for side in self.book.top())
        if self._reach is not None and not self._reach.covers(bids, asks, depth):
            return None
        return BookSnapshot(bids, asks, self.seq, self.ts)

    def _apply(self, delta: BookDelta) -> Book:
        bids, asks = self.book.apply(delta.bids, delta.asks)
        gone_bids, gone_asks = self._truncate()
        if delta.last <= self.seq:
            self._unnumbered += 1
        self.seq, self.ts = delta.last, delta.ts
        self._seen = delta.last
        self._came = delta
        self._fresh = False
        return Book(without(bids, gone_bids), without(asks, gone_asks), delta.last, delta.ts)

    def _truncate(self) -> tuple[list[str], list[str]]:
        """Keep the depth that the exchange keeps; what lies beyond is gone for whoever was told of it."""
        if self._looks_in == 0 and self._reach is not None:
            return self._reach.forget(self.book)
        depth = self.rule.truncate
        return ([], []) if depth is None else self.book.truncate(depth)

    def _checksum_differs(self, delta: BookDelta) -> bool:
        compute = self.rule.checksum
        return compute is not None and delta.checksum is not None and compute(self.book) != delta.checksum

    def _break(self) -> None:
        self.is_live = self.is_worn = False
        self._looks_in = 0 if self._reach is None else LOOK
        self._buffer = deque(maxlen=BUFFER)
        self._missing = None
