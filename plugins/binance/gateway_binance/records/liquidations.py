"""
Forced orders of futures: ``@forceOrder``, at most the latest of each second.

After binance-connector-python, 2026-08-21.
"""

from typing import Final, Literal

from msgspec import UNSET, Struct, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_two
from gateway_binance.records.fields import Combined, Form, Reader, Time, Universe, check_universe, microseconds

_SIDES: Final[dict[str, Literal["buy", "sell"]]] = {"BUY": "buy", "SELL": "sell"}


class ForcedOrder(Struct, frozen=True, gc=False):
    """The order within the event."""

    symbol: str = field(name="s")
    side: Literal["BUY", "SELL"] = field(name="S")
    size: str = field(name="q")
    price: str = field(name="p")
    status: str = field(name="X")
    at: Time = field(name="T")


class LiquidationEvent(Struct, frozen=True, gc=False):
    """``@forceOrder``."""

    kind: Literal["forceOrder"] = field(name="e")
    at: Time = field(name="E")
    order: ForcedOrder = field(name="o")
    universe: Universe = field(name="st", default=UNSET)


_liquidation_event: Final = Decoder(Combined[LiquidationEvent]).decode


def liquidation(form: Form) -> Reader:
    """Return the reader of ``@forceOrder``: price and size are the order's own, not what was filled of it."""

    def read(payload: bytes) -> spi.Data:
        message = _liquidation_event(payload)
        order = message.data.order
        check_universe(message.data.universe, form)
        check_two(order.price, order.size)
        record = spi.Liquidation(_SIDES[order.side], order.price, order.size, microseconds(order.at), order.status)
        return spi.Data(message.stream, (record,), microseconds(message.data.at))

    return read
