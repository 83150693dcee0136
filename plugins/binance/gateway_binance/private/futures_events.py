"""
What an event of a futures account means.

After the models of both markets' user events in binance-connector-python, 2026-08-21.
Only what the records hold is read: leverage, strategies and grids pass without a word,
and so does ``TRADE_LITE``, which tells a fill sooner but not what became of the order.
Whatever does not fit is a :class:`ValueError`, never a record.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_decimals
from gateway_binance.private.figures import USER
from gateway_binance.private.orders import (
    FORCED,
    SIDES,
    Names,
    Side,
    Status,
    check_signed,
    is_fill,
    is_zero,
    reason_of,
    status_of,
)
from gateway_binance.records.fields import Count, Time

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


class OrderBody(Struct, frozen=True, gc=False):
    """The ``o`` of ``ORDER_TRADE_UPDATE``."""

    symbol: str = field(name="s")
    client_id: str = field(name="c")
    side: Side = field(name="S")
    type: str = field(name="o")
    time_in_force: str = field(name="f")
    size: str = field(name="q")
    price: str = field(name="p")
    average: str = field(name="ap")
    execution: str = field(name="x")
    status: str = field(name="X")
    id: Count = field(name="i")
    last_size: str = field(name="l")
    filled: str = field(name="z")
    last_price: str = field(name="L")
    traded_at: Time = field(name="T")
    trade_id: Count = field(name="t")
    fee: str | None = field(name="n", default=None)
    fee_asset: str | None = field(name="N", default=None)
    expiry_reason: str = field(name="er", default="")


class OrderUpdate(Struct, frozen=True, gc=False):
    """``ORDER_TRADE_UPDATE``."""

    at: Time = field(name="E")
    order: OrderBody = field(name="o")


class AlgoBody(Struct, frozen=True, gc=False):
    """The ``o`` of ``ALGO_UPDATE``; what was filled is there once an order has come of it."""

    client_id: str = field(name="caid")
    id: Count = field(name="aid")
    type: str = field(name="o")
    symbol: str = field(name="s")
    side: Side = field(name="S")
    time_in_force: str = field(name="f")
    size: str = field(name="q")
    status: str = field(name="X")
    price: str = field(name="p")
    average: str = field(name="ap", default="")
    filled: str = field(name="aq", default="")
    message: str = field(name="rm", default="")


class AlgoUpdate(Struct, frozen=True, gc=False):
    """``ALGO_UPDATE``."""

    at: Time = field(name="E")
    changed_at: Time = field(name="T")
    order: AlgoBody = field(name="o")


class Wallet(Struct, frozen=True, gc=False):
    """An asset's row."""

    asset: str = field(name="a")
    total: str = field(name="wb")
    change: str = field(name="bc")


class Holding(Struct, frozen=True, gc=False):
    """A position's row."""

    symbol: str = field(name="s")
    size: str = field(name="pa")
    entry_price: str = field(name="ep")
    unrealised: str = field(name="up")
    margin_mode: str = field(name="mt")
    side: str = field(name="ps")


class AccountBody(Struct, frozen=True, gc=False):
    """The ``a`` of ``ACCOUNT_UPDATE``: what has changed."""

    reason: str = field(name="m", default="")
    balances: Sequence[Wallet] = field(name="B", default=())
    positions: Sequence[Holding] = field(name="P", default=())


class AccountUpdate(Struct, frozen=True, gc=False):
    """``ACCOUNT_UPDATE``."""

    at: Time = field(name="E")
    changed_at: Time = field(name="T")
    account: AccountBody = field(name="a")


class Endangered(Struct, frozen=True, gc=False):
    """A position's row of ``MARGIN_CALL``."""

    symbol: str = field(name="s")
    side: str = field(name="ps")


class MarginCall(Struct, frozen=True, gc=False):
    """``MARGIN_CALL``."""

    positions: Sequence[Endangered] = field(name="p")


class RejectBody(Struct, frozen=True, gc=False):
    """The ``or`` of ``CONDITIONAL_ORDER_TRIGGER_REJECT``."""

    symbol: str = field(name="s")
    id: Count = field(name="i")
    reason: str = field(name="r")


class TriggerReject(Struct, frozen=True, gc=False):
    """``CONDITIONAL_ORDER_TRIGGER_REJECT``."""

    order: RejectBody = field(name="or")


_order_update: Final = Decoder(OrderUpdate).decode
_algo_update: Final = Decoder(AlgoUpdate).decode
_account_update: Final = Decoder(AccountUpdate).decode
_margin_call: Final = Decoder(MarginCall).decode
_trigger_reject: Final = Decoder(TriggerReject).decode
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
        update = _order_update(event)
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
            ts=one.traded_at * 1000,
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
        return spi.Data(USER, (record,), update.at * 1000)

    def _algo(self, event: bytes) -> spi.Data:
        update = _algo_update(event)
        one = update.order
        check_decimals((one.size, one.price, one.filled or "0", one.average or "0"))
        record = spi.Order(
            order_id=one.id,
            symbol=self._names.ours(one.symbol),
            side=SIDES[one.side],
            status=algo_status(one.status, one.filled, one.size),
            ts=update.changed_at * 1000,
            client_order_id=one.client_id,
            type=one.type,
            time_in_force=one.time_in_force,
            price=one.price,
            size=one.size,
            filled=one.filled or None,
            average_price=None if is_zero(one.average) else one.average,
            reason=reason_of(one.message),
        )
        return spi.Data(USER, (record,), update.at * 1000)

    def _account(self, event: bytes) -> spi.Data:
        update = _account_update(event)
        account, ts = update.account, update.changed_at * 1000
        check_signed(number for row in account.balances for number in (row.total, row.change))
        check_signed(number for row in account.positions for number in (row.size, row.entry_price, row.unrealised))
        reason = reason_of(account.reason)
        balances = [
            spi.Balance(row.asset, ts, total=row.total, change=row.change, reason=reason)
            for row in account.balances
        ]
        positions = [
            spi.Position(
                symbol=self._names.ours(row.symbol),
                size=row.size,
                ts=ts,
                side=row.side.lower(),
                entry_price=row.entry_price,
                unrealised_pnl=row.unrealised,
                margin_mode=row.margin_mode,
            )
            for row in account.positions
        ]
        return spi.Data(USER, (*balances, *positions), update.at * 1000)

    def _margin_call(self, event: bytes) -> spi.Problem:
        rows = _margin_call(event).positions
        named = ", ".join(f"{self._names.ours(row.symbol)} {row.side.lower()}" for row in rows)
        return _problem(f"margin call: {named}")

    def _trigger_reject(self, event: bytes) -> spi.Problem:
        one = _trigger_reject(event).order
        named = f"order {one.id} of {self._names.ours(one.symbol)}"
        return _problem(f"{named} was rejected as it triggered: {one.reason}")


def algo_status(written: str, filled: str, size: str) -> Status:
    """
    Return a conditional order's status as ours.

    Raises:
        ValueError: If it is no status of Binance's.
    """
    if written == _DONE:
        return "filled" if filled == size else "canceled"
    if written not in _WAITING:
        raise ValueError("an unknown status of a conditional order")
    return _WAITING[written]


def _problem(text: str) -> spi.Problem:
    """Tell the operator of what no record can hold; nothing else follows from it."""
    verdict = spi.Verdict(action=spi.Action.RETRY, scope=spi.Scope.REQUEST, text=text[:_MOST_WORDS])
    return spi.Problem(verdict, verdict.text)
