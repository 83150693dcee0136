"""What one client was sent of trades whose ids have no holes: what is missing and was told, and what was not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

Message = Mapping[str, Any]
STANDING: Final = frozenset({"pending", "live", "stale", "resyncing", "disconnected", "closed"})
"""What a topic can be; all else that is told of one is over once it was told."""


@dataclass(slots=True)
class Stream:
    """One topic, as it was heard."""

    first: int | None = None
    """The first id that came."""
    last: int | None = None
    """The id up to which all has come or was told to be missing; none before the first."""
    status: str = "pending"
    told: list[tuple[float, float]] = field(default_factory=list)
    """The first and the last id of what was told to be missing before the next datum."""


@dataclass(slots=True)
class Counts:
    """Records, in all; ``wrongly_told`` came although they were told to be missing."""

    received: int = 0
    told: int = 0
    untold: int = 0
    doubled: int = 0
    wrongly_told: int = 0
    jumps: int = 0
    lags: int = 0
    away: int = 0

    def complaints(self, who: str) -> list[str]:
        """Return what is not as it was promised to ``who`` listens."""
        wrong = {
            "records are missing and nobody said so": self.untold,
            "records came twice": self.doubled,
            "records came though they were told to be missing": self.wrongly_told,
            "jumps between offsets": self.jumps,
        }
        return [f"{who}: {count:,} {what}" for what, count in wrong.items() if count]


class Ledger:
    """
    Takes what a client yields, and counts.

    Args:
        topics: in the order of the numbers that the venue tells of.
    """

    def __init__(self, topics: Sequence[str]) -> None:
        self.counts = Counts()
        self.streams = {topic: Stream() for topic in topics}

    def take(self, message: Message) -> None:
        """Take the next message."""
        stream = self.streams[message["topic"]]
        match message["type"]:
            case "update":
                for record in message["data"]:
                    self._record(stream, record["id"])
            case "status":
                _tell(stream, message)
            case "jump":
                self.counts.jumps += 1
            case "lag":
                self.counts.lags += 1
                _tell_unbounded(stream)
            case "away":
                self.counts.away += 1
            case "back":
                self._back(stream, message)

    def _back(self, stream: Stream, message: Message) -> None:
        stream.status = message["status"]
        if not message["recovered"]:
            _tell_unbounded(stream)

    def has_reached(self, numbers: Sequence[int]) -> bool:
        """Whether every topic is live and has come to its number."""
        return not self.behind(numbers)

    def behind(self, numbers: Sequence[int]) -> list[str]:
        """Return the topics that have not, each with what it is."""
        return [
            f"{topic} ({stream.status}, {(stream.last or 0) - number})"
            for (topic, stream), number in zip(self.streams.items(), numbers, strict=True)
            if stream.status != "live" or (stream.last or 0) < number
        ]

    @property
    def skipped(self) -> int:
        """How many records there were before the first that came of each topic."""
        return sum((stream.first or 1) - 1 for stream in self.streams.values())

    def _record(self, stream: Stream, number: int) -> None:
        self.counts.received += 1
        if stream.last is None:
            stream.first = stream.last = number
        elif number <= stream.last:
            self.counts.doubled += 1
        else:
            self._account(stream, stream.last + 1, number)
            stream.last = number

    def _account(self, stream: Stream, first: int, number: int) -> None:
        """Count what is missing from ``first`` to before ``number``, which has come."""
        if first < number:
            told = sum(_is_told(stream, one) for one in range(first, number))
            self.counts.told += told
            self.counts.untold += number - first - told
        if stream.told:
            self.counts.wrongly_told += any(low <= number <= high < inf for low, high in stream.told)
            stream.told.clear()


def _tell(stream: Stream, message: Message) -> None:
    if message["status"] == "gap":
        stream.told.append((message.get("from", -inf), message.get("to", inf)))
    elif message["status"] in STANDING:
        stream.status = message["status"]


def _tell_unbounded(stream: Stream) -> None:
    stream.told.append((-inf, inf))


def _is_told(stream: Stream, number: int) -> bool:
    return any(low <= number <= high for low, high in stream.told)
