"""How a venue of Binance is set up: every number of the exchange that a test may want otherwise."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway_binance.venue.hosts import Market
from gateway_binance.venue.private.accounts import Account, demo
from gateway_binance.venue.private.keys import HOUR
from gateway_binance.venue.rules import FUTURES_POOL, SOCKET_RULES, SPOT_POOL, PoolRules, SocketRules


def _demo() -> Sequence[Account]:
    return (demo(),)


def _usual() -> Mapping[Market, SocketRules]:
    return SOCKET_RULES


@dataclass(frozen=True, slots=True)
class Settings:
    """
    The setup.

    ``now`` is seconds since 1970. ``needs_events`` has USD-M's private connection
    say nothing where the address names no events, as some report of the real one
    (UBWA, 2026-05) and others do not.
    """

    accounts: Sequence[Account] = field(default_factory=_demo)
    sockets: Mapping[Market, SocketRules] = field(default_factory=_usual)
    spot_pool: PoolRules = SPOT_POOL
    futures_pool: PoolRules = FUTURES_POOL
    more_symbols: int = 0
    seed: int = 1
    key_life: float = HOUR
    needs_events: bool = False
    now: Callable[[], float] = time.time

    def with_accounts(self, accounts: Sequence[Account]) -> "Settings":
        """Return the same with other accounts."""
        return replace(self, accounts=accounts)


def aged(seconds: float) -> Mapping[Market, SocketRules]:
    """Return the usual rules, but for how old a connection gets."""
    return {market: replace(rules, max_age=seconds) for market, rules in SOCKET_RULES.items()}
