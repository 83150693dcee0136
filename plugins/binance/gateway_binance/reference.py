"""
What is fetched besides books: the instruments and the clock.

After "Exchange information" and "Check server time" in rest-api.md, Binance spot
API docs, 2026-07-21.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, convert

from gateway import spi
from gateway_binance.declared import REST, WEIGHT
from gateway_binance.records import Millis

INFO_WEIGHT: Final = 20
TIME_WEIGHT: Final = 1


class Filter(Struct, frozen=True, rename="camel"):
    """One of a symbol's trading rules; those we do not know have neither field."""

    filter_type: str
    tick_size: str | None = None
    step_size: str | None = None


class Symbol(Struct, frozen=True, rename="camel"):
    """A symbol, as far as we need it."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: Sequence[Filter] = ()


class Info(Struct, frozen=True):
    """The reply of ``/api/v3/exchangeInfo``."""

    symbols: Sequence[Symbol]


class Clock(Struct, frozen=True, rename="camel"):
    """The reply of ``/api/v3/time``."""

    server_time: Millis


def fetch_instruments(target: spi.Target) -> spi.Conversation[spi.Instruments]:
    """Fetch all symbols, whatever their status: a halted one may be subscribed to and resumes."""
    url = f"{target.urls[REST]}/api/v3/exchangeInfo?showPermissionSets=false"
    reply = yield spi.Fetch("GET", url, cost={WEIGHT: INFO_WEIGHT})
    return spi.Instruments(instrument(one) for one in convert(reply.json(), Info).symbols)


def instrument(symbol: Symbol) -> spi.Instrument:
    """Return ``symbol`` as ours; an asset's name may be of any script."""
    rules = {one.filter_type: one for one in symbol.filters}
    price, lot = rules.get("PRICE_FILTER"), rules.get("LOT_SIZE")
    return spi.Instrument(
        symbol=f"{symbol.base_asset}-{symbol.quote_asset}",
        native=symbol.symbol,
        base=symbol.base_asset,
        quote=symbol.quote_asset,
        status=symbol.status,
        tick_size=price.tick_size if price else None,
        lot_size=lot.step_size if lot else None,
    )


def fetch_time(target: spi.Target) -> spi.Conversation[int]:
    """Fetch the exchange's clock."""
    reply = yield spi.Fetch("GET", f"{target.urls[REST]}/api/v3/time", cost={WEIGHT: TIME_WEIGHT})
    return convert(reply.json(), Clock).server_time * 1000
