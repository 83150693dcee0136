"""
What reads the events of which stream, in each market; a kind of stream that is not here only passes through raw.

All-market streams pass through too: their records would be of many topics.
"""

from collections.abc import Mapping
from typing import Final

from gateway_binance.records import candles, depth, liquidations, marks, quotes, tickers, trades
from gateway_binance.records.fields import Reader, ReaderOf, Source, Universe
from gateway_binance.streams import kind_of

Readers = Mapping[str, ReaderOf]

SPOT_READERS: Final[Readers] = {
    "trade": trades.trade,
    "aggTrade": trades.aggregate,
    "bookTicker": quotes.quote,
    "ticker": tickers.ticker,
    "depth": depth.change,
    "depth5": depth.top,
    "depth10": depth.top,
    "depth20": depth.top,
    "kline_": candles.candle,
}
USDM_READERS: Final[Readers] = {
    "trade": trades.futures_trade,
    "aggTrade": trades.futures_aggregate,
    "bookTicker": quotes.futures_quote,
    "ticker": tickers.futures_ticker,
    "depth": depth.futures_change,
    "depth5": depth.futures_top,
    "depth10": depth.futures_top,
    "depth20": depth.futures_top,
    "kline_": candles.candle,
    "continuousKline_": candles.continuous,
    "markPrice": marks.mark,
    "forceOrder": liquidations.liquidation,
}
COINM_READERS: Final[Readers] = {
    **USDM_READERS,
    "indexPriceKline_": candles.index,
    "markPriceKline_": candles.mark,
}


def reader_for(readers: Readers, stream: str, *, scale: int, universe: Universe) -> Reader | None:
    """Return what reads the frames of ``stream``; :obj:`None` for a kind that only passes through raw."""
    name = stream.partition("@")[0]
    found = readers.get(kind_of(stream)) if name and not name.startswith("!") else None
    return None if found is None else found(Source(name=name, scale=scale, universe=universe))
