"""
What all topics of one exchange have published, told and taken, in plain numbers that are read now and then.

A message costs one comparison here: what each topic counts anyhow is added up when
somebody asks. Only one message of many is timed.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Protocol

from gateway.engine.histogram import TRANSIT, Histogram

TIMED: Final = 64
"""A topic's first message is timed, and every so many after it; a power of two."""


class Counted(Protocol):
    """A topic, as it is counted."""

    offset: int

    @property
    def encoded(self) -> int:
        """How many of its messages were written for clients."""


class Flow:
    """What topics of one exchange, gone or not, have done. Event-loop only."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        """Statuses and events, once for each topic that they were told on."""
        self.transit = Histogram(TRANSIT)
        """From the exchange's time of a message to its receipt, of those that are timed."""
        self._published = 0
        self._encoded = 0

    def forget(self, topic: Counted) -> None:
        """Keep what ``topic`` has counted: it will be gone."""
        self._published += topic.offset
        self._encoded += topic.encoded

    def counted(self, topics: Iterable[Counted]) -> tuple[int, int]:
        """Return how many messages were published and how many were encoded; ``topics`` are those there are."""
        published, encoded = self._published, self._encoded
        for topic in topics:
            published += topic.offset
            encoded += topic.encoded
        return published, encoded
