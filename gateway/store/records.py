"""
What is kept, as values. None of it is secret: accounts are named by their ids in the configuration.

Times are wall time in microseconds since 1970.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import Reason
from gateway.model.subscriptions import Subscription
from gateway.spi.contract import Scope

LASTING: Final = frozenset({Scope.IP, Scope.ACCOUNT})
"""Scopes that outlive a connection."""


@dataclass(frozen=True, slots=True)
class StandingSubscription:
    """A subscription that somebody made through the API, and when."""

    subscription: Subscription
    created_us: int

    @property
    def topic(self) -> str:
        """The name under which it is published, and by which it is removed."""
        return self.subscription.topic


@dataclass(frozen=True, slots=True)
class Added:
    """What adding came to; where it is not new, ``standing`` is the one that stood already."""

    standing: StandingSubscription
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """
    Until when an exchange lets nothing of ``scope`` through, as it said at ``noted_us``.

    ``account`` is given where ``scope`` is an account and nowhere else.
    ``limit`` names the one limit that is meant; without it all of the scope's are.

    Raises:
        ValueError: If the scope ends with its connection, or the account is missing or too much.
    """

    exchange: str
    scope: Scope
    until_us: int
    reason: Reason
    noted_us: int
    account: str | None = None
    limit: str | None = None

    def __post_init__(self) -> None:
        if self.scope not in LASTING:
            raise ValueError(f"a ban of scope {self.scope} does not outlive its connection")
        if (self.scope is Scope.ACCOUNT) is not bool(self.account):
            raise ValueError("a ban names an account where its scope is one, and nowhere else")

    def seconds_left(self, now_us: int) -> float:
        """Return how long it still holds, 0 where it does not."""
        return max(0, self.until_us - now_us) / 1e6
