"""
Whether a connection is alive: the heartbeat's clock, the data's ages, and what "healthy" means.

A server's pings and its data prove nothing about the way back to us: only the
pong to our own ping, recognised by its token, does. All times are monotonic
seconds given by the caller.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from gateway.spi.contract import Rhythm

DEFAULT_HEARTBEAT: Final = 15.0
"""Seconds between our own pings where neither operator, session nor plugin says otherwise."""
DEAD_AFTER: Final = 1.5
"""Intervals within which a peer that lives has answered: a pong may take half of one."""
JUMP: Final = 2.0
"""A tick this many seconds late means that we slept, not that the peer did."""


class Pulse(Enum):
    """What is due."""

    QUIET = auto()
    PING = auto()
    DEAD = auto()


@dataclass(slots=True)
class Heartbeat:
    """
    Our own pings, one each ``interval``, always sent; a pong later than ``timeout`` means a dead peer.

    With the default ``timeout`` of half an interval a dead peer is left within
    one and a half intervals. ``checked_at`` is when the connection was made.
    """

    interval: float
    timeout: float
    checked_at: float
    answered_at: float | None = None
    round_trip: float | None = None
    token: int = 0
    heard_until: float | None = None
    """When the last ping was sent that was answered: what the peer had said before that has arrived."""
    _next_at: float = field(init=False)
    _sent_at: float | None = None
    _pinged_at: float | None = None
    """The same without grace."""
    _late_at: float = 0.0
    """When the peer is dead unless the ping in flight is answered."""
    _graced: bool = False

    def __post_init__(self) -> None:
        self._next_at = self.checked_at + self.interval

    def change(self, interval: float, timeout: float) -> bool:
        """
        Ping at another pace from the last ping on; one in flight loses none of the time it was given.

        Returns whether it is another one.
        """
        if (interval, timeout) == (self.interval, self.timeout):
            return False
        self._next_at += interval - self.interval
        self.interval, self.timeout = interval, timeout
        if self._sent_at is not None:
            self._late_at = max(self._late_at, self._sent_at + timeout)
        return True

    def check(self, now: float, *, tick: float) -> Pulse:
        """
        Return what is due at ``now``; each ping is asked for once, under the next token.

        ``tick`` is how often this is called. A clock that jumped grants the
        ping in flight its whole time again, once: a loop that is always late
        would never notice a dead peer.
        """
        jumped = now - self.checked_at > tick + JUMP
        self.checked_at = now
        if self._sent_at is not None:
            if jumped and not self._graced:
                self._sent_at, self._late_at, self._graced = now, now + self.timeout, True
            if now >= self._late_at:
                return Pulse.DEAD
        if self._sent_at is None and now >= self._next_at:
            self.token += 1
            self._sent_at, self._late_at, self._graced = now, now + self.timeout, False
            self._pinged_at = now
            self._next_at = max(self._next_at + self.interval, now + self.interval / 2)
            return Pulse.PING
        return Pulse.QUIET

    def put_off(self, until: float) -> None:
        """The answer to the ping in flight may wait to be read: the peer is not dead before ``until``."""
        self._late_at = until

    def pong(self, token: int | None, now: float) -> bool:
        """Take a pong; false if it answers no ping in flight. ``token`` is :obj:`None` where it carries none."""
        if self._sent_at is None or (token is not None and token != self.token):
            return False
        self.round_trip = now - self._sent_at
        self.answered_at = now
        self.heard_until = self._pinged_at
        self._sent_at = None
        return True

    def next_check(self) -> float:
        """Return when :meth:`check` can next matter."""
        return self._next_at if self._sent_at is None else self._late_at


@dataclass(frozen=True, slots=True)
class Ages:
    """
    A picture of a connection's clocks, replaced about once a second.

    ``has_pongs`` tells whether its pings are answered at all; ``streams`` holds
    for each stream when its last datum came.
    """

    message_at: float | None = None
    pong_at: float | None = None
    round_trip: float | None = None
    has_pongs: bool = True
    streams: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def after(self, earlier: "Ages", wanted: Container[str]) -> "Ages":
        """Return the same with what came ``earlier`` where nothing came since, of streams that are ``wanted``."""
        latest = {**earlier.streams, **self.streams}
        return replace(
            self,
            message_at=earlier.message_at if self.message_at is None else self.message_at,
            pong_at=earlier.pong_at if self.pong_at is None else self.pong_at,
            streams=MappingProxyType({stream: at for stream, at in latest.items() if stream in wanted}),
        )


class DataAges:
    """
    When each stream last delivered, found by comparing counters now and then.

    So the hot path counts and reads no clock; the ages are exact to one sample.

    Args:
        frames: each stream's counter at the beginning; what came before is no delivery.
    """

    def __init__(self, frames: Mapping[str, int] = MappingProxyType({})) -> None:
        self._seen: dict[str, int] = dict(frames)
        self._at: dict[str, float] = {}

    def sample(self, frames: Mapping[str, int], now: float) -> Mapping[str, float]:
        """Take each stream's counter; return when each last delivered."""
        for gone in self._seen.keys() - frames.keys():
            del self._seen[gone]
            self._at.pop(gone, None)
        for stream, count in frames.items():
            if count != self._seen.get(stream, 0):
                self._at[stream] = now
            self._seen[stream] = count
        return MappingProxyType(dict(self._at))


def unhealthy_because(  # noqa: PLR0913  # the whole rule in one place
    *,
    connected: bool,
    ages: Ages,
    since: float,
    now: float,
    rhythms: frozenset[Rhythm],
    ping_timeout: float,
    message_timeout: float,
    heartbeat_interval: float | None,
    paced_at: float = 0.0,
) -> str:
    """
    Return why a connection is not healthy, empty if it is.

    Healthy is: CONNECTED, the last pong at most ``ping_timeout`` old and, where
    a stream is continuous or heartbeated, the last message at most
    ``message_timeout`` old. ``since`` is when it was connected; nothing counts
    as older, and no pong as older than ``paced_at``, when the pace of the pings
    was last changed. Where plugin or session ping so seldom that a live peer's last pong is
    older by itself, one and a half times the ``heartbeat_interval`` in effect count instead.
    """
    if not connected:
        return "not connected"
    pong_age = now - max(since, paced_at, ages.pong_at or since)
    if ages.has_pongs and pong_age > max(ping_timeout, DEAD_AFTER * (heartbeat_interval or 0.0)):
        return f"no pong for {pong_age:.0f} s"
    message_age = now - max(since, ages.message_at or since)
    if rhythms & {Rhythm.CONTINUOUS, Rhythm.HEARTBEATED} and message_age > message_timeout:
        return f"no message for {message_age:.0f} s"
    return ""
