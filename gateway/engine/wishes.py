"""One wanted stream: how many want it, where it stands, and which requests asked for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final

from gateway.errors import Reason

REFUSALS: Final = 3
"""How often a stream may be refused with the promise that asking again can help."""


class StreamState(StrEnum):
    """Where a wanted stream stands in this epoch."""

    WANTED = auto()
    PENDING = auto()
    CONFIRMED = auto()
    REFUSED = auto()


@dataclass(slots=True)
class Entry:
    """
    One wanted stream.

    ``again_at`` is when a refused one is asked for again, if ever. ``first`` and
    ``last`` number the requests that asked for it since it was last given up, 0
    before there is one. ``served`` tells that the exchange may be serving it by
    one of them, ``left_over`` that it may still be from before, and ``heard``
    that it delivered.
    """

    stream: str
    count: int = 1
    state: StreamState = StreamState.WANTED
    reason: str = ""
    unanswered: int = 0
    refusals: int = 0
    again_at: float | None = None
    first: int = 0
    last: int = 0
    served: bool = False
    left_over: bool = False
    heard: bool = False

    def more(self) -> bool:
        """Be wanted once more; true if it must be asked for now, since it was refused."""
        self.count += 1
        was_refused = self.state is StreamState.REFUSED
        if was_refused:
            self.renew()
        return was_refused

    def renew(self) -> None:
        """Be wanted as if it had never been refused."""
        self.state, self.reason, self.again_at = StreamState.WANTED, "", None
        self.unanswered = self.refusals = 0

    def start_afresh(self) -> None:
        """Be wanted as if it had never been asked for: no answer to what was asked before counts."""
        self.renew()
        self.first = self.last = 0
        self.served = self.left_over = self.heard = False

    def asked_for(self, number: int) -> None:
        """Request ``number`` asks for it."""
        self.state, self.served = StreamState.PENDING, True
        self.first = self.first or number
        self.last = number

    def turned_down(self) -> None:
        """The last request was refused: it is served only if an earlier one was never answered."""
        self.served = self.served and self.first != self.last

    def refuse(self, reason: str, again_at: float | None) -> None:
        """Be refused, and asked for again at ``again_at`` unless that failed too often; silence does not count."""
        self.state, self.reason = StreamState.REFUSED, reason
        if reason != Reason.ACK_MISSED:
            self.turned_down()
            self.refusals += 1
        self.again_at = again_at if self.refusals < REFUSALS else None

    def is_answered_by(self, number: int) -> bool:
        """Whether request ``number`` asked for it since it was last given up."""
        return 0 < self.first <= number


@dataclass(frozen=True, slots=True)
class Settled:
    """What an answer, or its absence, decided: streams confirmed, and streams refused with their reasons."""

    confirmed: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


NOTHING = Settled()


def together(settled: Sequence[Settled]) -> Settled:
    """Return several decisions as one."""
    return Settled(
        tuple(stream for one in settled for stream in one.confirmed),
        tuple(refusal for one in settled for refusal in one.refused),
    )
