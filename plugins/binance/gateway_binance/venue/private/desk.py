"""
How orders live, whichever the market: which are taken, what they meet, and how they end.

An order meets the best price of its market's source, in full; one that rests is
filled when the market trades through its price. Accounts do not meet each other,
and their orders are not in the public book.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any, Final

from gateway_binance.venue.history import Trade
from gateway_binance.venue.listing import Listed
from gateway_binance.venue.private.accounts import Account
from gateway_binance.venue.private.orders import ZERO, Filled, Order, Wish
from gateway_binance.venue.refusals import RefusedError
from gateway_binance.venue.source import Source

Event = dict[str, Any]
Tell = Callable[[str, Event], None]
"""Tells an account, by its name, of an event."""
_ORDERS: Final = 10_000_000
_TRADES: Final = 900_000_000
_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
KEPT: Final = 10_000
"""Orders that are remembered of each account."""


class Desk(ABC):
    """
    The orders of one market.

    Args:
        source: whose prices orders meet.
        now: milliseconds since 1970.
        random: for the ids that clients do not choose.
        tell: where events go.
    """

    def __init__(self, source: Source, now: Callable[[], int], random: Random, tell: Tell) -> None:
        self.source = source
        self.now = now
        self.tell = tell
        self._random = random
        self._orders: dict[str, dict[int, Order]] = {}
        self._open: dict[str, dict[int, Order]] = {}
        """Open orders by symbol and id."""
        self._order_ids = count(_ORDERS)
        self._trade_ids = count(_TRADES)

    # --- what each market says in its own way

    @abstractmethod
    def check(self, account: Account, wish: Wish, listed: Listed) -> None:
        """
        Refuse what the account cannot afford.

        Raises:
            RefusedError: If it cannot.
        """

    @abstractmethod
    def opened(self, order: Order) -> None:
        """Set aside what an order needs, and tell of it."""

    @abstractmethod
    def settle(self, order: Order, part: Filled) -> Filled:
        """Move what a fill moves; return it with its fee."""

    @abstractmethod
    def told(self, order: Order, part: Filled) -> None:
        """Tell of a fill."""

    @abstractmethod
    def closed(self, order: Order, how: str) -> None:
        """Give back what an order needed, and tell how it ended."""

    @abstractmethod
    def transfer(self, account: str, asset: str, delta: Decimal) -> None:
        """Move money in, or out where ``delta`` is below nought, and tell of it."""

    # --- what clients and scenarios do

    def place(self, account: Account, wish: Wish) -> Order:
        """
        Take an order, and let it meet the market.

        Raises:
            RefusedError: If it is not taken.
        """
        listed = self.listed(wish.symbol)
        if listed.status != "TRADING":
            raise RefusedError(-1013, "Market is closed.")
        client_id = wish.client_id or self.name()
        if any(one.client_id == client_id for one in self.orders(account.name) if one.is_open):
            raise RefusedError(-2010, "Duplicate order sent.")
        meets = self._meets(wish)
        if wish.type == "LIMIT_MAKER" and meets is not None:
            raise RefusedError(-2010, "Order would immediately match and take.")
        self.check(account, wish, listed)
        now = self.now()
        quantity = wish.quantity
        if not quantity:
            quantity = (wish.quote_quantity / (meets or Decimal(1)) // listed.step) * listed.step
        order = Order(account.name, next(self._order_ids), wish, client_id, now, now, quantity)
        self._keep(order)
        self.opened(order)
        if meets is not None:
            self.fill(order, order.quantity, meets, is_maker=False)
        elif wish.type == "MARKET" or wish.tif in {"IOC", "FOK"}:
            self.end(order, "EXPIRED")
        return order

    def fill(self, order: Order, size: Decimal, price: Decimal, *, is_maker: bool = True) -> Filled:
        """
        Fill ``size`` of an order that is open, at ``price``.

        Raises:
            ValueError: If it is not open, or not so large.
        """
        if not order.is_open or not ZERO < size <= order.left:
            raise ValueError(f"order {order.id} is {order.status} and has {order.left} left")
        part = Filled(next(self._trade_ids), self.now(), price, size, ZERO, "", is_maker)
        part = self.settle(order, part)
        order.fill(part)
        if order.status == "FILLED":
            self._open[order.wish.symbol].pop(order.id)
        self.told(order, part)
        return part

    def end(self, order: Order, how: str) -> None:
        """
        End an order that is open: ``CANCELED`` or ``EXPIRED``.

        Raises:
            ValueError: If it is not.
        """
        if not order.is_open:
            raise ValueError(f"order {order.id} is {order.status}")
        order.status = how
        order.changed_at = self.now()
        self._open[order.wish.symbol].pop(order.id)
        self.closed(order, how)

    def traded(self, symbol: str, trade: Trade) -> None:
        """Fill what rests at a better price than somebody just traded at."""
        price, size = Decimal(trade.price), Decimal(trade.size)
        for order in tuple(self._open.get(symbol, {}).values()):
            wish = order.wish
            if price < wish.price if wish.is_buy else price > wish.price:
                self.fill(order, min(size, order.left), wish.price)

    # --- what is known

    def listed(self, symbol: str) -> Listed:
        """
        Return a symbol.

        Raises:
            RefusedError: If there is none.
        """
        if symbol not in self.source.listed:
            raise RefusedError(-1121, "Invalid symbol.")
        return self.source.listed[symbol]

    def waiting(self, symbol: str) -> bool:
        """Say whether any order rests at ``symbol``."""
        return bool(self._open.get(symbol))

    @property
    def awaited(self) -> set[str]:
        """The symbols at which orders rest."""
        return {symbol for symbol, orders in self._open.items() if orders}

    def orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Return the orders of an account, oldest first."""
        found: Iterable[Order] = self._orders.get(account, {}).values()
        return [one for one in found if symbol in {None, one.wish.symbol}]

    def find(self, account: str, symbol: str, *, id: int | None = None, client_id: str = "") -> Order | None:  # noqa: A002  # the wire's word
        """Return an order of an account by its id or by the client's, the newest if there are several."""
        for order in reversed(self.orders(account, symbol)):
            if order.id == id or (client_id and order.client_id == client_id):
                return order
        return None

    def name(self) -> str:
        """Return an id as the exchange makes them."""
        return "".join(self._random.choices(_LETTERS, k=22))

    def _keep(self, order: Order) -> None:
        kept = self._orders.setdefault(order.account, {})
        kept[order.id] = order
        self._open.setdefault(order.wish.symbol, {})[order.id] = order
        if len(kept) > KEPT:
            oldest = next((one for one in kept.values() if not one.is_open), None)
            if oldest is not None:
                del kept[oldest.id]

    def _meets(self, wish: Wish) -> Decimal | None:
        """Return the price that an order meets at once, if it meets any."""
        quote = self.source.quote(wish.symbol)
        if quote is None:
            return None
        best = Decimal(quote.ask if wish.is_buy else quote.bid)
        if wish.type == "MARKET":
            return best
        return best if (best <= wish.price if wish.is_buy else best >= wish.price) else None


Desks = Mapping[str, Desk]
