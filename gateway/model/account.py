"""
Account records: orders, balances and positions of one account.

Amounts are decimal strings as the exchange wrote them, times integer
microseconds since 1970; a field that the exchange does not give is absent.
"""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from gateway.model.market import Id, Side

OrderStatus = Literal["new", "partially_filled", "filled", "canceled", "rejected", "expired", "pending"]


class Order(Struct, frozen=True, gc=False, omit_defaults=True):
    """An order after one of its events; ``last_price`` and ``last_size`` tell the fill, if it was one."""

    order_id: Id
    symbol: str
    side: Side
    status: OrderStatus
    ts: int
    client_order_id: str | None = None
    type: str | None = None
    time_in_force: str | None = None
    price: str | None = None
    size: str | None = None
    filled: str | None = None
    average_price: str | None = None
    last_price: str | None = None
    last_size: str | None = None
    fee: str | None = None
    fee_asset: str | None = None
    trade_id: Id | None = None
    reason: str | None = None


class Balance(Struct, frozen=True, gc=False, omit_defaults=True):
    """What an account holds of one asset, or by how much that changed."""

    asset: str
    ts: int
    free: str | None = None
    locked: str | None = None
    total: str | None = None
    change: str | None = None
    reason: str | None = None


class Position(Struct, frozen=True, gc=False, omit_defaults=True):
    """An open position; ``side`` is the exchange's word for it (``long``, ``short``, ``both``)."""

    symbol: str
    size: str
    ts: int
    side: str | None = None
    entry_price: str | None = None
    unrealised_pnl: str | None = None
    margin_mode: str | None = None


ACCOUNT_RECORDS: Final[Mapping[str, type[Struct]]] = {
    "orders": Order,
    "balances": Balance,
    "positions": Position,
}
"""The record of each account channel."""
