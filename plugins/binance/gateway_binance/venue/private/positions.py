"""
What a futures position is worth: how fills make its entry price, and what closing it gains.

Linear contracts are in units of the base asset, inverse ones in contracts of a fixed
value in the quote asset.
"""

from dataclasses import dataclass
from decimal import Decimal

from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.private.orders import ZERO


@dataclass(slots=True)
class Position:
    """A position of one symbol; ``amount`` is below nought where it is short."""

    amount: Decimal = ZERO
    entry: Decimal = ZERO
    gained: Decimal = ZERO
    """All that was gained by closing, ever."""
    leverage: int = 20
    margin: str = "cross"
    changed_at: int = 0

    def fill(self, listed: Listed, change: Decimal, price: Decimal) -> Decimal:
        """Change the amount by ``change`` at ``price``; return what that gains."""
        if self.amount * change >= 0:
            self.entry = self._joined(listed, change, price)
            self.amount += change
            return ZERO
        closed = min(abs(self.amount), abs(change)) * (1 if self.amount > 0 else -1)
        gained = profit(listed, closed, self.entry, price)
        self.gained += gained
        before, self.amount = self.amount, self.amount + change
        if not self.amount:
            self.entry = ZERO
        elif self.amount * before < 0:
            self.entry = price
        return gained

    def _joined(self, listed: Listed, change: Decimal, price: Decimal) -> Decimal:
        before, more = abs(self.amount), abs(change)
        if not before:
            return price
        if listed.market is Market.COINM:
            return (before + more) / (before / self.entry + more / price)
        return (before * self.entry + more * price) / (before + more)

    def unrealized(self, listed: Listed, mark: Decimal) -> Decimal:
        """Return what closing at ``mark`` would gain."""
        return profit(listed, self.amount, self.entry, mark) if self.amount and mark else ZERO


def profit(listed: Listed, amount: Decimal, entry: Decimal, price: Decimal) -> Decimal:
    """Return what ``amount``, held from ``entry`` to ``price``, gains in the margin asset."""
    if listed.market is Market.COINM:
        return amount * listed.size * (1 / entry - 1 / price)
    return amount * (price - entry)
