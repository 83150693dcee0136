"""What the USD-M plugin declares, and by which category of connections each wish is served."""

from typing import Any

import pluggy
import pytest
from pydantic import ValidationError

from gateway import spi
from gateway.host import PluginHost
from gateway.spi import hookspecs
from gateway_binance.options import UsdmOptions
from gateway_binance.usdm import plugin

INFO = plugin.gateway_exchange_info()
ID = "binance-usdm"


def test_every_hook_fits_the_specification() -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    host = PluginHost(lambda *_: None, lambda *_: None)
    host.register(ID, plugin)
    assert host.bind(ID).info is INFO


def test_each_environment_has_hosts_of_its_own() -> None:
    urls = {endpoint.name: endpoint.urls for endpoint in INFO.endpoints}
    assert urls["rest"] == {
        "live": "https://fapi.binance.com",
        "testnet": "https://testnet.binancefuture.com",
        "demo": "https://demo-fapi.binance.com",
    }
    for category in ("public", "market", "private"):
        assert urls[category] == {
            "live": f"wss://fstream.binance.com/{category}",
            "testnet": f"wss://fstream.binancefuture.com/{category}",
            "demo": f"wss://demo-fstream.binance.com/{category}",
        }


def test_limits_are_those_of_the_documents() -> None:
    figures = {limit.name: (limit.count, limit.per, limit.scope, limit.usage_header) for limit in INFO.limits}
    assert figures == {
        "binance-futures-messages": (10, 1.0, spi.Scope.CONNECTION, None),
        "binance-futures-dials": (300, 300.0, spi.Scope.IP, None),
        "binance-futures-weight": (2400, 60.0, spi.Scope.IP, "x-mbx-used-weight-1m"),
    }
    assert [limit.name for limit in INFO.limits if limit.counts_control_frames] == ["binance-futures-messages"]
    assert {endpoint.max_streams for endpoint in INFO.endpoints[:2]} == {200}
    assert {endpoint.max_age for endpoint in INFO.endpoints[:2]} == {86400}


@pytest.mark.parametrize(
    ("channel", "variant", "category", "stream"),
    [
        ("trades", None, "public", "btcusdt@trade"),
        ("trades", "agg", "market", "btcusdt@aggTrade"),
        ("quotes", None, "public", "btcusdt@bookTicker"),
        *[("book", depth, "public", "btcusdt@depth@100ms") for depth in (None, "5", "10", "20", "50", "100")],
        *[("book", f"top{depth}", "public", f"btcusdt@depth{depth}@100ms") for depth in (5, 10, 20)],
        ("ticker", None, "market", "btcusdt@ticker"),
        ("candles", "1m", "market", "btcusdt@kline_1m"),
        ("candles", "1M", "market", "btcusdt@kline_1M"),
        ("candles", "perpetual-1s", "market", "btcusdt_perpetual@continuousKline_1s"),
        ("candles", "current-quarter-1h", "market", "btcusdt_current_quarter@continuousKline_1h"),
        ("candles", "next-quarter-1d", "market", "btcusdt_next_quarter@continuousKline_1d"),
        ("candles", "tradifi-perpetual-5m", "market", "btcusdt_tradifi_perpetual@continuousKline_5m"),
        ("mark", None, "market", "btcusdt@markPrice@1s"),
        ("liquidations", None, "market", "btcusdt@forceOrder"),
    ],
)
def test_each_channel_has_its_stream(
    target_at: Any, channel: Any, variant: Any, category: Any, stream: Any
) -> None:
    wish = spi.Subscription(ID, channel, "BTCUSDT", variant)
    assert plugin.gateway_route(target_at(ID), wish) == spi.Route(category, stream)
    assert variant in {one.name: one.variants for one in INFO.channels}[channel]


