"""
What reads the events of which stream, in each market; a kind of stream that is not here only passes through raw.

All-market streams pass through too: their records would be of many topics.
"""

from collections.abc import Mapping
from typing import Final

from gateway_binance.records import candles, depth, liquidations, marks, quotes, tickers, trades
from gateway_binance.records.fields import Form, Reader, ReaderOf
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


class Reading:
    """
    What reads the events of one connection.

    Args:
        readers: those of the market.
        form: how the connection's events are written.
    """

    def __init__(self, readers: Readers, form: Form) -> None:
        self._by_kind = {kind: make(form) for kind, make in readers.items()}

    def of(self, stream: str) -> Reader | None:
        """Return what reads the frames of ``stream``; :obj:`None` for one that only passes through raw."""
        return None if stream.startswith(("!", "@")) else self._by_kind.get(kind_of(stream))
