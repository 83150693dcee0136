"""What the COIN-M plugin declares and where it sends each wish."""

from typing import Any

import pytest

from gateway import spi
from gateway.engine.budgets import Budgets
from gateway.host import PluginHost
from gateway_binance import usdm
from gateway_binance.coinm import plugin

INFO = plugin.gateway_exchange_info()
ID = "binance-coinm"


def test_every_hook_fits_the_specification() -> None:
    host = PluginHost(lambda *_: None, lambda *_: None)
    host.register(ID, plugin)
    assert host.bind(ID).info is INFO


def test_each_environment_has_hosts_of_its_own() -> None:
    assert {endpoint.name: endpoint.urls for endpoint in INFO.endpoints} == {
        "stream": {
            "live": "wss://dstream.binance.com",
            "testnet": "wss://dstream.binancefuture.com",
            "demo": "wss://demo-dstream.binance.com",
        },
        "rest": {
            "live": "https://dapi.binance.com",
            "testnet": "https://testnet.binancefuture.com",
            "demo": "https://demo-dapi.binance.com",
        },
        "private": {
            "live": "wss://dstream.binance.com",
            "testnet": "wss://dstream.binancefuture.com",
            "demo": "wss://demo-dstream.binance.com",
        },
    }


def test_both_futures_markets_draw_on_the_same_limits() -> None:
    assert INFO.limits == usdm.plugin.gateway_exchange_info().limits
    budgets = Budgets()
    budgets.register(INFO.limits)
    budgets.register(usdm.plugin.gateway_exchange_info().limits)
    weight = {"binance-futures-weight": 600}
    one, other = (budgets.for_connection(INFO.limits, None) for _ in range(2))
    one.take(weight, 0.0)
    assert other.used(0.0)["binance-futures-weight"][0] == 600


@pytest.mark.parametrize(
    ("channel", "variant", "stream"),
    [
        ("trades", None, "btcusd_perp@trade"),
        ("trades", "agg", "btcusd_perp@aggTrade"),
        ("quotes", None, "btcusd_perp@bookTicker"),
        ("book", None, "btcusd_perp@depth@100ms"),
        ("book", "100", "btcusd_perp@depth@100ms"),
        ("book", "top20", "btcusd_perp@depth20@100ms"),
        ("ticker", None, "btcusd_perp@ticker"),
        ("candles", "1w", "btcusd_perp@kline_1w"),
        ("candles", "next-quarter-1s", "btcusd_next_quarter@continuousKline_1s"),
        ("candles", "index-1m", "btcusd@indexPriceKline_1m"),
        ("candles", "mark-1m", "btcusd_perp@markPriceKline_1m"),
        ("mark", None, "btcusd_perp@markPrice@1s"),
        ("liquidations", None, "btcusd_perp@forceOrder"),
    ],
)
def test_each_channel_has_its_stream(channel: Any, variant: Any, stream: Any) -> None:
    wish = spi.Subscription(ID, channel, "BTCUSD_PERP", variant)
    assert plugin.gateway_route(wish) == spi.Route("stream", stream)
    assert variant in {one.name: one.variants for one in INFO.channels}[channel]


def test_a_raw_stream_is_asked_for_as_it_is_written() -> None:
    wish = spi.Subscription(ID, "raw", "btcusd@markPrice@1s")
    assert plugin.gateway_route(wish) == spi.Route("stream", "btcusd@markPrice@1s")


@pytest.mark.parametrize(
    "wish", [spi.Subscription(ID, "mark", account="main"), spi.Subscription(ID, "candles", "BTCUSD_PERP", "1s")]
)
def test_what_is_not_offered_is_refused(wish: Any) -> None:
    assert plugin.gateway_route(wish) is None


def test_the_handshake_opens_a_bare_combined_connection(target_at: Any) -> None:
    handshake = plugin.gateway_handshake(target_at(ID))
    assert next(handshake) == spi.Open("wss://d.example/stream", cost={"binance-futures-dials": 1})
    with pytest.raises(StopIteration) as end:
        handshake.send(None)
    assert end.value.value == spi.Session()
