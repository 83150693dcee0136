"""How sockets of Binance's own protocol begin, by the addresses that clients have."""

import json
from typing import Any

import pytest

from gateway import spi
from gateway_binance.options import SpotOptions

PLUGINS = ("binance", "binance-usdm", "binance-coinm")
KEY = "a1" * 32


@pytest.fixture
def native_of(target_at: Any) -> Any:
    """Return a market's protocol by its plugin's id, and of its options."""
    from gateway_binance import coinm, spot, usdm

    plugins = {"binance": spot.plugin, "binance-usdm": usdm.plugin, "binance-coinm": coinm.plugin}
    return lambda exchange="binance", options=None: plugins[exchange].gateway_native(target_at(exchange, options))


def begun(shape: str, *streams: str) -> spi.NativeGreeting:
    return spi.NativeGreeting(shape, streams)


@pytest.mark.parametrize("exchange", PLUGINS)
@pytest.mark.parametrize(
    ("path", "query", "greeting"),
    [
        ("/ws", {}, begun("bare")),
        ("/ws/", {}, begun("bare")),
        ("/stream", {}, begun("combined")),
        ("/ws/btcusdt@trade", {}, begun("bare", "btcusdt@trade")),
        (
            "/ws/btcusdt@trade/币安人生usdt@depth@100ms",
            {},
            begun("bare", "btcusdt@trade", "币安人生usdt@depth@100ms"),
        ),
        (
            "/stream",
            {"streams": "a@trade/!miniTicker@arr/a@trade"},
            begun("combined", "a@trade", "!miniTicker@arr"),
        ),
        ("/stream", {"streams": "a@kline_1d@+08:00/"}, begun("combined", "a@kline_1d@+08:00")),
        # Words that are no streams say nothing at the exchange either.
        ("/ws/0", {}, begun("bare")),
        ("/ws/anything", {}, begun("bare")),
        ("/ws/BTCUSDT@trade", {}, begun("bare")),
    ],
)
def test_an_address_says_which_streams_and_how(
    native_of: Any, exchange: str, path: str, query: dict[str, str], greeting: spi.NativeGreeting
) -> None:
    assert native_of(exchange).greet(path, query) == greeting


@pytest.mark.parametrize("place", ["/public", "/market"])
def test_a_category_of_usdm_is_heard_and_every_stream_is_had_there(native_of: Any, place: str) -> None:
    both = "btcusdt@bookTicker/btcusdt@aggTrade"
    greeting = begun("combined", "btcusdt@bookTicker", "btcusdt@aggTrade")
    assert native_of("binance-usdm").greet(f"{place}/stream", {"streams": both}) == greeting
    assert native_of("binance-usdm").greet(f"{place}/ws/a@trade", {}) == begun("bare", "a@trade")
    assert native_of("binance").greet(f"{place}/ws", {}).status == 404


def test_spots_host_may_be_in_the_path_for_a_client_that_looks_for_it(native_of: Any) -> None:
    assert native_of().greet("/stream.binance.com/ws/0", {}) == begun("bare")
    assert native_of().greet("/stream.binance.com/stream", {"streams": "a@trade"}) == begun("combined", "a@trade")
    assert native_of("binance-usdm").greet("/stream.binance.com/ws", {}).status == 404


@pytest.mark.parametrize("path", ["/", "/wss", "/ws-api/v3", "/streams", "/private/ws", "/x/ws", "/api/v3/ping"])
@pytest.mark.parametrize("exchange", PLUGINS)
def test_elsewhere_there_are_none(native_of: Any, exchange: str, path: str) -> None:
    reply = native_of(exchange).greet(path, {})
    assert (reply.status, json.loads(reply.body)["code"]) == (404, -1020)


@pytest.mark.parametrize(
    ("path", "query"),
    [(f"/ws/{KEY}", {}), ("/stream", {"streams": f"a@trade/{KEY}"}), ("/ws", {"listenKey": "x"})],
)
def test_an_accounts_stream_is_refused_rather_than_silent(
    native_of: Any, path: str, query: dict[str, str]
) -> None:
    reply = native_of("binance-coinm").greet(path, query)
    assert reply.status == 400
    assert "accounts" in json.loads(reply.body)["msg"]


@pytest.mark.parametrize(
    ("option", "asked", "is_had"),
    [
        ("millisecond", "", True),
        ("millisecond", "MILLISECOND", True),
        ("millisecond", "microsecond", False),
        ("microsecond", "MICROSECOND", True),
        ("microsecond", "millisecond", False),
        ("microsecond", "", True),
        ("millisecond", "fortnight", False),
    ],
)
def test_times_are_in_the_unit_that_all_share_or_the_client_is_told(
    native_of: Any, option: Any, asked: str, is_had: bool
) -> None:
    greeting = native_of("binance", SpotOptions(time_unit=option)).greet("/ws", {"timeUnit": asked})
    assert (greeting == begun("bare")) == is_had
    if not is_had:
        assert (greeting.status, json.loads(greeting.body)["code"]) == (400, -1194)


@pytest.mark.parametrize("exchange", PLUGINS)
def test_a_socket_is_spoken_to_alike_in_every_market(native_of: Any, exchange: str) -> None:
    native = native_of(exchange)
    asked = '{"method":"SUBSCRIBE","params":["a@trade"],"id":1}'
    assert native.hear(spi.NativeClient("bare", ()), asked).subscribe == ("a@trade",)
    assert json.loads(native.refuse(asked, "too_many_topics", "no"))["code"] == 4
    assert native.wrap("bare", "a@trade", b'{"stream":"a@trade","data":{"t":1}}') == b'{"t":1}'


def test_futures_know_no_unit(native_of: Any) -> None:
    assert native_of("binance-usdm").greet("/ws", {"timeUnit": "MICROSECOND"}) == begun("bare")
