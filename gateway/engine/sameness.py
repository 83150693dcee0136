"""
Which records of one stream are the same, though two connections bring them.

Decided by channel: trades by id, quotes by sequence, tickers, marks and candles
by time, all others by all that they say.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from gateway.engine.alignment import Alignment

RECORDS: Final = 4096
"""Records of one stream that are remembered."""

Held = tuple[Sequence[Any], int | None, int]
"""Records, their message's time, and when they were received."""


class Passing(Protocol):
    """
    What the feed that is heard lets its records pass through while a second connection takes over.

    ``torn`` tells that something may be missing before what passes next;
    whoever announces it resets it.
    """

    torn: bool

    def passing(self, records: Sequence[Any], ts: int | None, /) -> Sequence[Any]:
        """Return what of ``records`` is to be published: all, until the second connection has taken over."""


class Overlap(Passing, Protocol):
    """
    One stream's records, as they come by both connections.

    ``has_met`` tells that the second connection came early enough: it has
    brought what the first one brought too, or nothing can be missing.
    """

    @property
    def has_met(self) -> bool:
        """See the class."""

    def keep(self, held: Held, /) -> None:
        """The second connection brought this and nobody is sent it yet."""

    def expect(self) -> None:
        """Whatever is published from now on is to come by the second connection too."""

    def take_over(self) -> Sequence[Held]:
        """Only the second connection is heard from now on: return what it has brought, to pass first."""


class ByNumber:
    """
    Records whose number only grows; those up to the highest one published are old.

    Args:
        number: returns a record's number.
    """

    def __init__(self, number: Callable[[Any], Any]) -> None:
        self.torn = False
        self._number = number
        self._highest: int | None = None
        self._kept: deque[Held] = deque()
        self._size = 0
        self._first: int | None = None
        """The first number that the second connection brought."""
        self._dropped: int | None = None
        """The highest number that had to make room."""
        self._has_taken_over = False

    def passing(self, records: Sequence[Any], _: int | None, /) -> Sequence[Any]:
        """See :class:`Overlap`."""
        if self._has_taken_over:
            records = self._new(records)
        for record in records:
            if self._is_new(record):
                self._highest = self._number(record)
        return records

    def keep(self, held: Held, /) -> None:
        """See :class:`Overlap`."""
        records, ts, recv_us = held
        if self._first is None:
            self._first = self._number(records[0])
        kept = self._kept
        while kept and not self._new(kept[0][0]):
            self._size -= len(kept.popleft()[0])
        if new := self._new(records):
            kept.append((new, ts, recv_us))
            self._size += len(new)
        while self._size > RECORDS:
            dropped = kept.popleft()[0]
            self._size -= len(dropped)
            self._dropped = self._number(dropped[-1])

    @property
    def has_met(self) -> bool:
        """See :class:`Overlap`."""
        return self._first is not None and self._highest is not None and self._first <= self._highest

    def expect(self) -> None:
        """See :class:`Overlap`; numbers tell by themselves."""

    def take_over(self) -> Sequence[Held]:
        """See :class:`Overlap`."""
        self._has_taken_over = True
        self.torn = self._dropped is not None and (self._highest is None or self._highest < self._dropped)
        kept, self._kept = self._kept, deque()
        return kept

    def _new(self, records: Sequence[Any]) -> Sequence[Any]:
        return [record for record in records if self._is_new(record)]

    def _is_new(self, record: Any) -> bool:
        return self._highest is None or self._number(record) > self._highest


class ByTime:
    """Records of which the newest says all: older ones are old, and one as new if it says the same."""

    has_met = True

    def __init__(self) -> None:
        self.torn = False
        self._newest = -1
        self._said: set[Any] = set()
        """What was published with the newest time."""
        self._kept: deque[Held] = deque(maxlen=RECORDS)
        self._has_taken_over = False

    def passing(self, records: Sequence[Any], ts: int | None, /) -> Sequence[Any]:
        """See :class:`Overlap`."""
        if self._has_taken_over:
            records = self._new(records, ts)
        at = time_of(records, ts)
        if at is not None and at > self._newest:
            self._newest = at
            self._said.clear()
        if at == self._newest and len(self._said) < RECORDS:
            self._said.update(records)
        return records

    def keep(self, held: Held, /) -> None:
        """See :class:`Overlap`; if too much is kept, the oldest is what the newest makes worthless."""
        kept = self._kept
        while kept and not self._new(kept[0][0], kept[0][1]):
            kept.popleft()
        if self._new(held[0], held[1]):
            kept.append(held)

    def expect(self) -> None:
        """See :class:`Overlap`; times tell by themselves."""

    def take_over(self) -> Sequence[Held]:
        """See :class:`Overlap`."""
        self._has_taken_over = True
        kept, self._kept = self._kept, deque()
        return kept

    def _new(self, records: Sequence[Any], ts: int | None) -> Sequence[Any]:
        at = time_of(records, ts)
        if at is None or at > self._newest:
            return records
        return () if at < self._newest else [record for record in records if record not in self._said]


class ByContent:
    """
    Records that are told apart by all that they say; see :mod:`gateway.engine.alignment`.

    Args:
        late: whether something may have come by either connection that this will never know of.
    """

    def __init__(self, *, late: bool = False) -> None:
        self.torn = False
        self._late = late
        self._copies: Alignment[Held] = Alignment(RECORDS, RECORDS)
        self._has_taken_over = False

    def passing(self, records: Sequence[Any], _: int | None, /) -> Sequence[Any]:
        """See :class:`Overlap`."""
        if not self._has_taken_over:
            for record in records:
                self._copies.publish(record)
            return records
        new = [record for record in records if self._copies.is_new(record)]
        if new:
            self.torn = self._copies.is_torn() or self.torn
        return new

    def keep(self, held: Held, /) -> None:
        """See :class:`Overlap`."""
        records, ts, recv_us = held
        for record in records:
            self._copies.keep(record, ((record,), ts, recv_us))

    @property
    def has_met(self) -> bool:
        """See :class:`Overlap`."""
        return self._copies.has_met

    def expect(self) -> None:
        """See :class:`Overlap`."""
        self._copies.expect()

    def take_over(self) -> Sequence[Held]:
        """See :class:`Overlap`."""
        self._has_taken_over = True
        kept, torn = self._copies.take_over()
        self.torn = torn or (self._late and bool(kept))
        return () if self._late else kept


def _id(record: Any) -> Any:
    return record.id


def _seq(record: Any) -> Any:
    return record.seq


def time_of(records: Sequence[Any], ts: int | None) -> int | None:
    """Return the exchange's time of a message, else that of its last record, if either is given."""
    if ts is not None or not records:
        return ts
    at: int | None = getattr(records[-1], "ts", None)
    return at


_NUMBERS: Final[Mapping[str, Callable[[Any], Any]]] = {"trades": _id, "quotes": _seq}
_NEWEST: Final = frozenset({"ticker", "mark", "candles"})


def overlap_of(channel: str, record: Any, ts: int | None, *, late: bool = False) -> Overlap:
    """
    Return what tells the records of ``channel`` apart, of which ``record`` is one.

    ``late`` says that something may have come by either connection that it will never know of.
    """
    number = _NUMBERS.get(channel)
    if number is not None and isinstance(number(record), int):
        return ByNumber(number)
    if channel in _NEWEST and time_of((record,), ts) is not None:
        return ByTime()
    return ByContent(late=late)
