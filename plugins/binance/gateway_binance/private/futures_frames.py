"""
How the events of futures accounts are written; what is not read of them is left out.

After the models of both markets' user events in binance-connector-python, 2026-08-21.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.json import Decoder

from gateway_binance.private.orders import Side
from gateway_binance.records.fields import Count, Time


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
    """An asset's row; recordings of before 2022 have no change."""

    asset: str = field(name="a")
    total: str = field(name="wb")
    change: str | UnsetType = field(name="bc", default=UNSET)


class Holding(Struct, frozen=True, gc=False):
    """A position's row; before 2020 it had neither margin mode nor side."""

    symbol: str = field(name="s")
    size: str = field(name="pa")
    entry_price: str = field(name="ep")
    unrealised: str = field(name="up")
    margin_mode: str | UnsetType = field(name="mt", default=UNSET)
    side: str | UnsetType = field(name="ps", default=UNSET)


class AccountBody(Struct, frozen=True, gc=False):
    """The ``a`` of ``ACCOUNT_UPDATE``: what has changed."""

    reason: str = field(name="m", default="")
    balances: Sequence[Wallet] = field(name="B", default=())
    positions: Sequence[Holding] = field(name="P", default=())


class AccountUpdate(Struct, frozen=True, gc=False):
    """``ACCOUNT_UPDATE``; before 2020 it did not tell when the change happened."""

    at: Time = field(name="E")
    account: AccountBody = field(name="a")
    changed_at: Time | UnsetType = field(name="T", default=UNSET)


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


read_order: Final = Decoder(OrderUpdate).decode
read_algo: Final = Decoder(AlgoUpdate).decode
read_account: Final = Decoder(AccountUpdate).decode
read_margin_call: Final = Decoder(MarginCall).decode
read_trigger_reject: Final = Decoder(TriggerReject).decode
