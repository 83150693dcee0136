"""
What Binance's USD-M futures are, in figures: hosts, limits, channels.

Sources: the endpoints in binance-connector-python, 2026-08-21, which is made from
the official API definitions, and the "Important WebSocket Change Notice" of
developers.binance.com, 2026-03-06. The test hosts are as that package pairs
them; what was not confirmed by a live check stands in docs/binance.md.
"""

from typing import Final

from gateway import spi
from gateway_binance.categories import MARKET, PUBLIC
from gateway_binance.declared import futures
from gateway_binance.declared.market import REST, Market
from gateway_binance.options import UsdmOptions
from gateway_binance.private.figures import FUTURES_CHANNELS, USDM_PRIVATE
from gateway_binance.streams import USDM_STREAMS, variants

_STREAM_HOSTS: Final = {
    "live": "wss://fstream.binance.com",
    "testnet": "wss://fstream.binancefuture.com",
    "demo": "wss://demo-fstream.binance.com",
}
_REST_URLS: Final = {
    "live": "https://fapi.binance.com",
    "testnet": "https://testnet.binancefuture.com",
    "demo": "https://demo-fapi.binance.com",
}


def _category(name: str) -> spi.Endpoint:
    """Return the endpoint of one category: each connection serves one, named by the URL's path (the notice)."""
    urls = {environment: f"{host}/{name}" for environment, host in _STREAM_HOSTS.items()}
    return spi.Endpoint(name, urls, max_streams=futures.MOST_STREAMS, max_age=futures.MAX_AGE)


USDM: Final = Market(
    info=spi.ExchangeInfo(
        spi_version=0,
        environments=tuple(_STREAM_HOSTS),
        endpoints=(_category(PUBLIC), _category(MARKET), spi.Endpoint(REST, _REST_URLS), USDM_PRIVATE),
        channels=(
            spi.Channel("trades", variants(USDM_STREAMS, "trades"), contiguous=True),
            spi.Channel("quotes", rhythm=spi.Rhythm.CONTINUOUS),
            spi.Channel("book", variants(USDM_STREAMS, "book"), rhythm=spi.Rhythm.CONTINUOUS),
            spi.Channel("ticker", rhythm=spi.Rhythm.CONTINUOUS),
            spi.Channel("candles", variants(USDM_STREAMS, "candles")),
            spi.Channel("mark", rhythm=spi.Rhythm.CONTINUOUS),
            spi.Channel("liquidations"),
            spi.Channel("raw"),
            *FUTURES_CHANNELS,
        ),
        limits=futures.LIMITS,
        options=UsdmOptions,
    ),
    api="/fapi/v1",
    messages=futures.MESSAGES,
    dials=futures.DIALS,
    weight=futures.WEIGHT,
    levels=futures.LEVELS,
    levels_weight=futures.LEVELS_WEIGHT,
    info_weight=futures.INFO_WEIGHT,
)
