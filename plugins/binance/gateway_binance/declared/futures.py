"""
What Binance's two futures markets share: the limits of an address, and how a connection is used.

Sources: developers.binance.com, "Websocket Market Streams" of USD-M and of COIN-M
futures, and the notice of 2026-06-10 on their integration, all as of 2026-08-21.
"""

from typing import Final

from gateway import spi

MESSAGES: Final = "binance-futures-messages"
DIALS: Final = "binance-futures-dials"
WEIGHT: Final = "binance-futures-weight"

MOST_STREAMS: Final = 200
"""Older pages and most clients say 200 streams a connection, the present page 1024: the smaller one is safe."""
MAX_AGE: Final = 24 * 3600.0
"""A connection is closed after 24 hours: "Websocket Market Streams"."""

LIMITS: Final = (
    # Ten incoming messages a second: "Websocket Market Streams". Whether pings count is not said, so they do.
    spi.Limit(MESSAGES, 10, per=1.0, scope=spi.Scope.CONNECTION, counts_control_frames=True),
    # No figure is published for futures: spot's 300 in 5 minutes, for both markets together.
    spi.Limit(DIALS, 300, per=300.0),
    # 2400 a minute from one address for both markets together: the notice of 2026-06-10.
    spi.Limit(WEIGHT, 2400, per=60.0, usage_header="x-mbx-used-weight-1m"),
)

LEVELS: Final = 1000
LEVELS_WEIGHT: Final = 20
"""The most levels a snapshot can have, and their weight: "Order Book" of both markets, 2026-08-21."""
INFO_WEIGHT: Final = 1
""""Exchange Information" of both markets, 2026-08-21."""
