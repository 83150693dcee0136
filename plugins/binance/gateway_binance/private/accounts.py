"""What the hooks of any market ask about accounts."""

from collections.abc import Sequence
from typing import Protocol

from gateway import spi
from gateway_binance.private.figures import PRIVATE, USER


class Accounts(Protocol):
    """One market's answers for an account."""

    def handshake(self, target: spi.Target, /) -> spi.Handshake:
        """Open the account's stream."""

    def dialect(self, target: spi.Target, session: spi.Session, instruments: spi.Instruments, /) -> spi.Dialect:
        """Return a fresh translator."""

    def reconcile(
        self, target: spi.Target, since: int, known: Sequence[spi.Order], instruments: spi.Instruments, /
    ) -> spi.Conversation[Sequence[spi.Data]]:
        """Fetch the account."""

    def rights(self, target: spi.Target, /) -> spi.Conversation[spi.KeyRights] | None:
        """Ask what the account's key may do."""


def route(subscription: spi.Subscription, channels: Sequence[spi.Channel]) -> spi.Route | None:
    """Name the one stream that brings all that is an account's, if ``channels`` has what is wanted, or raw."""
    offered = subscription.channel in {"raw", *(channel.name for channel in channels)}
    return spi.Route(PRIVATE, USER, subscription.account) if offered else None
