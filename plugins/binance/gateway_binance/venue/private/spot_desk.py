"""Spot's desk: what an order sets aside, what a fill moves, and what the account is told."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from itertools import count
from random import Random
from typing import Final

from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.private import reports
from gateway_binance.venue.private.accounts import Account, Accounts
from gateway_binance.venue.private.desk import Desk, Event, Tell
from gateway_binance.venue.private.orders import ZERO, Filled, Order, Wish
from gateway_binance.venue.refusals import RefusedError
from gateway_binance.venue.source import Source

FEE: Final = Decimal("0.001")
"""Of what is received, from makers and takers alike."""
_CENT: Final = Decimal("0.00000001")


@dataclass(slots=True)
class Balance:
    """What an account has of one asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


class SpotDesk(Desk):
    """
    The orders and balances of spot.

    Args:
        source: whose prices orders meet.
        now: milliseconds since 1970.
        random: for the ids that clients do not choose.
        tell: where events go.
        accounts: all that there are.
    """

    def __init__(  # a desk's four, and its accounts
        self, source: Source, now: Callable[[], int], random: Random, tell: Tell, accounts: Accounts
    ) -> None:
        super().__init__(source, now, random, tell)
        self.balances: dict[str, dict[str, Balance]] = {
            account.name: defaultdict(
                Balance, {asset: Balance(amount) for asset, amount in account.holdings[Market.SPOT].items()}
            )
            for account in accounts
        }
        self.changed_at: dict[str, int] = defaultdict(int)
        """When each account's balances changed last."""
        self._executions = count(500_000_000)

    def check(self, account: Account, wish: Wish, listed: Listed) -> None:
        """Refuse what the balance does not cover."""
        asset, amount = self._needs(wish, listed, wish.quantity)
        if self.balances[account.name][asset].free < amount:
            raise RefusedError(-2010, "Account has insufficient balance for requested action.")

    def opened(self, order: Order) -> None:
        """Lock what the order may cost."""
        asset, amount = self._needs(order.wish, self.listed(order.wish.symbol), order.quantity)
        self._move(order.account, asset, free=-amount, locked=amount)
        self._report(order, "NEW")
        self._position(order)

    def settle(self, order: Order, part: Filled) -> Filled:
        """Exchange what was locked for what was bought, less the fee."""
        one = self.listed(order.wish.symbol)
        cost = part.price * part.size
        if order.wish.is_buy:
            locked = self._needs(order.wish, one, part.size)[1]
            self._move(order.account, one.quote, free=locked - cost, locked=-locked)
            asset, gained = one.base, part.size
        else:
            self._move(order.account, one.base, locked=-part.size)
            asset, gained = one.quote, cost
        fee = (gained * FEE).quantize(_CENT, ROUND_DOWN)
        self._move(order.account, asset, free=gained - fee)
        return replace(part, fee=fee, fee_asset=asset)

    def told(self, order: Order, part: Filled) -> None:
        """Report the fill, and the balances after it."""
        self._report(order, "TRADE", part)
        self._position(order)

    def closed(self, order: Order, how: str) -> None:
        """Unlock what is left."""
        asset, amount = self._needs(order.wish, self.listed(order.wish.symbol), order.left)
        self._move(order.account, asset, free=amount, locked=-amount)
        self._report(order, how)
        self._position(order)

    def transfer(self, account: str, asset: str, delta: Decimal) -> None:
        """Move money in or out, and tell both the change and the balance."""
        self._move(account, asset, free=delta)
        at = self.changed_at[account] = self.now()
        self.tell(account, reports.balance_update(asset, delta, at))
        self.tell(account, self._positions(account, (asset,), at))

    def _needs(self, wish: Wish, listed: Listed, quantity: Decimal) -> tuple[str, Decimal]:
        if not wish.is_buy:
            return listed.base, quantity
        if wish.type == "MARKET":
            price = self._meets(wish) or ZERO
            return listed.quote, wish.quote_quantity if not quantity else quantity * price
        return listed.quote, quantity * wish.price

    def _move(self, account: str, asset: str, free: Decimal = ZERO, locked: Decimal = ZERO) -> None:
        balance = self.balances[account][asset]
        balance.free += free
        balance.locked += locked

    def _report(self, order: Order, how: str, part: Filled | None = None) -> None:
        self.tell(order.account, reports.execution(order, how, next(self._executions), part))

    def _position(self, order: Order) -> None:
        one = self.listed(order.wish.symbol)
        at = self.changed_at[order.account] = order.changed_at
        self.tell(order.account, self._positions(order.account, dict.fromkeys((one.base, one.quote, "BNB")), at))

    def _positions(self, account: str, assets: Iterable[str], at: int) -> Event:
        balances = self.balances[account]
        return reports.position({asset: (balances[asset].free, balances[asset].locked) for asset in assets}, at)
