"""
What all topics of one exchange have published, told and taken, in plain numbers that are read now and then.

A message costs one comparison here: what each topic counts anyhow is added up when
somebody asks. Only one message of many is timed.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from gateway.engine.histogram import TRANSIT, Histogram
from gateway.engine.messages import Notice

TIMED: Final = 64
"""A topic's first message is timed, and every so many after it; a power of two."""
LATE: Final = 1.0
"""Seconds beyond what is usual that make a message late; clocks that differ are usual too."""
REMEMBERED: Final = 16
"""Late messages that are remembered until somebody asks; of more the oldest are let go."""
_WEIGHT: Final = 1 / 32
"""How much one message moves what is usual."""


class Counted(Protocol):
    """A topic, as it is counted."""

    offset: int

    @property
    def encoded(self) -> int:
        """How many of its messages were written for clients."""


class Flow:
    """
    What topics of one exchange, gone or not, have done. Event-loop only.

    Args:
        heard: called with each status and event, once for each topic that it is told on.
    """

    def __init__(self, heard: Callable[[Notice], None] = lambda _: None) -> None:
        self.heard = heard
        self.told: Counter[str] = Counter()
        """Statuses and events, once for each topic that they were told on."""
        self.transit = Histogram(TRANSIT)
        """From the exchange's time of a message to its receipt, of those that are timed."""
        self._usual: float | None = None
        self._late: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        self._published = 0
        self._encoded = 0

    def came(self, ts: int, recv_us: int) -> None:
        """Count how long a message that is timed took from the exchange, and remember it if it was late."""
        seconds = (recv_us - ts) / 1e6
        self.transit.observe(seconds)
        usual = seconds if self._usual is None else self._usual
        if seconds - usual > LATE:
            self._late.append((ts, recv_us))
        self._usual = usual + (seconds - usual) * _WEIGHT

    def late(self) -> Sequence[tuple[int, int]]:
        """Return the exchange's time and the receipt of each late message since this was asked last."""
        told = tuple(self._late)
        self._late.clear()
        return told

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
