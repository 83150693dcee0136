"""
What Binance's COIN-M futures are, in figures: hosts, limits, channels.

Sources: the endpoints in binance-connector-python, 2026-08-21, which is made from
the official API definitions, and "Websocket Market Streams" of COIN-M futures at
developers.binance.com, 2026-08-21. The demo hosts are those that nautilus_trader
uses, 2026-07-02; what was not confirmed by a live check stands in docs/binance.md.
"""

from typing import Final

from gateway import spi
from gateway_binance.declared import futures
from gateway_binance.declared.market import REST, Market
from gateway_binance.private.figures import COINM_PRIVATE, FUTURES_CHANNELS
from gateway_binance.streams import COINM_STREAMS, variants

STREAM: Final = "stream"

_STREAM_URLS: Final = {
    "live": "wss://dstream.binance.com",
    "testnet": "wss://dstream.binancefuture.com",
    "demo": "wss://demo-dstream.binance.com",
}
_REST_URLS: Final = {
    "live": "https://dapi.binance.com",
    "testnet": "https://testnet.binancefuture.com",
    "demo": "https://demo-dapi.binance.com",
}

COINM: Final = Market(
    info=spi.ExchangeInfo(
        spi_version=0,
        environments=tuple(_STREAM_URLS),
        endpoints=(
            # One host for all streams: the categories of USD-M are not known here.
            spi.Endpoint(STREAM, _STREAM_URLS, max_streams=futures.MOST_STREAMS, max_age=futures.MAX_AGE),
            spi.Endpoint(REST, _REST_URLS),
            COINM_PRIVATE,
        ),
        channels=(
            spi.Channel("trades", variants(COINM_STREAMS, "trades"), contiguous=True),
            spi.Channel("quotes", rhythm=spi.Rhythm.CONTINUOUS),
            spi.Channel("book", variants(COINM_STREAMS, "book"), rhythm=spi.Rhythm.CONTINUOUS),
            spi.Channel("ticker", rhythm=spi.Rhythm.CONTINUOUS),
            spi.Channel("candles", variants(COINM_STREAMS, "candles")),
            spi.Channel("mark", rhythm=spi.Rhythm.CONTINUOUS),
            spi.Channel("liquidations"),
            spi.Channel("raw"),
            *FUTURES_CHANNELS,
        ),
        limits=futures.LIMITS,
    ),
    api="/dapi/v1",
    messages=futures.MESSAGES,
    dials=futures.DIALS,
    weight=futures.WEIGHT,
    levels=futures.LEVELS,
    levels_weight=futures.LEVELS_WEIGHT,
    info_weight=futures.INFO_WEIGHT,
)
