"""A topic's name and the wish that it names are the same thing."""

import pytest
from hypothesis import given
from hypothesis.strategies import none, one_of, text

from gateway.model.subscriptions import Subscription, parse_topic


@pytest.mark.parametrize(
    ("topic", "subscription"),
    [
        ("binance:trades:BTC-USDT", Subscription("binance", "trades", "BTC-USDT")),
        ("binance:trades:BTC-USDT:agg", Subscription("binance", "trades", "BTC-USDT", "agg")),
        ("binance:book:BTC-USDT:20", Subscription("binance", "book", "BTC-USDT", "20")),
        ("binance-usdm:candles:BTC-USDT-PERP:1m", Subscription("binance-usdm", "candles", "BTC-USDT-PERP", "1m")),
        ("mock:orders:@main", Subscription("mock", "orders", account="main")),
        ("mock:orders:@a:b", Subscription("mock", "orders", account="a:b")),
        ("binance:raw:btcusdt@trade", Subscription("binance", "raw", "btcusdt@trade")),
        ("binance:raw:!ticker@arr", Subscription("binance", "raw", "!ticker@arr")),
        ("x:raw:a:b:c", Subscription("x", "raw", "a:b:c")),
        ("x:raw::", Subscription("x", "raw", ":")),
        ("x:raw:@main", Subscription("x", "raw", account="main")),
    ],
)
def test_a_topic_is_spelled_in_one_way(topic: str, subscription: Subscription) -> None:
    assert parse_topic(topic) == subscription
    assert subscription.topic == topic


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        ":",
        "::",
        "binance",
        "binance:trades",
        "binance:trades:",
        ":trades:BTC",
        "binance::BTC",
        "binance:trades::",
        "binance:book::20",
        "binance:book:BTC:",
        "mock:orders:@",
        "mock:orders:@:",
        "x:raw:",
        "x:raw:@",
        ":raw:@main",
        ":raw:x",
    ],
)
def test_what_is_no_topic_is_refused_with_what_is_needed(wrong: str) -> None:
    with pytest.raises(
        ValueError, match=r"is no topic: need <exchange>:<channel>:<symbol>\[:<variant>\]$"
    ) as caught:
        parse_topic(wrong)
    assert str(caught.value).startswith(repr(wrong))


NAMES = text("abz-09@.!é", min_size=1).filter(lambda name: not name.startswith("@"))


@given(
    exchange=NAMES, channel=NAMES.filter(lambda name: name != "raw"), symbol=NAMES, variant=one_of(none(), NAMES)
)
def test_whatever_is_named_is_found_again(exchange: str, channel: str, symbol: str, variant: str | None) -> None:
    for subscription in (
        Subscription(exchange, channel, symbol, variant),
        Subscription(exchange, channel, account=symbol),
        Subscription(exchange, "raw", account=symbol),
        Subscription(exchange, "raw", f"{symbol}:{variant}"),
    ):
        assert parse_topic(subscription.topic) == subscription


@given(text())
def test_whatever_is_parsed_is_spelled_as_it_was_written(written: str) -> None:
    try:
        subscription = parse_topic(written)
    except ValueError:
        return
    assert subscription.topic == written


def test_of_what_is_no_topic_the_beginning_is_told() -> None:
    with pytest.raises(ValueError, match=r"^'x{128}' is no topic"):
        parse_topic("x" * 100_000)


def test_wishes_that_are_alike_are_one() -> None:
    assert len({Subscription("x", "trades", "A"), Subscription("x", "trades", "A")}) == 1
    with pytest.raises(AttributeError):
        Subscription("x", "trades", "A").symbol = "B"  # type: ignore[misc]
