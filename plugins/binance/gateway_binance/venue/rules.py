"""
What the exchange allows a client: one row for each market's sockets, one for each pool of limits.

Every figure has its source beside it; tests and operators may replace any.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway_binance.venue.hosts import Market

DAY: Final = 86_400.0
MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class SocketRules:
    """One market's sockets; times are seconds, ``most_messages`` is for each second, pings and pongs included."""

    ping_every: float
    pong_within: float
    most_streams: int
    most_messages: int
    max_age: float = DAY


@dataclass(frozen=True, slots=True)
class Quota:
    """At most ``count`` in each stretch of ``seconds``, which begins with the clock's."""

    interval: str
    number: int
    count: int

    @property
    def seconds(self) -> int:
        """How long one stretch lasts."""
        return self.number * {"SECOND": 1, "MINUTE": MINUTE, "DAY": int(DAY)}[self.interval]

    @property
    def suffix(self) -> str:
        """How headers name it, such as ``1M``."""
        return f"{self.number}{self.interval[0]}"

    def row(self, kind: str) -> dict[str, object]:
        """Return the row of ``rateLimits`` that declares it."""
        return {
            "rateLimitType": kind,
            "interval": self.interval,
            "intervalNum": self.number,
            "limit": self.count,
        }


@dataclass(frozen=True, slots=True)
class PoolRules:
    """What everybody behind one address may ask for together; orders are each account's."""

    weight: Quota
    raw: Quota | None
    orders: tuple[Quota, ...]
    dials: Quota = Quota("MINUTE", 5, 300)
    """web-socket-streams.md, "WebSocket limits", 2026-07-21; none is published of futures."""
    tolerated: int = 5
    """Requests refused, or connections ended for what they said, in a minute before a ban; undocumented."""
    shortest_ban: float = 120.0
    longest_ban: float = 3 * DAY
    """rest-api.md, "IP limits": bans scale from 2 minutes to 3 days."""


# web-socket-streams.md, "General WSS information" and "WebSocket limits", 2026-07-21.
_SPOT: Final = SocketRules(ping_every=20, pong_within=60, most_streams=1024, most_messages=5)
# USD-M and COIN-M, Websocket Market Streams. Their pages say 1024 streams, clients have long counted on 200.
_FUTURES: Final = SocketRules(ping_every=180, pong_within=600, most_streams=200, most_messages=10)

SOCKET_RULES: Final[Mapping[Market, SocketRules]] = {
    Market.SPOT: _SPOT,
    Market.USDM: _FUTURES,
    Market.COINM: _FUTURES,
}

# rest-api.md, 2026-07-21, and the change of RAW_REQUESTS of 2026-04-02.
SPOT_POOL: Final = PoolRules(
    weight=Quota("MINUTE", 1, 6000),
    raw=Quota("MINUTE", 5, 300_000),
    orders=(Quota("SECOND", 10, 100), Quota("DAY", 1, 200_000)),
)
# fapi's exchangeInfo; dapi draws on the same since the integration of 2026-06-30.
FUTURES_POOL: Final = PoolRules(
    weight=Quota("MINUTE", 1, 2400),
    raw=None,
    orders=(Quota("SECOND", 10, 300), Quota("MINUTE", 1, 1200)),
)
