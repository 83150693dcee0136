"""What can go wrong at a simulated venue: every fault that a test may script, and how often each still strikes."""

import enum
import math
from dataclasses import dataclass, field, fields
from typing import Final, Generic, TypeVar

from aiohttp import WSMsgType

ALWAYS: Final = math.inf
"""Armed with this, a fault strikes until it is cleared."""

T = TypeVar("T")


class Fault(Generic[T]):
    """Strikes a number of times in the way it was armed with, then no more."""

    def __init__(self) -> None:
        self.struck = 0
        self._how: T | None = None
        self._left = 0.0

    def arm(self, how: T, times: float = ALWAYS) -> None:
        """Strike the next ``times`` times, instead of whatever was armed before."""
        self._how, self._left = how, times

    def clear(self) -> None:
        """Strike no more."""
        self._how, self._left = None, 0.0

    def strike(self) -> T | None:
        """Return how to fail this time, :obj:`None` for not at all. Called by venues, not by tests."""
        if self._left < 1:
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

    def arm(self, times: float = ALWAYS) -> None:
        """Strike the next ``times`` times."""
        self._fault.arm(how=True, times=times)

    def clear(self) -> None:
        """Strike no more."""
        self._fault.clear()

    def strike(self) -> bool:
        """Say whether to fail this time. Called by venues, not by tests."""
        return self._fault.strike() is not None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP answer instead of what was asked for."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Noise(enum.Enum):
    """Frames that mean nothing: WebSocket opcode and payload; the last two break the protocol itself."""

    TEXT = (WSMsgType.TEXT, b"surely no message")
    CUT_JSON = (WSMsgType.TEXT, b'{"stream":"tr')
    STRANGE_JSON = (WSMsgType.TEXT, b'[{"surprise":[null,1e400]}]')
    EMPTY = (WSMsgType.TEXT, b"")
    BINARY = (WSMsgType.BINARY, bytes(range(256)))
    BAD_UTF8 = (WSMsgType.TEXT, b"\xc3\x28\xff")
    BAD_FRAME = (None, b"\xf3\x00\xff\xff")


@dataclass(slots=True)
class Faults:
    """
    The faults of one venue; may be set at any moment and hold for whatever happens next.

    ``mute`` swallows everything, pongs included, while sockets stay open;
    ``stall`` and ``stalled_streams`` hold back data alone. ``ack_delay`` is
    seconds. ``skips`` counts sequence numbers that are jumped over, ``losses``
    data that are made and never sent, both by stream.
    """

    reset_dials: Countdown = field(default_factory=Countdown)
    hang_upgrades: Countdown = field(default_factory=Countdown)
    refuse_upgrades: Fault[Refusal] = field(default_factory=Fault)
    refuse_requests: Fault[Refusal] = field(default_factory=Fault)
    refuse_logins: Fault[str] = field(default_factory=Fault)
    close_at_subscribe: Fault[int] = field(default_factory=Fault)
    refuse_subscribes: Fault[str] = field(default_factory=Fault)
    refused_streams: set[str] = field(default_factory=set)
    lose_acks: Countdown = field(default_factory=Countdown)
    ack_delay: float = 0.0
    mute: bool = False
    stall: bool = False
    stalled_streams: set[str] = field(default_factory=set)
    skips: dict[str, int] = field(default_factory=dict)
    losses: dict[str, int] = field(default_factory=dict)

    def skip(self, stream: str, count: int = 1) -> None:
        """Jump over the next ``count`` sequence numbers of ``stream``."""
        self.skips[stream] = self.skips.get(stream, 0) + count

    def lose(self, stream: str, count: int = 1) -> None:
        """Make the next ``count`` data of ``stream`` but send them to nobody."""
        self.losses[stream] = self.losses.get(stream, 0) + count

    def holds_back(self, stream: str) -> bool:
        """Say whether a datum of ``stream`` is not to be sent. Called by venues, once for each datum."""
        left = self.losses.pop(stream, 0)
        if left > 1:
            self.losses[stream] = left - 1
        return left > 0 or self.stall or stream in self.stalled_streams

    def clear(self) -> None:
        """Heal everything; what was swallowed stays lost."""
        fresh = Faults()
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))
