"""What a listener is sent instead of every message: levels merged by price, else the newest record."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from gateway.engine.book import ZERO
from gateway.engine.messages import Conflated, Kind, Message, first_of, records_json
from gateway.engine.topics import Topic
from gateway.model.market import Book, Level

CROWDED: Final = 5_000
"""Changed levels of a book beyond which the whole of it is sent instead."""


class Merge(Protocol):
    """Messages of one topic, folded into one."""

    def add(self, message: Message) -> None:
        """Fold ``message`` in."""

    def records(self) -> list[Any]:
        """Return what the folded message holds."""

    @property
    def is_crowded(self) -> bool:
        """Whether it holds so much that a snapshot would say it shorter."""


class Newest:
    """Keeps the newest record: it says all that the ones before it said."""

    is_crowded = False

    def __init__(self) -> None:
        self._last: Any = None

    def add(self, message: Message) -> None:
        """Replace what is kept."""
        self._last = message.records[-1]

    def records(self) -> list[Any]:
        """Return the newest record."""
        return [self._last]


class Levels:
    """Merges changes of a book by price; the newest size wins, a snapshot starts anew."""

    def __init__(self) -> None:
        self._bids: dict[str, str] = {}
        self._asks: dict[str, str] = {}
        self._last: Book | None = None
        self._whole = False

    def add(self, message: Message) -> None:
        """Fold a book's message in."""
        if message.kind == "snapshot":
            self._bids.clear()
            self._asks.clear()
            self._whole = True
        for record in message.records:
            self._take(self._bids, record.bids)
            self._take(self._asks, record.asks)
            self._last = record

    def _take(self, side: dict[str, str], levels: Iterable[Level]) -> None:
        """What is gone from a whole side need not be remembered; elsewhere it is a change to be told."""
        for price, size in levels:
            if self._whole and size == ZERO:
                side.pop(price, None)
            else:
                side[price] = size

    @property
    def is_crowded(self) -> bool:
        """Whether more levels have changed than a book is likely to have."""
        return not self._whole and len(self._bids) + len(self._asks) > CROWDED

    def records(self) -> list[Any]:
        """Return one record with every changed level or, after a snapshot, with whole sides, best first."""
        seq, ts = (self._last.seq, self._last.ts) if self._last is not None else (None, None)
        if not self._whole:
            return [Book(list(self._bids.items()), list(self._asks.items()), seq, ts)]
        return [Book(_sorted(self._bids, best=-1), _sorted(self._asks, best=1), seq, ts)]


def _sorted(sizes: Mapping[str, str], *, best: int) -> list[Level]:
    return sorted(sizes.items(), key=lambda level: best * float(level[0]))


MERGES: Final[Mapping[str, Callable[[], Merge]]] = {
    "book": Levels,
    "quotes": Newest,
    "ticker": Newest,
    "mark": Newest,
}
"""The channels that may be conflated, and how."""


class Conflation:
    """The messages that one subscription has been spared so far; always at least one."""

    def __init__(self, message: Message) -> None:
        self.first = first_of(message)
        self.offset = message.offset
        self.kind: Kind = message.kind
        self.recv_us = message.recv_us
        self.ts = message.ts
        self._only: Message | None = message
        self._merge = MERGES[message.subscription.channel]()
        self._merge.add(message)

    def add(self, message: Message) -> None:
        """Fold another message in; a snapshot makes the whole a snapshot."""
        if message.kind == "snapshot":
            self.kind = "snapshot"
        self.offset = message.offset
        self.recv_us = message.recv_us
        self.ts = message.ts
        self._only = None
        self._merge.add(message)

    def follow(self, message: Message, topic: Topic) -> None:
        """Fold another message of ``topic`` in and, where that is shorter by now, the whole of it."""
        self.add(message)
        if self.is_crowded and (whole := topic.snapshot(message.recv_us)) is not None:
            self.add(whole)

    def records(self) -> list[Any]:
        """Return the folded records."""
        return self._merge.records()

    def frame(self, topic: Topic) -> bytes:
        """Return the folded message as a client gets it; one that is alone is as everybody gets it."""
        if self._only is not None:
            return self._only.frame
        data = records_json(self.records())
        return topic.spelling.frame(self.kind, self.offset, self.ts, self.recv_us, data, self.first)

    def message(self, topic: Topic) -> Message:
        """Return the folded message; one that is alone is itself."""
        if self._only is not None:
            return self._only
        return Conflated(
            topic.subscription,
            self.kind,
            self.records(),
            self.ts,
            self.recv_us,
            self.offset,
            self.frame(topic),
            self.first,
        )

    @property
    def is_crowded(self) -> bool:
        """Whether a snapshot, folded in, would make it smaller."""
        return self._merge.is_crowded
