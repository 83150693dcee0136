"""Trades that are missing are fetched as the stream would have told them, at the weight that it costs."""

from typing import Any

import orjson
import pytest
from frames import AGGREGATE

from gateway import spi
from gateway_binance import coinm, spot, usdm
from gateway_binance.options import SpotOptions

PLUGINS: Any = {"binance": spot.plugin, "binance-usdm": usdm.plugin, "binance-coinm": coinm.plugin}

OLD = {
    "id": 28457,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.000012",
    "time": 1499865549590,
    "isBuyerMaker": True,
    "isBestMatch": True,
}
"""As "Old trade lookup" shows it."""


def wish(variant: str | None = None, channel: str = "trades", symbol: str = "ETHUSDT") -> spi.Subscription:
    return spi.Subscription("binance", channel, symbol, variant)


def reply(body: Any, status: int = 200) -> Any:
    return spi.HttpReply(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))


@pytest.fixture
def fetching(target_at: Any) -> Any:
    """Ask a market for what is missing between two ids."""

    def ask(exchange: str, subscription: spi.Subscription, after: int, before: int, options: Any = None) -> Any:
        return PLUGINS[exchange].gateway_backfill(target_at(exchange, options), subscription, after, before)

    return ask


@pytest.mark.parametrize(
    ("exchange", "variant", "url", "cost"),
    [
        (
            "binance",
            None,
            "/api/v3/historicalTrades?symbol=ETHUSDT&fromId=28457&limit=3",
            {"binance-spot-weight": 25},
        ),
        ("binance", "agg", "/api/v3/aggTrades?symbol=ETHUSDT&fromId=28457&limit=3", {"binance-spot-weight": 4}),
        ("binance-usdm", None, "/fapi/v1/trades?symbol=ETHUSDT&limit=1000", {"binance-futures-weight": 5}),
        (
            "binance-usdm",
            "agg",
            "/fapi/v1/aggTrades?symbol=ETHUSDT&fromId=28457&limit=3",
            {"binance-futures-weight": 20},
        ),
        ("binance-coinm", None, "/dapi/v1/trades?symbol=ETHUSDT&limit=1000", {"binance-futures-weight": 5}),
        (
            "binance-coinm",
            "agg",
            "/dapi/v1/aggTrades?symbol=ETHUSDT&fromId=28457&limit=3",
            {"binance-futures-weight": 20},
        ),
    ],
)
def test_each_market_is_asked_where_it_has_its_past(
    fetching: Any, exchange: str, variant: str | None, url: str, cost: dict[str, int]
) -> None:
    asked = next(fetching(exchange, wish(variant), 28456, 28460))
    assert asked == spi.Fetch("GET", f"https://rest.example{url}", cost=cost)


def test_trades_are_told_as_the_stream_tells_them(fetching: Any, drive: Any) -> None:
    rows = [OLD, OLD | {"id": 28458, "isBuyerMaker": False}]
    done = drive(fetching("binance", wish(), 28456, 28459), reply(rows))
    assert done.value == [
        spi.Trade(28457, "4.00000100", "12.00000000", "sell", 1499865549590000),
        spi.Trade(28458, "4.00000100", "12.00000000", "buy", 1499865549590000),
    ]


def test_aggregates_say_of_which_trades_they_are(fetching: Any, drive: Any) -> None:
    done = drive(fetching("binance", wish("agg"), 26128, 26130), reply([AGGREGATE]))
    assert done.value == [spi.Trade(26129, "0.01633102", "4.70443515", "buy", 1498793709153000, 27781, 27784)]


def test_what_was_not_asked_for_is_left_out(fetching: Any, drive: Any) -> None:
    rows = [OLD | {"id": number} for number in (28455, 28456, 28457, 28458, 28459)]
    done = drive(fetching("binance-usdm", wish(), 28456, 28458), reply(rows))
    assert [trade.id for trade in done.value] == [28457]


def test_no_more_than_a_thousand_are_asked_for_at_a_time(fetching: Any) -> None:
    assert next(fetching("binance", wish("agg"), 0, 5000)).url.endswith("&fromId=1&limit=1000")


def test_times_are_in_the_unit_that_the_stream_has(fetching: Any, drive: Any) -> None:
    done = drive(
        fetching("binance", wish(), 28456, 28459, SpotOptions(time_unit="microsecond")),
        reply([OLD | {"time": 1499865549590123}]),
    )
    assert dict(done.asked[0].headers) == {"X-MBX-TIME-UNIT": "MICROSECOND"}
    assert done.value[0].ts == 1499865549590123


def test_a_symbol_of_another_script_is_percent_encoded(fetching: Any) -> None:
    assert "?symbol=%E5%B8%81USDT&" in next(fetching("binance", wish(symbol="币USDT"), 1, 3)).url


@pytest.mark.parametrize("exchange", list(PLUGINS))
def test_nothing_but_trades_has_a_past(fetching: Any, exchange: str) -> None:
    assert fetching(exchange, wish(channel="quotes"), 1, 3) is None


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"{}",
        [OLD | {"price": "x"}],
        [OLD | {"qty": "1e5"}],
        [OLD | {"id": "28457"}],
        [OLD | {"id": -1}],
        [OLD | {"time": None}],
        [{name: value for name, value in OLD.items() if name != "isBuyerMaker"}],
        b"[" * 200_000,
    ],
)
def test_a_reply_that_makes_no_sense_is_a_value_error(fetching: Any, drive: Any, body: Any) -> None:
    with pytest.raises(ValueError):
        drive(fetching("binance", wish(), 28456, 28459), reply(body))


def test_a_refusal_says_so(fetching: Any, drive: Any) -> None:
    with pytest.raises(spi.ReplyRefused) as refused:
        drive(fetching("binance", wish(), 1, 3), reply(b'{"code":-1003}', 429))
    assert refused.value.status == 429
