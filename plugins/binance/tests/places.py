"""The three markets, and where their venue answers in memory."""

from collections.abc import Mapping

from gateway_binance.coinm import plugin as coinm
from gateway_binance.spot import plugin as spot
from gateway_binance.usdm import plugin as usdm

BEGIN = 1_795_000_000
PLUGINS = {"binance": spot, "binance-usdm": usdm, "binance-coinm": coinm}
PLACES: Mapping[str, Mapping[str, str]] = {
    "binance": {"stream": "ws://memory/stream.binance.com", "rest": "http://memory/api.binance.com"},
    "binance-usdm": {
        "public": "ws://memory/fstream.binance.com/public",
        "market": "ws://memory/fstream.binance.com/market",
        "rest": "http://memory/fapi.binance.com",
    },
    "binance-coinm": {"stream": "ws://memory/dstream.binance.com", "rest": "http://memory/dapi.binance.com"},
}
