"""How much one client may ask for, and for how long the server waits for it."""

from dataclasses import dataclass
from typing import Final

SYMBOLS: Final = 1000
"""Symbols in one request."""
CONFLATE_MS: Final = 60_000
"""The longest interval for which messages are conflated."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Bounds for each client. Durations are seconds, sizes bytes.

    A client is a token with all its sockets; where none is needed, it is one socket.
    ``topics`` are those that a client has and those that it left and that linger;
    it may open as many at once as it may have, then ``openings_per_second``, and
    joining one that is open costs nothing. ``sockets`` are counted per token and per address.
    ``refusals`` is how many commands are refused for their rate before a client is
    read no faster than its rate. ``queue`` is twice what a topic's ring holds, so
    that a resume always fits. ``header`` bounds how long a socket may be open
    without a whole request, or a body may take to come, ``introduction`` for how long one may
    be open without a token where one is needed, ``refusing`` is how long a wrong one waits
    for its answer, ``closing`` how long a client may take to answer a Close,
    ``stalled`` how long one may take to read the answers to what it asked for,
    ``resolving`` how long one request may take altogether. ``waiting`` is how many connections of
    an address may be no client, ``unacknowledged`` for how long what was sent may be neither
    received nor refused before a connection is given up.
    """

    topics: int = 5000
    openings_per_second: float = 100.0
    sockets: int = 5000
    commands_per_second: float = 20.0
    commands_burst: int = 50
    refusals: int = 10
    protocol_errors: int = 10
    message: int = 1 << 16
    queue: int = 1 << 21
    lag: int = 1 << 16
    high_water: int = 1 << 16
    ping_interval: float = 20.0
    silence: float = 60.0
    idle: float = 60.0
    header: float = 10.0
    introduction: float = 5.0
    refusing: float = 1.0
    closing: float = 2.0
    stalled: float = 5.0
    resolving: float = 30.0
    waiting: int = 5000
    unacknowledged: float = 40.0


class Bucket:
    """
    Tokens that refill at a steady rate; one is used by each command, or each topic that is opened.

    Args:
        rate: tokens a second.
        burst: tokens at most.
        now: monotonic seconds.
    """

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Use a token; false, and nothing is used, if there is none."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def wait(self) -> float:
        """Return the seconds from the last :meth:`take` to when there is a token; 0 if there is one."""
        return max(0.0, (1 - self._left) / self._rate)
