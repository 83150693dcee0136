"""What the spot plugin declares and where it sends each wish."""

import re
from typing import Any
from urllib.parse import urlsplit

import pluggy
import pytest
from frames import SPOT
from pydantic import ValidationError

from gateway import spi
from gateway.spi import hookspecs
from gateway_binance.options import SpotOptions
from gateway_binance.spot import plugin


def test_every_hook_fits_the_specification() -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    assert manager.hook.gateway_exchange_info().spi_version == hookspecs.SPI_VERSION


def test_every_environment_has_both_hosts() -> None:
    info = plugin.gateway_exchange_info()
    schemes = {
        endpoint.name: {urlsplit(url).scheme for url in endpoint.urls.values()} for endpoint in info.endpoints
    }
    assert schemes == {"stream": {"wss"}, "rest": {"https"}, "private": {"wss"}}
    assert all(set(endpoint.urls) == set(info.environments) for endpoint in info.endpoints)


def test_an_environment_never_mixes_hosts_of_two() -> None:
    info = plugin.gateway_exchange_info()
    stream, rest, private = (endpoint.urls for endpoint in info.endpoints)
    for name, word in (("testnet", "testnet"), ("demo", "demo"), ("data", "data")):
        assert word in stream[name]
        assert word in rest[name]
    assert "testnet" in private["testnet"]
    assert "demo" in private["demo"]
    assert not {"testnet", "demo", "data"} & set(stream["live"].split(".")) & set(rest["live"].split("."))


def test_limits_are_those_of_the_documents() -> None:
    info = plugin.gateway_exchange_info()
    figures = {limit.name: (limit.count, limit.per, limit.scope) for limit in info.limits}
    assert figures == {
        "binance-spot-messages": (5, 1.0, spi.Scope.CONNECTION),
        "binance-spot-dials": (300, 300.0, spi.Scope.IP),
        "binance-spot-weight": (6000, 60.0, spi.Scope.IP),
        "binance-margin-weight": (12_000, 60.0, spi.Scope.IP),
    }
    assert [limit.name for limit in info.limits if limit.counts_control_frames] == ["binance-spot-messages"]
    headers = [limit.usage_header for limit in info.limits]
    assert headers == [None, None, "x-mbx-used-weight-1m", "x-sapi-used-ip-weight-1m"]
    assert (info.endpoints[0].max_streams, info.endpoints[0].max_age) == (1024, 86400)


@pytest.mark.parametrize(
    ("channel", "variant", "stream"),
    [
        ("trades", None, "btcusdt@trade"),
        ("trades", "agg", "btcusdt@aggTrade"),
        ("quotes", None, "btcusdt@bookTicker"),
        ("ticker", None, "btcusdt@ticker"),
        ("candles", "1s", "btcusdt@kline_1s"),
        ("candles", "1M", "btcusdt@kline_1M"),
        *[("book", depth, "btcusdt@depth@100ms") for depth in (None, "5", "10", "20", "50", "100")],
    ],
)
def test_each_channel_has_its_stream(target: spi.Target, channel: Any, variant: Any, stream: Any) -> None:
    wish = spi.Subscription("binance", channel, "BTCUSDT", variant)
    assert plugin.gateway_route(wish) == spi.Route("stream", stream)
    offered = {one.name: one.variants for one in plugin.gateway_exchange_info().channels}
    assert variant in offered[channel]


@pytest.mark.parametrize("depth", ["5", "10", "20"])
def test_a_book_that_the_exchange_cuts_is_a_stream_of_its_own(depth: str) -> None:
    wish = spi.Subscription("binance", "book", "BTCUSDT", f"top{depth}")
    assert plugin.gateway_route(wish) == spi.Route("stream", f"btcusdt@depth{depth}@100ms")
    assert f"top{depth}" in {one.name: one.variants for one in plugin.gateway_exchange_info().channels}["book"]


def test_a_raw_stream_is_asked_for_as_it_is_written() -> None:
    wish = spi.Subscription("binance", "raw", "!miniTicker@arr")
    assert plugin.gateway_route(wish) == spi.Route("stream", "!miniTicker@arr")


def test_a_symbol_of_another_script_keeps_it() -> None:
    wish = spi.Subscription("binance", "trades", "币安人生USDT")
    assert plugin.gateway_route(wish) == spi.Route("stream", "币安人生usdt@trade")


@pytest.mark.parametrize(
    "wish",
    [
        spi.Subscription("binance", "positions", account="main"),
        spi.Subscription("binance", "liquidations", "BTCUSDT"),
        spi.Subscription("binance", "trades", "BTCUSDT", "5"),
        spi.Subscription("binance", "trades", "BTCUSDT", account="main"),
        spi.Subscription("binance", "candles", "BTCUSDT", "index-1m"),
        spi.Subscription("binance", "book", "BTCUSDT", "top50"),
    ],
)
def test_what_is_not_offered_is_refused(wish: Any) -> None:
    assert plugin.gateway_route(wish) is None


def test_the_handshake_opens_a_bare_combined_connection(target: spi.Target) -> None:
    handshake = plugin.gateway_handshake(target)
    assert next(handshake) == spi.Open("wss://stream.example/stream", cost={"binance-spot-dials": 1})
    with pytest.raises(StopIteration) as end:
        handshake.send(None)
    assert end.value.value == spi.Session()


@pytest.mark.parametrize(("unit", "ending"), [("millisecond", ""), ("microsecond", "?timeUnit=MICROSECOND")])
def test_times_are_in_the_unit_that_the_operator_wants(
    target_at: Any, dialect_of: Any, unit: Any, ending: str
) -> None:
    options = SpotOptions(time_unit=unit)
    opened = next(plugin.gateway_handshake(target_at("binance", options)))
    assert opened.url == f"wss://stream.example/stream{ending}"
    written = 1771000000101 if unit == "millisecond" else 1771000000101_234
    frame = SPOT["trade"].replace(b"1771000000101", str(written).encode())
    (event,) = dialect_of("binance", options).decode(frame, False)
    assert event.ts == 1771000000101_000 + (0 if unit == "millisecond" else 234)


@pytest.mark.parametrize("options", [{"time_unit": "second"}, {"unit": "millisecond"}])
def test_a_wrong_option_is_refused(options: Any) -> None:
    with pytest.raises(ValidationError):
        SpotOptions.model_validate(options)


def test_every_time_of_a_connection_in_microseconds_is_read_as_such(dialect_of: Any) -> None:
    dialect = dialect_of("binance", SpotOptions(time_unit="microsecond"))
    for kind, frame in SPOT.items():
        micros = re.sub(rb"\b(177[01]\d{9})\b", rb"\g<1>007", frame)
        (event,) = dialect.decode(micros, False)
        (record,) = event.records
        times = [getattr(record, name, None) for name in ("ts", "start", "end")]
        assert all(time % 1000 == 7 for time in [event.ts, *times] if time is not None), kind