def test_a_dated_contract_keeps_its_date_and_lends_its_pair(target_at: Any) -> None:
    def stream(variant: str) -> Any:
        wish = spi.Subscription(ID, "candles", "BTCUSDT_260925", variant)
        return plugin.gateway_route(target_at(ID), wish).stream

    assert stream("1m") == "btcusdt_260925@kline_1m"
    assert stream("current-quarter-1m") == "btcusdt_current_quarter@continuousKline_1m"


@pytest.mark.parametrize(
    ("stream", "category"),
    [
        *[(stream, "public") for stream in ("!bookTicker", "btcusdt@depth5", "btcusdt@rpiDepth@500ms")],
        *[(stream, "public") for stream in ("btcusdt@depth", "btcusdt@depth@0ms", "btcusdt@trade")],
        *[(stream, "market") for stream in ("!markPrice@arr@1s", "!miniTicker@arr", "!forceOrder@arr")],
        *[(stream, "market") for stream in ("defiusdt@compositeIndex", "!contractInfo", "!assetIndex@arr")],
        *[(stream, "market") for stream in ("tradingSession", "btcusd@assetIndex", "btcusdt@something@new", "x")],
    ],
)
def test_a_raw_stream_is_asked_for_where_it_comes(target_at: Any, stream: Any, category: Any) -> None:
    wish = spi.Subscription(ID, "raw", stream)
    assert plugin.gateway_route(target_at(ID), wish) == spi.Route(category, stream)


def test_an_operator_who_knows_that_a_kind_has_moved_can_say_so(target_at: Any) -> None:
    target = target_at(ID, UsdmOptions(categories={"trade": "market", "assetIndex": "public"}))
    for channel, symbol in (("trades", "BTCUSDT"), ("raw", "btcusdt@trade")):
        wish = spi.Subscription(ID, channel, symbol)
        assert plugin.gateway_route(target, wish) == spi.Route("market", "btcusdt@trade")
    raw = spi.Subscription(ID, "raw", "!assetIndex@arr")
    assert plugin.gateway_route(target, raw) == spi.Route("public", "!assetIndex@arr")


@pytest.mark.parametrize("options", [{"categories": {"trade": "private"}}, {"catgories": {}}])
def test_a_wrong_option_is_refused(options: Any) -> None:
    with pytest.raises(ValidationError):
        UsdmOptions.model_validate(options)


@pytest.mark.parametrize(
    "wish",
    [
        spi.Subscription(ID, "mark", account="main"),
        spi.Subscription(ID, "trades", "BTCUSDT", account="main"),
        spi.Subscription(ID, "candles", "BTCUSDT", "1s"),
        spi.Subscription(ID, "candles", "BTCUSDT", "index-1m"),
        spi.Subscription(ID, "candles", "BTCUSDT"),
    ],
)
def test_what_is_not_offered_is_refused(target_at: Any, wish: Any) -> None:
    assert plugin.gateway_route(target_at(ID), wish) is None


@pytest.mark.parametrize("category", ["public", "market"])
def test_the_handshake_opens_a_bare_combined_connection_of_a_category(target_at: Any, category: Any) -> None:
    handshake = plugin.gateway_handshake(at(target_at, category))
    opened = spi.Open(f"wss://f.example/{category}/stream", cost={"binance-futures-dials": 1})
    assert next(handshake) == opened
    with pytest.raises(StopIteration) as end:
        handshake.send(None)
    assert end.value.value == spi.Session()


@pytest.mark.parametrize("url", ["wss://f.example", "wss://f.example/public", "wss://market.example/stream"])
def test_a_connection_that_would_be_mute_is_not_opened(target_at: Any, url: Any) -> None:
    """Everything would be acknowledged there, and nothing come."""
    handshake = plugin.gateway_handshake(at(target_at, "market", market=url))
    with pytest.raises(spi.LoginRefused, match="the URL of endpoint market must end in /market"):
        next(handshake)


def at(target_at: Any, endpoint: str, **urls: str) -> Any:
    target = target_at(ID)
    return spi.Target(
        exchange=ID,
        environment="live",
        endpoint=endpoint,
        urls={**target.urls, **urls},
        now=target.now,
        nonce=target.nonce,
    )
