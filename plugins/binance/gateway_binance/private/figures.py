"""
What Binance's private data are, in figures: hosts, channels, weights, and how long things last.

Spot: web-socket-api.md, rest-api.md, testnet/general-info.md and
demo-mode/general-info.md of the official spot documents, 2026-07-21. Margin: "Trade
Data Stream" at developers.binance.com, 2026-02. Futures: the "User Data Streams" and
account pages of both markets at developers.binance.com and the "Important WebSocket
Change Notice", 2026-08-21. Weights that were not found there are ccxt's, 2026-08-21,
and the larger one where sources differ.
"""

from typing import Final

from gateway import spi

PRIVATE: Final = "private"
"""The endpoint of accounts' connections, in every market."""
USER: Final = "user"
"""The one native stream of an account: it brings everything that is its own."""

DAY: Final = 24 * 3600.0
"""After which a connection is closed: web-socket-api.md, "General API Information"; futures: likewise."""

SPOT_PRIVATE: Final = spi.Endpoint(
    PRIVATE,
    {
        "live": "wss://ws-api.binance.com:443/ws-api/v3",
        "data": "wss://ws-api.binance.com:443/ws-api/v3",  # market data only: nobody can log in there
        "testnet": "wss://ws-api.testnet.binance.vision/ws-api/v3",
        "demo": "wss://demo-ws-api.binance.com/ws-api/v3",
    },
    max_age=DAY,
    private=True,
)
USDM_PRIVATE: Final = spi.Endpoint(
    PRIVATE,
    {
        "live": "wss://fstream.binance.com/private",
        "testnet": "wss://fstream.binancefuture.com/private",
        "demo": "wss://demo-fstream.binance.com/private",
    },
    max_age=DAY,
    private=True,
)
COINM_PRIVATE: Final = spi.Endpoint(
    PRIVATE,
    {
        "live": "wss://dstream.binance.com",
        "testnet": "wss://dstream.binancefuture.com",
        "demo": "wss://demo-dstream.binance.com",
    },
    max_age=DAY,
    private=True,
)

ORDERS: Final = spi.Channel("orders", private=True)
BALANCES: Final = spi.Channel("balances", private=True)
POSITIONS: Final = spi.Channel("positions", private=True)
SPOT_CHANNELS: Final = (ORDERS, BALANCES)
FUTURES_CHANNELS: Final = (ORDERS, BALANCES, POSITIONS)

MARGIN_WEIGHT: Final = "binance-margin-weight"
MARGIN_LIMITS: Final = (
    # 12000 a minute from one address for each endpoint of /sapi; taken for all together: sapi "LIMITS".
    spi.Limit(MARGIN_WEIGHT, 12_000, per=60.0, usage_header="x-sapi-used-ip-weight-1m"),
)

# The WebSocket API: web-socket-api.md, 2026-07-21. Its weights are REST's.
API_OPEN: Final = 2
API_CALL: Final = 2
"""What each of session.logon, session.subscriptions and userDataStream.subscribe weighs."""

# rest-api.md, 2026-07-21: all open orders, the account, one order.
SPOT_OPEN_ORDERS: Final = 80
SPOT_ACCOUNT: Final = 20
SPOT_ORDER: Final = 4

# Margin, at developers.binance.com, 2026-02.
LISTEN_TOKEN: Final = 1
MARGIN_CALL: Final = 10

# What a key may do: the wallet documents, 2026-11; what a futures account may, in both markets.
KEY_RIGHTS: Final = 1
FUTURES_RIGHTS: Final = 5

# Both futures markets. COIN-M's documents say 1 of balances and positions.
LISTEN_KEY: Final = 1
FUTURES_OPEN_ORDERS: Final = 40
FUTURES_BALANCES: Final = 5
FUTURES_POSITIONS: Final = 5
FUTURES_ORDER: Final = 1

LISTEN_KEY_LASTS: Final = 3600.0
"""Seconds that a listenKey lives after it was asked for, or kept alive."""
LISTEN_KEY_EVERY: Final = 600.0
"""Seconds between two times that it is: a lost key, or a revoked one, is noticed by it."""
AUDIT: Final = 60.0
"""Seconds between two looks whether a subscription is still there: its end need not be told."""
