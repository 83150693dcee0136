"""
What an event of a futures account means.

Leverage, strategies and grids have no record and pass without a word, and so does
``TRADE_LITE``, which tells a fill sooner but not what became of the order. Whatever
does not fit is a :class:`ValueError`, never a record.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import UNSET

from gateway import spi
from gateway_binance.decimals import check_decimals
from gateway_binance.private import futures_frames as frames
from gateway_binance.private.figures import USER
from gateway_binance.private.orders import (
    FORCED,
    SIDES,
    Names,
    Status,
    check_signed,
    is_all,
    is_fill,
    is_zero,
    reason_of,
    status_of,
)
from gateway_binance.records.fields import microseconds

_WAITING: Final[Mapping[str, Status]] = {
    "NEW": "pending",
    "TRIGGERING": "pending",
    "TRIGGERED": "new",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
    "REJECTED": "rejected",
}
"""Statuses of conditional orders, but for the last one: until it is triggered one is no order yet."""
_DONE: Final = "FINISHED"
_MOST_WORDS: Final = 200


class FuturesEvents:
    """
    Reads one connection's events.

    Args:
        names: spell symbols.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._readers: Mapping[str, Callable[[bytes], spi.Event]] = {
            "ORDER_TRADE_UPDATE": self._order,
            "ALGO_UPDATE": self._algo,
            "ACCOUNT_UPDATE": self._account,
            "MARGIN_CALL": self._margin_call,
            "CONDITIONAL_ORDER_TRIGGER_REJECT": self._trigger_reject,
        }

    def read(self, kind: str, event: bytes) -> spi.Event | None:
        """
        Return what ``event`` says; nothing if there is no record for it.

        Raises:
            ValueError: If it makes no sense.
        """
        reader = self._readers.get(kind)
        return None if reader is None else reader(event)

    def _order(self, event: bytes) -> spi.Data:
        update = frames.read_order(event)
        one = update.order
        check_decimals((one.size, one.price, one.average, one.last_size, one.filled, one.last_price))
        fill: dict[str, Any] = {}
        if is_fill(one.execution, one.last_size):
            fill = {"last_price": one.last_price, "last_size": one.last_size, "trade_id": one.trade_id}
            if one.fee is not None and one.fee_asset is not None:
                check_signed((one.fee,))  # a rebate is negative
                fill |= {"fee": one.fee, "fee_asset": one.fee_asset}
        forced = one.status if one.status in FORCED else ""
        record = spi.Order(
            order_id=one.id,
            symbol=self._names.ours(one.symbol),
            side=SIDES[one.side],
            status=status_of(one.status, one.filled, one.size),
            ts=microseconds(one.traded_at),
            client_order_id=one.client_id,
            type=one.type,
            time_in_force=one.time_in_force,
            price=one.price,
            size=one.size,
            filled=one.filled,
            average_price=None if is_zero(one.average) else one.average,
            reason=reason_of(forced, one.expiry_reason),
            **fill,
        )
        return spi.Data(USER, (record,), microseconds(update.at))

    def _algo(self, event: bytes) -> spi.Data:
        update = frames.read_algo(event)
        one = update.order
        check_decimals((one.size, one.price, one.filled or "0", one.average or "0"))
        record = spi.Order(
            order_id=one.id,
            symbol=self._names.ours(one.symbol),
            side=SIDES[one.side],
            status=algo_status(one.status, one.filled, one.size),
            ts=microseconds(update.changed_at),
            client_order_id=one.client_id,
            type=one.type,
            time_in_force=one.time_in_force,
            price=one.price,
            size=one.size,
            filled=one.filled or None,
            average_price=None if is_zero(one.average) else one.average,
            reason=reason_of(one.message),
        )
        return spi.Data(USER, (record,), microseconds(update.at))

    def _account(self, event: bytes) -> spi.Data:
        update = frames.read_account(event)
        account = update.account
        ts = microseconds(update.at if update.changed_at is UNSET else update.changed_at)
        changes = [None if row.change is UNSET else row.change for row in account.balances]
        check_signed(row.total for row in account.balances)
        check_signed(change for change in changes if change is not None)
        check_signed(number for row in account.positions for number in (row.size, row.entry_price, row.unrealised))
        reason = reason_of(account.reason)
        balances = [
            spi.Balance(row.asset, ts, total=row.total, change=change, reason=reason)
            for row, change in zip(account.balances, changes, strict=True)
        ]
        positions = [
            spi.Position(
                symbol=self._names.ours(row.symbol),
                size=row.size,
                ts=ts,
                side=None if row.side is UNSET else row.side.lower(),
                entry_price=row.entry_price,
                unrealised_pnl=row.unrealised,
                margin_mode=None if row.margin_mode is UNSET else row.margin_mode,
            )
            for row in account.positions
        ]
        return spi.Data(USER, (*balances, *positions), microseconds(update.at))

    def _margin_call(self, event: bytes) -> spi.Problem:
        rows = frames.read_margin_call(event).positions
        named = ", ".join(f"{self._names.ours(row.symbol)} {row.side.lower()}" for row in rows)
        return _problem(f"margin call: {named}")

    def _trigger_reject(self, event: bytes) -> spi.Problem:
        one = frames.read_trigger_reject(event).order
        named = f"order {one.id} of {self._names.ours(one.symbol)}"
        return _problem(f"{named} was rejected as it triggered: {one.reason}")


def algo_status(written: str, filled: str, size: str) -> Status:
    """
    Return a conditional order's status as ours; one that closes a position whole has no size.

    Raises:
        ValueError: If it is no status of Binance's.
    """
    if written == _DONE:
        return "filled" if is_all(filled, size) else "canceled"
    if written not in _WAITING:
        raise ValueError("an unknown status of a conditional order")
    return _WAITING[written]


def _problem(text: str) -> spi.Problem:
    """Tell the operator of what no record can hold; nothing else follows from it."""
    verdict = spi.Verdict(action=spi.Action.RETRY, scope=spi.Scope.REQUEST, text=text[:_MOST_WORDS])
    return spi.Problem(verdict, verdict.text)
