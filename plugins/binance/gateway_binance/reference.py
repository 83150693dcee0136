"""
What is fetched besides books: the instruments and the clock.

After "Exchange information" and "Check server time" in rest-api.md, Binance spot
API docs, 2026-07-21, and the pages of those names in both futures docs at
developers.binance.com, 2026-08-21.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, convert

from gateway import spi
from gateway_binance.declared.market import REST, Market
from gateway_binance.records.fields import Time, microseconds

PERPETUAL: Final = frozenset({"PERPETUAL", "PERPETUAL DELIVERING", "TRADIFI_PERPETUAL"})
"""Types of contracts that never end, or did not mean to."""


class Filter(Struct, frozen=True, rename="camel"):
    """One of a symbol's trading rules; those we do not know have neither field."""

    filter_type: str
    tick_size: str | None = None
    step_size: str | None = None


class Symbol(Struct, frozen=True, rename="camel"):
    """
    A symbol, as far as we need it.

    COIN-M calls the status ``contractStatus``; contracts have a type and a day of
    delivery, which is in the far future where there is none.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    status: str = ""
    contract_status: str = ""
    contract_type: str = ""
    delivery_date: Time = 0
    filters: Sequence[Filter] = ()


class Info(Struct, frozen=True):
    """The reply of ``exchangeInfo``."""

    symbols: Sequence[Symbol]


class Clock(Struct, frozen=True, rename="camel"):
    """The reply of ``time``."""

    server_time: Time


Named = Callable[[Symbol], str]
"""Returns the gateway's spelling of a symbol."""


def fetch_instruments(target: spi.Target, market: Market, named: Named) -> spi.Conversation[spi.Instruments]:
    """Fetch all symbols, whatever their status: a halted one may be subscribed to and resumes."""
    url = f"{target.urls[REST]}{market.api}/exchangeInfo{market.info_query}"
    reply = yield spi.Fetch("GET", url, cost={market.weight: market.info_weight})
    return spi.Instruments(instrument(one, named(one)) for one in convert(reply.json(), Info).symbols)


def instrument(symbol: Symbol, named: str) -> spi.Instrument:
    """Return ``symbol`` as ours, by the name that it has here; an asset's name may be of any script."""
    rules = {one.filter_type: one for one in symbol.filters}
    price, lot = rules.get("PRICE_FILTER"), rules.get("LOT_SIZE")
    return spi.Instrument(
        symbol=named,
        native=symbol.symbol,
        base=symbol.base_asset,
        quote=symbol.quote_asset,
        status=symbol.status or symbol.contract_status,
        tick_size=price.tick_size if price else None,
        lot_size=lot.step_size if lot else None,
    )


def spot_name(symbol: Symbol) -> str:
    """Return ``BTC-USDT``."""
    return f"{symbol.base_asset}-{symbol.quote_asset}"


def contract_name(symbol: Symbol) -> str:
    """Return ``BTC-USDT-PERP``, or ``BTC-USD-260925`` by the day of delivery."""
    return f"{symbol.base_asset}-{symbol.quote_asset}-{_ends(symbol)}"


def _ends(symbol: Symbol) -> str:
    """A contract that is listed and has no type yet is not traded yet; none with a date in its name is such."""
    if symbol.contract_type in PERPETUAL or not ("_" in symbol.symbol and symbol.delivery_date):
        return "PERP"
    return datetime.fromtimestamp(symbol.delivery_date / 1000, UTC).strftime("%y%m%d")


def fetch_time(target: spi.Target, market: Market) -> spi.Conversation[int]:
    """Fetch the exchange's clock."""
    url = f"{target.urls[REST]}{market.api}/time"
    reply = yield spi.Fetch("GET", url, cost={market.weight: market.time_weight})
    return microseconds(convert(reply.json(), Clock).server_time)
