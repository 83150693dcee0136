"""What clients of Binance's own protocol are answered over REST, and where it is had."""

import json
from typing import Any

import pytest

from gateway import spi
from gateway_binance import coinm, spot, usdm

MARKETS = {
    "binance": (spot.plugin, "/api/v3", "binance-spot-weight"),
    "binance-usdm": (usdm.plugin, "/fapi/v1", "binance-futures-weight"),
    "binance-coinm": (coinm.plugin, "/dapi/v1", "binance-futures-weight"),
}
BOOK = spi.BookSnapshot([("10.0", "1.50"), ("9.9", "2")], [("10.1", "3")], 77, ts=1_700_000_000_123_456)


class Asked:
    """One market's protocol, asked over REST."""

    def __init__(self, exchange: str, target: spi.Target) -> None:
        plugin, self.api, self.limit = MARKETS[exchange]
        self.native: Any = plugin.gateway_native(target)

    def get(self, call: str, **query: str) -> Any:
        return self.native.answer("GET", f"{self.api}/{call}", query)


@pytest.fixture(params=MARKETS)
def market(request: Any, target_at: Any) -> Asked:
    return Asked(request.param, target_at(request.param))


@pytest.fixture
def spots(target_at: Any) -> Asked:
    return Asked("binance", target_at("binance"))


def test_it_is_there_and_knows_the_time(market: Asked) -> None:
    assert json.loads(market.get("ping").body) == {}
    time = market.get("time")
    assert (time.status, json.loads(time.body)) == (200, {"serverTime": 1_700_000_000_000})
    assert time.headers["content-type"] == "application/json;charset=UTF-8"
    assert market.native.answer("HEAD", f"{market.api}/ping", {}).status == 200


def test_the_symbols_are_the_exchanges_own_answer(market: Asked) -> None:
    whole = market.get("exchangeInfo", signature="secret", timestamp="1")
    assert whole.request.url == f"https://rest.example{market.api}/exchangeInfo"
    assert set(whole.request.cost) == {market.limit}
    some = market.get("exchangeInfo", symbols='["BTCUSDT","币安人生USDT"]', permissions="SPOT")
    assert some.request.url.endswith(
        "?symbols=%5B%22BTCUSDT%22%2C%22%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT%22%5D&permissions=SPOT"
    )
    assert whole.keep == some.keep == 60.0


@pytest.mark.parametrize(
    ("exchange", "limit", "levels", "weight"),
    [
        *(
            ("binance", None, 100, 5),
            ("binance", "1", 1, 5),
            ("binance", "100", 100, 5),
            ("binance", "101", 101, 25),
        ),
        *(("binance", "500", 500, 25), ("binance", "1000", 1000, 50), ("binance", "5000", 5000, 250)),
        *(("binance-usdm", None, 500, 10), ("binance-usdm", "50", 50, 2), ("binance-usdm", "100", 100, 5)),
        *(("binance-coinm", "1000", 1000, 20), ("binance-coinm", "2000", 2000, 20)),
    ],
)
def test_a_book_is_kept_or_fetched_at_its_weight(
    target_at: Any, exchange: str, limit: str | None, levels: int, weight: int
) -> None:
    market = Asked(exchange, target_at(exchange))
    wish = market.get("depth", symbol="BTCUSDT", **({} if limit is None else {"limit": limit}))
    assert (wish.stream, wish.levels) == ("btcusdt@depth@100ms", levels)
    request = wish.otherwise.request
    assert request.url == f"https://rest.example{market.api}/depth?symbol=BTCUSDT&limit={levels}"
    assert request.cost == {market.limit: weight}
    assert 0 < wish.otherwise.keep <= 1


def test_a_book_is_written_as_the_exchange_does(target_at: Any) -> None:
    sides = {"bids": [["10.0", "1.50"], ["9.9", "2"]], "asks": [["10.1", "3"]]}
    written = {
        exchange: json.loads(
            Asked(exchange, target_at(exchange)).get("depth", symbol="BTCUSD_PERP").render(BOOK).body
        )
        for exchange in MARKETS
    }
    assert written["binance"] == {"lastUpdateId": 77, **sides}
    assert written["binance-usdm"] == {"lastUpdateId": 77, "E": 1_700_000_000_123, **sides}
    pair = {"symbol": "BTCUSD_PERP", "pair": "BTCUSD"}
    assert written["binance-coinm"] == {"lastUpdateId": 77, **pair, "E": 1_700_000_000_123, **sides}


def test_a_time_that_is_not_known_is_not_made_up(target_at: Any) -> None:
    market = Asked("binance-usdm", target_at("binance-usdm"))
    book = spi.BookSnapshot([], [], 5)
    written = json.loads(market.get("depth", symbol="BTCUSDT").render(book).body)
    assert written == {"lastUpdateId": 5, "bids": [], "asks": []}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, -1102),
        ({"symbol": ""}, -1102),
        ({"symbol": "BTCUSDT", "limit": "0"}, -1100),
        ({"symbol": "BTCUSDT", "limit": "-5"}, -1100),
        ({"symbol": "BTCUSDT", "limit": "x"}, -1100),
        ({"symbol": "BTCUSDT", "limit": "\u0665"}, -1100),
        ({"symbol": "BTCUSDT", "limit": "5001"}, -1100),
        ({"symbol": "BTCUSDT", "limit": "9" * 5000}, -1100),
        ({"symbol": "BTCUSDT", "limit": "0000001009999999"}, -1100),
        ({"symbol": "BTCUSDT", "limit": "000000100" + "0" * 5000}, -1100),
    ],
)
def test_a_wrong_book_is_refused_without_asking(spots: Asked, query: dict[str, str], code: int) -> None:
    reply = spots.get("depth", **query)
    assert (reply.status, json.loads(reply.body)["code"]) == (400, code)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "/api/v3/klines"), ("GET", "/api/v3/account"), ("GET", "/"), ("GET", "/api/v3/ping/")),
        *(("POST", "/api/v3/order"), ("DELETE", "/api/v3/ping"), ("GET", "/sapi/v1/capital/config/getall")),
    ],
)
def test_everything_else_is_not_supported(spots: Asked, method: str, path: str) -> None:
    reply = spots.native.answer(method, path, {"signature": "secret"})
    assert (reply.status, json.loads(reply.body)["code"]) == (404, -1020)
    assert b"secret" not in reply.body


def test_a_busy_exchange_says_for_how_long(spots: Asked) -> None:
    busy = spots.native.unavailable(12.3)
    assert (busy.status, busy.headers["retry-after"], json.loads(busy.body)["code"]) == (429, "13", -1003)
    gone = spots.native.unavailable(None)
    assert (gone.status, json.loads(gone.body)["code"]) == (503, -1001)
    assert "retry-after" not in gone.headers
