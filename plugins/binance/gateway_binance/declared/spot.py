"""
What Binance's spot market is, in figures: hosts, limits, channels.

Sources, all of the official Binance spot API docs as of 2026-07-21:
web-socket-streams.md (hosts and limits of the streams), rest-api.md (hosts and
weights), faqs/market_data_only.md, testnet/general-info.md and
demo-mode/general-info.md (the other environments' hosts).
"""

from typing import Final

from gateway import spi
from gateway_binance.declared.market import REST, Market
from gateway_binance.options import SpotOptions
from gateway_binance.private.figures import MARGIN_LIMITS, SPOT_CHANNELS, SPOT_PRIVATE
from gateway_binance.streams import SPOT_STREAMS, variants

STREAM: Final = "stream"

MESSAGES: Final = "binance-spot-messages"
DIALS: Final = "binance-spot-dials"
WEIGHT: Final = "binance-spot-weight"

# Each environment is a pair of hosts that show the same market: a book's snapshot must come from
# where its updates come from.
_STREAM_URLS: Final = {
    "live": "wss://stream.binance.com:9443",  # web-socket-streams.md
    "data": "wss://data-stream.binance.vision",  # faqs/market_data_only.md
    "testnet": "wss://stream.testnet.binance.vision",  # testnet/general-info.md
    "demo": "wss://demo-stream.binance.com",  # demo-mode/general-info.md
}
_REST_URLS: Final = {
    "live": "https://api.binance.com",  # rest-api.md
    "data": "https://data-api.binance.vision",  # faqs/market_data_only.md
    "testnet": "https://testnet.binance.vision",  # testnet/general-info.md
    "demo": "https://demo-api.binance.com",  # demo-mode/general-info.md
}

_INFO: Final = spi.ExchangeInfo(
    spi_version=0,
    environments=tuple(_STREAM_URLS),
    endpoints=(
        # 1024 streams and 24 hours a connection: web-socket-streams.md, "General WSS information".
        spi.Endpoint(STREAM, _STREAM_URLS, max_streams=1024, max_age=24 * 3600.0),
        spi.Endpoint(REST, _REST_URLS),
        SPOT_PRIVATE,
    ),
    # The documents promise no pace for any stream: quotes, books and tickers of what is traded at all speak
    # every few seconds, trades and candles of some symbols do not for hours.
    channels=(
        # Trade ids and aggregate ids have no holes: so in every recording of the captures that we replay.
        spi.Channel("trades", variants(SPOT_STREAMS, "trades"), contiguous=True),
        spi.Channel("quotes", rhythm=spi.Rhythm.CONTINUOUS),
        spi.Channel("book", variants(SPOT_STREAMS, "book"), rhythm=spi.Rhythm.CONTINUOUS),
        spi.Channel("ticker", rhythm=spi.Rhythm.CONTINUOUS),
        spi.Channel("candles", variants(SPOT_STREAMS, "candles")),
        spi.Channel("raw"),
        *SPOT_CHANNELS,
    ),
    limits=(
        # Five incoming messages a second, pings and pongs among them: web-socket-streams.md, "WebSocket limits".
        spi.Limit(MESSAGES, 5, per=1.0, scope=spi.Scope.CONNECTION, counts_control_frames=True),
        # 300 connection attempts in 5 minutes from one address: ibid.
        spi.Limit(DIALS, 300, per=300.0),
        # 6000 a minute from one address, told in X-MBX-USED-WEIGHT-1M: rest-api.md, "IP limits".
        spi.Limit(WEIGHT, 6000, per=60.0, usage_header="x-mbx-used-weight-1m"),
        *MARGIN_LIMITS,
    ),
    options=SpotOptions,
)

SPOT: Final = Market(
    info=_INFO,
    api="/api/v3",
    messages=MESSAGES,
    dials=DIALS,
    weight=WEIGHT,
    # A busy minute allows 120 snapshots of a thousand levels; five thousand would weigh 250 each:
    # rest-api.md, "Order book".
    levels=1000,
    levels_weight=50,
    info_query="?showPermissionSets=false",
    info_weight=20,  # rest-api.md, "Exchange information"
)
