"""
Trades: one by one (``@trade``) and aggregated (``@aggTrade``).

Spot: web-socket-streams.md, 2026-07-21. Futures: binance-connector-python,
2026-08-21; their ``@trade`` is in no document, and is as recordings have it. Of aggregates
some say that no trade is in them, by ids of -1: only their own id counts.
"""

from typing import Final, Literal

from msgspec import UNSET, Struct, field
from msgspec.json import Decoder

from gateway import spi
from gateway_binance.decimals import check_two
from gateway_binance.records.fields import (
    LATEST,
    Combined,
    Count,
    Form,
    Made,
    Reader,
    Time,
    Universe,
    check_universe,
    microseconds,
)

NO_TRADES: Final = frozenset({"INSURANCE_FUND", "ADL", "NA"})
"""How what met no order of the book came about; the last has no price either. So tardis-node, 2026-08-22."""


class TradeEvent(Struct, frozen=True, gc=False):
    """``@trade``."""

    kind: Literal["trade"] = field(name="e")
    at: Time = field(name="E")
    symbol: str = field(name="s")
    id: Count = field(name="t")
    price: str = field(name="p")
    size: str = field(name="q")
    traded_at: Time = field(name="T")
    buyer_made: bool = field(name="m")


class FuturesTradeEvent(TradeEvent, frozen=True, gc=False):
    """``@trade`` of futures."""

    how: str = field(name="X", default="MARKET")
    universe: Universe = field(name="st", default=UNSET)


class AggregateEvent(Struct, frozen=True, gc=False):
    """``@aggTrade``."""

    kind: Literal["aggTrade"] = field(name="e")
    at: Time = field(name="E")
    symbol: str = field(name="s")
    id: Count = field(name="a")
    price: str = field(name="p")
    size: str = field(name="q")
    first: Made = field(name="f")
    last: Made = field(name="l")
    traded_at: Time = field(name="T")
    buyer_made: bool = field(name="m")


class FuturesAggregateEvent(AggregateEvent, frozen=True, gc=False):
    """``@aggTrade`` of futures; its size is with retail price improvement, ``nq`` would be without."""

    universe: Universe = field(name="st", default=UNSET)


_trade_event: Final = Decoder(Combined[TradeEvent]).decode
_futures_trade_event: Final = Decoder(Combined[FuturesTradeEvent]).decode
_aggregate_event: Final = Decoder(Combined[AggregateEvent]).decode
_futures_aggregate_event: Final = Decoder(Combined[FuturesAggregateEvent]).decode


def trade(_form: Form) -> Reader:
    """Return the reader of ``@trade``."""

    def read(payload: bytes) -> spi.Data:
        message = _trade_event(payload)
        event = message.data
        check_two(event.price, event.size)
        # The maker bought: the taker, whose side we tell, sold.
        side: Literal["buy", "sell"] = "sell" if event.buyer_made else "buy"
        at, traded_at = event.at, event.traded_at
        # As microseconds() does, which would cost a tenth of it all.
        at = at * 1000 if at < LATEST else at
        traded_at = traded_at * 1000 if traded_at < LATEST else traded_at
        record = spi.Trade(event.id, event.price, event.size, side, traded_at)
        return spi.Data(message.stream, (record,), at)

    return read


def futures_trade(form: Form) -> Reader:
    """Return the reader of ``@trade`` of futures; of what met no order of the book only the id counts."""

    def read(payload: bytes) -> spi.Data:
        message = _futures_trade_event(payload)
        event = message.data
        check_universe(event.universe, form)
        check_two(event.price, event.size)
        at, traded_at = microseconds(event.at), microseconds(event.traded_at)
        if event.how in NO_TRADES:
            return spi.Data(message.stream, (), at, spi.Blank(event.id, traded_at))
        side: Literal["buy", "sell"] = "sell" if event.buyer_made else "buy"
        record = spi.Trade(event.id, event.price, event.size, side, traded_at)
        return spi.Data(message.stream, (record,), at)

    return read


def aggregate(_form: Form) -> Reader:
    """Return the reader of ``@aggTrade``."""

    def read(payload: bytes) -> spi.Data:
        message = _aggregate_event(payload)
        return _aggregated(message.stream, message.data)

    return read


def futures_aggregate(form: Form) -> Reader:
    """Return the reader of ``@aggTrade`` of futures."""

    def read(payload: bytes) -> spi.Data:
        message = _futures_aggregate_event(payload)
        check_universe(message.data.universe, form)
        return _aggregated(message.stream, message.data)

    return read


def _aggregated(stream: str, event: AggregateEvent) -> spi.Data:
    check_two(event.price, event.size)
    side: Literal["buy", "sell"] = "sell" if event.buyer_made else "buy"
    at, traded_at = microseconds(event.at), microseconds(event.traded_at)
    if event.first < 0 or event.last < 0:
        return spi.Data(stream, (), at, spi.Blank(event.id, traded_at))
    record = spi.Trade(event.id, event.price, event.size, side, traded_at, event.first, event.last)
    return spi.Data(stream, (record,), at)
