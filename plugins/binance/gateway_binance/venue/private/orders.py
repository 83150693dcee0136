"""An order, from its wish to its end; what changes it is the desk's."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)
OPEN: Final = frozenset({"NEW", "PARTIALLY_FILLED"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants; ``quantity`` is nought where ``quote_quantity`` says how much instead."""

    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal = ZERO
    tif: str = "GTC"
    client_id: str = ""
    quote_quantity: Decimal = ZERO
    reduce_only: bool = False

    @property
    def is_buy(self) -> bool:
        """Which way it goes."""
        return self.side == "BUY"


@dataclass(frozen=True, slots=True)
class Filled:
    """A part of an order that was filled; ``gained`` is what futures made of it."""

    id: int
    at: int
    price: Decimal
    size: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    gained: Decimal = ZERO


@dataclass(slots=True)
class Order:
    """An order of one account. Times are milliseconds since 1970."""

    account: str
    id: int
    wish: Wish
    client_id: str
    at: int
    changed_at: int
    quantity: Decimal
    status: str = "NEW"
    filled: Decimal = ZERO
    quote: Decimal = ZERO
    """What was paid or got for what is filled; in contracts' own way where they are futures."""
    fills: list[Filled] = field(default_factory=list)
    cancelled_by: str = ""
    """The client's id of the request that cancelled it."""

    @property
    def is_open(self) -> bool:
        """Whether anything may still come of it."""
        return self.status in OPEN

    @property
    def left(self) -> Decimal:
        """What is not filled."""
        return self.quantity - self.filled

    @property
    def average(self) -> Decimal:
        """The average price of what is filled."""
        if not self.filled:
            return ZERO
        return sum((one.price * one.size for one in self.fills), ZERO) / self.filled

    def fill(self, part: Filled) -> None:
        """Count a fill in."""
        self.fills.append(part)
        self.filled += part.size
        self.quote += part.price * part.size
        self.status = "FILLED" if self.filled >= self.quantity else "PARTIALLY_FILLED"
        self.changed_at = part.at
