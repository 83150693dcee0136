"""
A futures account as it is, fetched over REST: open orders, what became of known ones, balances, positions.

After "Current All Open Orders", "Query Order", their "Algo" counterparts, "Futures
Account Balance" and "Position Information" of both markets at developers.binance.com,
2026-08-21. Orders that wait for a trigger are kept apart from the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from gateway import spi
from gateway_binance.decimals import check_decimals
from gateway_binance.private.fetching import Account, Asking
from gateway_binance.private.figures import (
    FUTURES_BALANCES,
    FUTURES_OPEN_ORDERS,
    FUTURES_ORDER,
    FUTURES_POSITIONS,
    USER,
)
from gateway_binance.private.futures_events import algo_status
from gateway_binance.private.orders import FORCED, SIDES, Names, Side, check_signed, is_zero, reason_of, status_of
from gateway_binance.records.fields import Count, Time, microseconds

CONDITIONAL: Final = frozenset(
    {"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"}
)
"""Types of orders that wait for a trigger, and are asked for where those are kept."""


class Row(Struct, frozen=True, rename="camel"):
    """An order."""

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
    avg_price: str = ""


class AlgoRow(Struct, frozen=True, rename="camel"):
    """An order that waits for a trigger, or did."""

    symbol: str
    algo_id: Count
    client_algo_id: str
    order_type: str
    side: Side
    time_in_force: str
    quantity: str
    price: str
    algo_status: str
    update_time: Time
    actual_order_id: str | Count | None = None
    """The order that has come of it, if one has."""


class Asset(Struct, frozen=True, rename="camel"):
    """What there is of an asset."""

    asset: str
    balance: str
    available_balance: str
    update_time: Time = 0


class Holding(Struct, frozen=True, rename="camel"):
    """A position; the margin mode is not in every version of the reply."""

    symbol: str
    position_amt: str
    entry_price: str
    un_realized_profit: str
    position_side: str
    update_time: Time = 0
    margin_type: str | None = None


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a market keeps an account, and what it may do; ``api`` is where the rest is."""

    api: str
    balances: str
    positions: str
    abilities: str


USDM_PATHS: Final = Paths("/fapi/v1", "/fapi/v3/balance", "/fapi/v3/positionRisk", "/fapi/v1/accountConfig")
COINM_PATHS: Final = Paths("/dapi/v1", "/dapi/v1/balance", "/dapi/v1/positionRisk", "/dapi/v1/account")


def fetch(  # all that it stands on
    target: spi.Target, weight: str, paths: Paths, since: int, known: Sequence[spi.Order], names: Names
) -> Asking[Sequence[spi.Data]]:
    """Fetch an account; what is empty is told if that is news since ``since``."""
    account = Account(target, weight)
    rows = yield from account.get(f"{paths.api}/openOrders", list[Row], FUTURES_OPEN_ORDERS)
    algos = yield from account.find(f"{paths.api}/openAlgoOrders", list[AlgoRow], FUTURES_OPEN_ORDERS)
    orders = [_order(row, names) for row in rows] + [_algo(row, names) for row in algos or ()]
    listed = {(one.symbol, one.order_id) for one in orders}
    for one in known:
        if (one.symbol, one.order_id) not in listed:
            ended = yield from _ended(account, paths.api, one, names)
            orders += [] if ended is None else [ended]
    assets = yield from account.get(paths.balances, list[Asset], FUTURES_BALANCES)
    positions = yield from account.get(paths.positions, list[Holding], FUTURES_POSITIONS)
    records = (*orders, *_balances(assets, since), *_positions(positions, since, names))
    return (spi.Data(USER, records),)


def _ended(account: Account, api: str, order: spi.Order, names: Names) -> Asking[spi.Order | None]:
    """Ask what became of an order that is not open any more; a conditional one may be an order like all others."""
    algo = None
    if order.type in CONDITIONAL:
        algo = yield from account.find(f"{api}/algoOrder", AlgoRow, FUTURES_ORDER, {"algoId": order.order_id})
    if algo is None:
        row = yield from _row(account, api, order.symbol, order.order_id, names)
        return None if row is None else _order(row, names)
    if not algo.actual_order_id:
        return _algo(algo, names)
    made = yield from _row(account, api, order.symbol, algo.actual_order_id, names)
    return _algo(algo, names, "" if made is None else made.executed_qty)


def _row(account: Account, api: str, symbol: str, number: int | str, names: Names) -> Asking[Row | None]:
    params = {"symbol": names.theirs(symbol), "orderId": number}
    return (yield from account.find(f"{api}/order", Row, FUTURES_ORDER, params))


def _order(row: Row, names: Names) -> spi.Order:
    check_decimals((row.price, row.orig_qty, row.executed_qty, row.avg_price or "0"))
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
        average_price=None if is_zero(row.avg_price) else row.avg_price,
        reason=reason_of(row.status) if row.status in FORCED else None,
    )


def _algo(row: AlgoRow, names: Names, filled: str = "") -> spi.Order:
    """Return a conditional order; ``filled`` is what was filled of the order that has come of it, if known."""
    check_decimals((row.price, row.quantity, filled or "0"))
    return spi.Order(
        order_id=row.algo_id,
        symbol=names.ours(row.symbol),
        side=SIDES[row.side],
        status=algo_status(row.algo_status, filled, row.quantity),
        ts=microseconds(row.update_time),
        client_order_id=row.client_algo_id,
        type=row.order_type,
        time_in_force=row.time_in_force,
        price=row.price,
        size=row.quantity,
        filled=filled or None,
    )


def _balances(assets: Sequence[Asset], since: int) -> Iterator[spi.Balance]:
    for one in assets:
        check_signed((one.balance, one.available_balance))
        ts = microseconds(one.update_time)
        if not is_zero(one.balance) or _is_news(ts, since):
            yield spi.Balance(one.asset, ts, free=one.available_balance, total=one.balance)


def _positions(positions: Sequence[Holding], since: int, names: Names) -> Iterator[spi.Position]:
    for one in positions:
        check_signed((one.position_amt, one.entry_price, one.un_realized_profit))
        ts = microseconds(one.update_time)
        if not is_zero(one.position_amt) or _is_news(ts, since):
            yield spi.Position(
                symbol=names.ours(one.symbol),
                size=one.position_amt,
                ts=ts,
                side=one.position_side.lower(),
                entry_price=one.entry_price,
                unrealised_pnl=one.un_realized_profit,
                margin_mode=one.margin_type,
            )


def _is_news(ts: int, since: int) -> bool:
    """Whether something changed in the blind time, if there was one."""
    return 0 < since <= ts
