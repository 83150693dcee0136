"""What is counted of all clients, those who have left too: plain numbers, added up when somebody asks."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.engine.histogram import DELIVERY, Histogram
from gateway.engine.outbox import Outbox
from gateway.serving.codes import CloseCode

LEFT: Final = "left"
"""How a client ends that we do not close."""
LATE: Final = 0.25
"""Seconds from receipt to write that make a message late."""
REMEMBERED: Final = 16
"""Late messages that are remembered until somebody asks; of more the oldest are let go."""


class Counting(Protocol):
    """One client's pipe, as it is counted."""

    outbox: Outbox
    writes: int
    bytes: int

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client, wherever they wait."""


@dataclass(slots=True)
class Sent:
    """What clients were sent, and what they were not."""

    messages: int = 0
    """Frames that were queued, answers and pings too."""
    bytes: int = 0
    writes: int = 0
    conflated: int = 0
    dropped: int = 0

    def add(self, pipe: Counting) -> None:
        """Count what a client was sent so far."""
        self.messages += pipe.outbox.queued
        self.bytes += pipe.bytes
        self.writes += pipe.writes
        self.conflated += pipe.outbox.conflated
        self.dropped += pipe.outbox.dropped


@dataclass(frozen=True, slots=True)
class Present:
    """Those who are there now; ``unsent`` and ``most_unsent`` are bytes, of all and of the one with most."""

    clients: int
    lagging: int
    unsent: int
    most_unsent: int


class Figures:
    """
    The figures of one server. Event-loop only.

    Args:
        wall_us: microseconds since 1970.
    """

    def __init__(self, wall_us: Callable[[], int]) -> None:
        self.delivery = Histogram(DELIVERY)
        """From the receipt of a frame to the write that took it along, of the messages that are timed."""
        self.came = 0
        """Clients, ever."""
        self.ended: Counter[str] = Counter({code.name.lower(): 0 for code in CloseCode} | {LEFT: 0})
        """Clients that are gone, by why we closed them."""
        self._wall_us = wall_us
        self._pipes: set[Counting] = set()
        self._past = Sent()
        self._late: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)

    def enter(self, pipe: Counting) -> None:
        """Count a client."""
        self.came += 1
        self._pipes.add(pipe)

    def leave(self, pipe: Counting) -> None:
        """Keep what was counted of a client that goes. Harmless to repeat."""
        if pipe in self._pipes:
            self._pipes.discard(pipe)
            self._past.add(pipe)

    def end(self, code: CloseCode | None) -> None:
        """Count why a client is gone; without ``code`` it left."""
        self.ended[LEFT if code is None else code.name.lower()] += 1

    def delivered(self, recv_us: int) -> None:
        """A message that was received then has been written now."""
        now_us = self._wall_us()
        seconds = (now_us - recv_us) / 1e6
        self.delivery.observe(seconds)
        if seconds > LATE:
            self._late.append((recv_us, now_us))

    def late(self) -> Sequence[tuple[int, int]]:
        """Return the receipt and the write of each late message since this was asked last."""
        told = tuple(self._late)
        self._late.clear()
        return told

    def sent(self) -> Sent:
        """Return what all clients were sent, ever."""
        sums = Sent(
            self._past.messages, self._past.bytes, self._past.writes, self._past.conflated, self._past.dropped
        )
        for pipe in self._pipes:
            sums.add(pipe)
        return sums

    def present(self) -> Present:
        """Return who is there."""
        unsent = [pipe.unsent for pipe in self._pipes]
        lagging = sum(pipe.outbox.lagging() for pipe in self._pipes)
        return Present(len(unsent), lagging, sum(unsent), max(unsent, default=0))
