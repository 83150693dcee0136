"""What can go wrong at a simulated venue: every fault that a test may script, and how often each still strikes."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from typing import Final, Generic, TypeVar

from gateway.testing.noise import Noise
from gateway.testing.ways import Ack, Body, Cut, Pong, Quota, Refusal, Upgrade

__all__ = ["ALWAYS", "Countdown", "Fault", "Faults", "Noise", "Refusal"]

ALWAYS: Final = math.inf
"""Armed with this, a fault strikes until it is cleared."""

T = TypeVar("T")


class Fault(Generic[T]):
    """Strikes a number of times in the way it was armed with, then no more."""

    def __init__(self) -> None:
        self.struck = 0
        self._how: T | None = None
        self._left = 0.0
        self._spared = 0

    def arm(self, how: T, times: float = ALWAYS, *, after: int = 0) -> None:
        """Spare the next ``after`` times and strike the ``times`` after them, instead of what was armed before."""
        self._how, self._left, self._spared = how, times, after

    def clear(self) -> None:
        """Strike no more."""
        self._how, self._left = None, 0.0

    def strike(self) -> T | None:
        """Return how to fail this time, :obj:`None` for not at all. Called by venues, not by tests."""
        if self._left < 1:
            return None
        if self._spared:
            self._spared -= 1
            return None
        self._left -= 1
        self.struck += 1
        return self._how


class Countdown:
    """A fault with one way only."""

    def __init__(self) -> None:
        self._fault: Fault[bool] = Fault()

    @property
    def struck(self) -> int:
        """How often it struck, ever."""
        return self._fault.struck

    def arm(self, times: float = ALWAYS, *, after: int = 0) -> None:
        """Spare the next ``after`` times and strike the ``times`` after them."""
        self._fault.arm(how=True, times=times, after=after)

    def clear(self) -> None:
        """Strike no more."""
        self._fault.clear()

    def strike(self) -> bool:
        """Say whether to fail this time. Called by venues, not by tests."""
        return self._fault.strike() is not None


@dataclass(slots=True)
class Faults:
    """
    The faults of one venue; may be set at any moment and hold for whatever happens next.

    ``mute`` swallows everything, pongs and Close frames included, while sockets stay open;
    ``deaf`` hears nothing, dials and Close frames included, and goes on
    sending; ``stall`` and ``stalled_streams`` hold back data alone. Delays are
    seconds. ``age_limit`` and ``idle_limit`` hold for sockets that are opened
    from then on, ``one_session`` is the code with which an account's older
    socket is closed when it logs in again. ``frozen_streams`` send the same
    datum for ever, ``unasked_streams`` to everybody. By stream: ``skips``
    counts sequence numbers that are jumped over, ``losses`` data that are made
    and never sent, ``repeats`` those that are sent twice, ``swaps`` those that
    are sent after the one that follows.
    """

    reset_dials: Countdown = field(default_factory=Countdown)
    hang_upgrades: Countdown = field(default_factory=Countdown)
    refuse_upgrades: Fault[Refusal] = field(default_factory=Fault)
    bend_upgrades: Fault[Upgrade] = field(default_factory=Fault)
    upgrade_delay: float = 0.0

    mute: bool = False
    deaf: bool = False
    no_pings: bool = False
    ignore_closes: bool = False
    deflate: bool = False
    bend_pongs: Fault[Pong] = field(default_factory=Fault)
    pong_delay: float = 0.0
    age_limit: Cut | None = None
    idle_limit: Cut | None = None
    message_limit: Quota | None = None

    refuse_logins: Fault[str] = field(default_factory=Fault)
    one_session: int | None = None
    close_at_subscribe: Fault[int] = field(default_factory=Fault)
    refuse_subscribes: Fault[str] = field(default_factory=Fault)
    refused_streams: set[str] = field(default_factory=set)
    stream_limit: float = math.inf
    lose_acks: Countdown = field(default_factory=Countdown)
    bend_acks: Fault[Ack] = field(default_factory=Fault)
    ack_delay: float = 0.0

    stall: bool = False
    stalled_streams: set[str] = field(default_factory=set)
    frozen_streams: set[str] = field(default_factory=set)
    unasked_streams: set[str] = field(default_factory=set)
    skips: dict[str, int] = field(default_factory=dict)
    losses: dict[str, int] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)
    swaps: dict[str, int] = field(default_factory=dict)

    refuse_requests: Fault[Refusal] = field(default_factory=Fault)
    hang_requests: Countdown = field(default_factory=Countdown)
    bend_replies: Fault[Body] = field(default_factory=Fault)
    reply_delay: float = 0.0

    def skip(self, stream: str, count: int = 1) -> None:
        """Jump over the next ``count`` sequence numbers of ``stream``."""
        _add(self.skips, stream, count)

    def lose(self, stream: str, count: int = 1) -> None:
        """Make the next ``count`` data of ``stream`` but send them to nobody."""
        _add(self.losses, stream, count)

    def repeat(self, stream: str, count: int = 1) -> None:
        """Send each of the next ``count`` data of ``stream`` twice."""
        _add(self.repeats, stream, count)

    def swap(self, stream: str, count: int = 1) -> None:
        """Send a datum of ``stream`` after the one that follows it, ``count`` times."""
        _add(self.swaps, stream, count)

    def holds_back(self, stream: str) -> bool:
        """Say whether a datum of ``stream`` is not to be sent. Called by venues, once for each datum."""
        return taken(self.losses, stream) or self.stall or stream in self.stalled_streams

    def granted(self, streams: Sequence[str], had: Collection[str]) -> tuple[str, ...]:
        """Return those of ``streams`` that a client who ``had`` others gets. Called by venues."""
        wanted = [one for one in streams if one not in self.refused_streams]
        room = max(0, self.stream_limit - len(had))
        return tuple(one for number, one in enumerate(wanted) if one in had or number < room)

    def clear(self) -> None:
        """Heal everything; what was swallowed stays lost."""
        fresh = Faults()
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))


def taken(counts: dict[str, int], stream: str) -> bool:
    """Say whether ``stream`` has any left, and take one."""
    left = counts.pop(stream, 0)
    if left > 1:
        counts[stream] = left - 1
    return left > 0


def _add(counts: dict[str, int], stream: str, count: int) -> None:
    counts[stream] = counts.get(stream, 0) + count
