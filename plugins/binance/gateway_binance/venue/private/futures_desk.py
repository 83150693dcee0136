"""The desk of a futures market: margin and positions instead of balances; one-way mode, cross margin."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Final

from gateway_binance.venue.hosts import Market
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.private import updates
from gateway_binance.venue.private.accounts import Account, Accounts
from gateway_binance.venue.private.desk import Desk, Tell
from gateway_binance.venue.private.orders import ZERO, Filled, Order, Wish
from gateway_binance.venue.private.positions import Position
from gateway_binance.venue.refusals import RefusedError
from gateway_binance.venue.source import Source

MAKER: Final = Decimal("0.0002")
TAKER: Final = Decimal("0.0005")
"""Of what a fill is worth: the fees of an account that trades little."""
_CENT: Final = Decimal("0.00000001")


class FuturesDesk(Desk):
    """
    The orders, wallets and positions of USD-M or COIN-M.

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
        self.wallets: dict[str, dict[str, Decimal]] = {
            account.name: defaultdict(Decimal, account.holdings[source.market]) for account in accounts
        }
        self.positions: dict[str, dict[str, Position]] = {
            account.name: defaultdict(Position) for account in accounts
        }

    # --- what is known

    def used(self, account: str, asset: str) -> Decimal:
        """Return the margin of ``asset`` that positions and open orders need."""
        total = ZERO
        for symbol, position in self.positions[account].items():
            if self.listed(symbol).margin == asset:
                total += self.listed(symbol).worth(self.mark(symbol), abs(position.amount)) / position.leverage
        for order in self.orders(account):
            one = self.listed(order.wish.symbol)
            if order.is_open and one.margin == asset:
                total += self._margin(account, one, order.wish, order.left)
        return total

    def unrealized(self, account: str, asset: str) -> Decimal:
        """Return what closing everything of ``asset`` now would gain."""
        return sum(
            (
                position.unrealized(self.listed(symbol), self.mark(symbol))
                for symbol, position in self.positions[account].items()
                if self.listed(symbol).margin == asset
            ),
            ZERO,
        )

    def available(self, account: str, asset: str) -> Decimal:
        """Return what of ``asset`` new orders may use."""
        return self.wallets[account][asset] + self.unrealized(account, asset) - self.used(account, asset)

    def mark(self, symbol: str) -> Decimal:
        """Return the mark price, nought if there is none yet."""
        return Decimal(self.source.mark(symbol).price)

    # --- an order's life

    def check(self, account: Account, wish: Wish, listed: Listed) -> None:
        """Refuse what the margin does not cover; what only reduces a position needs none."""
        held = self.positions[account.name][wish.symbol].amount
        if wish.reduce_only:
            if held == 0 or (held > 0) == wish.is_buy:
                raise RefusedError(-2022, "ReduceOnly Order is rejected.")
            return
        reduces = held * (1 if wish.is_buy else -1) < 0 and wish.quantity <= abs(held)
        if not reduces and self._margin(account.name, listed, wish, wish.quantity) > self.available(
            account.name, listed.margin
        ):
            raise RefusedError(-2019, "Margin is insufficient.")
        if wish.tif == "GTX" and self._meets(wish) is not None:
            text = "Due to the order could not be executed as maker, the Post Only order will be rejected."
            raise RefusedError(-5022, text)

    def opened(self, order: Order) -> None:
        """Tell of the order."""
        self._update(order, "NEW")

    def settle(self, order: Order, part: Filled) -> Filled:
        """Change the position; what it gains goes to the wallet, and the fee leaves it."""
        one = self.listed(order.wish.symbol)
        fee = (one.worth(part.price, part.size) * (MAKER if part.is_maker else TAKER)).quantize(_CENT)
        position = self.positions[order.account][one.symbol]
        gained = position.fill(one, part.size if order.wish.is_buy else -part.size, part.price).quantize(_CENT)
        position.changed_at = part.at
        self.wallets[order.account][one.margin] += gained - fee
        return replace(part, fee=fee, fee_asset=one.margin, gained=gained)

    def told(self, order: Order, part: Filled) -> None:
        """Tell of the fill, of the order after it, and of the wallet and position that it changed."""
        if self.source.market is Market.USDM:
            self.tell(order.account, updates.trade_lite(order, part))
        self._update(order, "TRADE", part)
        self.changed(order.account, "ORDER", self.listed(order.wish.symbol), -part.fee)

    def closed(self, order: Order, how: str) -> None:
        """Tell how the order ended."""
        self._update(order, how)

    # --- what else moves money

    def transfer(self, account: str, asset: str, delta: Decimal) -> None:
        """Move money in or out."""
        self.wallets[account][asset] += delta
        why = "DEPOSIT" if delta > 0 else "WITHDRAW"
        balance = updates.balance(asset, self.wallets[account][asset], delta)
        self.tell(account, updates.account(self.source.market, why, [balance], [], self.now()))

    def fund(self, account: str, symbol: str, rate: Decimal) -> None:
        """Charge funding for the position in ``symbol``: who is long pays where ``rate`` is above nought."""
        one = self.listed(symbol)
        position = self.positions[account][symbol]
        paid = (one.worth(self.mark(symbol), position.amount) * rate).quantize(_CENT)
        self.wallets[account][one.margin] -= paid
        self.changed(account, "FUNDING_FEE", one, -paid)

    def lever(self, account: str, symbol: str, leverage: int) -> None:
        """Change the leverage of ``symbol``."""
        self.positions[account][symbol].leverage = leverage
        self.tell(account, updates.leverage(symbol, leverage, self.now()))

    def changed(self, account: str, why: str, one: Listed, delta: Decimal) -> None:
        """Tell of the wallet and the position of ``one`` as they are; ``delta`` is what is no gain or loss."""
        position = self.positions[account][one.symbol]
        held = position.unrealized(one, self.mark(one.symbol))
        row = updates.position(one.symbol, position, held)
        moved = ZERO if why == "ORDER" else delta
        balance = updates.balance(one.margin, self.wallets[account][one.margin], moved)
        self.tell(account, updates.account(self.source.market, why, [balance], [row], self.now(), one.symbol))

    def _update(self, order: Order, how: str, part: Filled | None = None) -> None:
        self.tell(order.account, updates.order(order, how, self.listed(order.wish.symbol), part))

    def _margin(self, account: str, one: Listed, wish: Wish, size: Decimal) -> Decimal:
        price = wish.price or self._meets(wish) or self.mark(wish.symbol)
        return one.worth(price, size) / self.positions[account][wish.symbol].leverage if price else ZERO
