"""
A spot or margin account as it is, fetched over REST: open orders, what became of known ones, balances.

After "Account information", "Current open orders" and "Query order" in rest-api.md of
the spot documents, 2026-07-21, and their margin counterparts at developers.binance.com, 2026-02.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from gateway import spi
from gateway_binance.decimals import check_decimals
from gateway_binance.private.fetching import Account, Asking
from gateway_binance.private.figures import (
    MARGIN_CALL,
    MARGIN_WEIGHT,
    SPOT_ACCOUNT,
    SPOT_OPEN_ORDERS,
    SPOT_ORDER,
    USER,
)
from gateway_binance.private.orders import SIDES, Names, Side, is_zero, reason_of, status_of
from gateway_binance.records.fields import Count, Time, microseconds


class Row(Struct, frozen=True, rename="camel"):
    """An order; margin writes ``isIsolated`` too."""

    symbol: str
    order_id: Count
    client_order_id: str
    price: str
    orig_qty: str
    executed_qty: str
    status: str
    time_in_force: str
    type: str
    side: Side
    update_time: Time
    expiry_reason: str = ""


class Asset(Struct, frozen=True, rename="camel"):
    """What there is of an asset."""

    asset: str
    free: str
    locked: str


class Holdings(Struct, frozen=True, rename="camel"):
    """The reply of ``/api/v3/account``; ``update_time`` is that of the last change."""

    balances: Sequence[Asset]
    update_time: Time = 0


class MarginHoldings(Struct, frozen=True, rename="camel"):
    """The reply of ``/sapi/v1/margin/account``, which has no time."""

    user_assets: Sequence[Asset]


class Pair(Struct, frozen=True, rename="camel"):
    """A symbol of an isolated account."""

    base_asset: Asset
    quote_asset: Asset


class IsolatedHoldings(Struct, frozen=True, rename="camel"):
    """The reply of ``/sapi/v1/margin/isolated/account``."""

    assets: Sequence[Pair]


def fetch_spot(
    target: spi.Target, weight: str, known: Sequence[spi.Order], names: Names
) -> Asking[Sequence[spi.Data]]:
    """Fetch a spot account."""
    account = Account(target, weight)
    rows = yield from account.get("/api/v3/openOrders", list[Row], SPOT_OPEN_ORDERS)
    for place in _unlisted(rows, known, names):
        row = yield from account.find("/api/v3/order", Row, SPOT_ORDER, place)
        rows += [] if row is None else [row]
    holdings = yield from account.get("/api/v3/account", Holdings, SPOT_ACCOUNT, {"omitZeroBalances": "true"})
    return _state(rows, holdings.balances, microseconds(holdings.update_time), names)


@dataclass(frozen=True, slots=True)
class Wallet:
    """Which margin account is meant: the cross one, or that of an ``isolated`` symbol."""

    isolated: str | None = None

    @property
    def params(self) -> dict[str, int | str]:
        """What is asked along."""
        return {} if self.isolated is None else {"isIsolated": "TRUE", "symbol": self.isolated}


def fetch_margin(
    target: spi.Target, wallet: Wallet, known: Sequence[spi.Order], names: Names
) -> Asking[Sequence[spi.Data]]:
    """Fetch a margin account; its balances are told as of before they were asked for, for lack of a time."""
    account = Account(target, MARGIN_WEIGHT)
    rows = yield from account.get("/sapi/v1/margin/openOrders", list[Row], MARGIN_CALL, wallet.params)
    for place in _unlisted(rows, known, names):
        row = yield from account.find("/sapi/v1/margin/order", Row, MARGIN_CALL, wallet.params | place)
        rows += [] if row is None else [row]
    asked_at = target.now()
    if wallet.isolated is None:
        held = (yield from account.get("/sapi/v1/margin/account", MarginHoldings, MARGIN_CALL)).user_assets
    else:
        params = {"symbols": wallet.isolated}
        found = yield from account.get("/sapi/v1/margin/isolated/account", IsolatedHoldings, MARGIN_CALL, params)
        held = [one for pair in found.assets for one in (pair.base_asset, pair.quote_asset)]
    return _state(rows, [one for one in held if not _is_empty(one)], asked_at, names)


def _unlisted(rows: Sequence[Row], known: Sequence[spi.Order], names: Names) -> list[dict[str, int | str]]:
    """Return what to ask for the known orders that are not open any more."""
    listed = {(row.symbol, row.order_id) for row in rows}
    places = [(names.theirs(one.symbol), one.order_id) for one in known]
    return [{"symbol": place[0], "orderId": place[1]} for place in places if place not in listed]


def _state(rows: Sequence[Row], held: Sequence[Asset], ts: int, names: Names) -> Sequence[spi.Data]:
    check_decimals(number for one in held for number in (one.free, one.locked))
    orders = [_order(row, names) for row in rows]
    balances = [spi.Balance(one.asset, ts, free=one.free, locked=one.locked) for one in held]
    return (spi.Data(USER, (*orders, *balances)),)


def _order(row: Row, names: Names) -> spi.Order:
    check_decimals((row.price, row.orig_qty, row.executed_qty))
    return spi.Order(
        order_id=row.order_id,
        symbol=names.ours(row.symbol),
        side=SIDES[row.side],
        status=status_of(row.status, row.executed_qty, row.orig_qty),
        ts=microseconds(row.update_time),
        client_order_id=row.client_order_id,
        type=row.type,
        time_in_force=row.time_in_force,
        price=row.price,
        size=row.orig_qty,
        filled=row.executed_qty,
        reason=reason_of(row.expiry_reason),
    )


def _is_empty(one: Asset) -> bool:
    return is_zero(one.free) and is_zero(one.locked)
