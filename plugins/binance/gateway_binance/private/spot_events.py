"""
What an event of a spot or margin account means.

After user-data-stream.md of the spot documents, 2026-07-21, and margin's "Trade Data
Stream", 2026-02. What there is no record for (order lists, liabilities) passes without
a word; whatever does not fit is a :class:`ValueError`, never a record.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_decimals
from gateway_binance.private.figures import USER
from gateway_binance.private.orders import SIDES, Names, Side, check_signed, is_fill, reason_of, status_of
from gateway_binance.records.fields import Count, Time, microseconds

MaybeId = Annotated[int, Meta(ge=-1, le=2**63 - 1)]
"""An id, or -1 for none."""


class Report(Struct, frozen=True, gc=False):
    """``executionReport``."""

    at: Time = field(name="E")
    symbol: str = field(name="s")
    client_id: str = field(name="c")
    side: Side = field(name="S")
    type: str = field(name="o")
    time_in_force: str = field(name="f")
    size: str = field(name="q")
    price: str = field(name="p")
    execution: str = field(name="x")
    status: str = field(name="X")
    reject_reason: str = field(name="r")
    id: Count = field(name="i")
    last_size: str = field(name="l")
    filled: str = field(name="z")
    last_price: str = field(name="L")
    fee: str = field(name="n")
    fee_asset: str | None = field(name="N")
    transacted_at: Time = field(name="T")
    trade_id: MaybeId = field(name="t")
    first_client_id: str = field(name="C", default="")
    """The order's own, where ``client_id`` is that of the request which cancelled it."""
    expiry_reason: str = field(name="eR", default="")


class Held(Struct, frozen=True, gc=False):
    """An asset's row."""

    asset: str = field(name="a")
    free: str = field(name="f")
    locked: str = field(name="l")


class Holdings(Struct, frozen=True, gc=False):
    """``outboundAccountPosition``."""

    at: Time = field(name="E")
    updated_at: Time = field(name="u")
    rows: Sequence[Held] = field(name="B")


class Change(Struct, frozen=True, gc=False):
    """``balanceUpdate`` and ``externalLockUpdate``."""

    kind: str = field(name="e")
    at: Time = field(name="E")
    asset: str = field(name="a")
    change: str = field(name="d")
    cleared_at: Time = field(name="T")


_report: Final = Decoder(Report).decode
_holdings: Final = Decoder(Holdings).decode
_change: Final = Decoder(Change).decode


class SpotEvents:
    """
    Reads one connection's events.

    Args:
        names: spell symbols.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._readers: Mapping[str, Callable[[bytes], spi.Data]] = {
            "executionReport": self._order,
            "outboundAccountPosition": self._balances,
            "balanceUpdate": self._changed,
            "externalLockUpdate": self._changed,
        }

    def read(self, kind: str, event: bytes) -> spi.Data | None:
        """
        Return what ``event`` says; nothing if there is no record for it.

        Raises:
            ValueError: If it makes no sense.
        """
        reader = self._readers.get(kind)
        return None if reader is None else reader(event)

    def _order(self, event: bytes) -> spi.Data:
        one = _report(event)
        check_decimals((one.size, one.price, one.last_size, one.filled, one.last_price))
        fill: dict[str, Any] = {}
        if is_fill(one.execution, one.last_size):
            check_signed((one.fee,))  # a rebate is negative
            fill = {"last_price": one.last_price, "last_size": one.last_size, "trade_id": one.trade_id}
            if one.fee_asset is not None:
                fill |= {"fee": one.fee, "fee_asset": one.fee_asset}
        record = spi.Order(
            order_id=one.id,
            symbol=self._names.ours(one.symbol),
            side=SIDES[one.side],
            status=status_of(one.status, one.filled, one.size),
            ts=microseconds(one.transacted_at),
            client_order_id=one.first_client_id or one.client_id,
            type=one.type,
            time_in_force=one.time_in_force,
            price=one.price,
            size=one.size,
            filled=one.filled,
            reason=reason_of(one.reject_reason, one.expiry_reason),
            **fill,
        )
        return spi.Data(USER, (record,), microseconds(one.at))

    def _balances(self, event: bytes) -> spi.Data:
        one = _holdings(event)
        check_decimals(number for row in one.rows for number in (row.free, row.locked))
        ts = microseconds(one.updated_at)
        records = [spi.Balance(row.asset, ts, free=row.free, locked=row.locked) for row in one.rows]
        return spi.Data(USER, records, microseconds(one.at))

    def _changed(self, event: bytes) -> spi.Data:
        one = _change(event)
        check_signed((one.change,))
        # A lock is no change of what there is: only its name tells it from one.
        reason = None if one.kind == "balanceUpdate" else one.kind
        record = spi.Balance(one.asset, microseconds(one.cleared_at), change=one.change, reason=reason)
        return spi.Data(USER, (record,), microseconds(one.at))
