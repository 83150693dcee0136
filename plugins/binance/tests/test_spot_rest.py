"""The conversations over REST, driven by hand."""

from typing import Any

import orjson
import pytest

from gateway import spi
from gateway_binance.spot import plugin

SNAPSHOT = {"lastUpdateId": 5550001, "bids": [["2512.30", "4.2"]], "asks": [["2512.31", "1.7"]]}


def reply(body: Any, status: int = 200) -> Any:
    return spi.HttpReply(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))


def test_a_snapshot_is_fetched_with_a_thousand_levels(dialect: Any, drive: Any) -> None:
    done = drive(dialect.book("ethusdt@depth@100ms").snapshot(), reply(SNAPSHOT))
    url = "https://rest.example/api/v3/depth?symbol=ETHUSDT&limit=1000"
    assert done.asked == [spi.Fetch("GET", url, cost={"binance-spot-weight": 50})]
    assert done.value == spi.BookSnapshot([("2512.30", "4.2")], [("2512.31", "1.7")], 5550001)


def test_a_symbol_of_another_script_is_percent_encoded(dialect: Any) -> None:
    asked = next(dialect.book("币usdt@depth").snapshot())
    assert asked.url.endswith("?symbol=%E5%B8%81USDT&limit=1000")


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[]",
        b"{}",
        SNAPSHOT | {"bids": [["x", "1"]]},
        SNAPSHOT | {"asks": [[1.0, 2.0]]},
        SNAPSHOT | {"lastUpdateId": "5"},
        SNAPSHOT | {"lastUpdateId": -1},
        b'{"lastUpdateId":' + b"[" * 200_000,
    ],
)
def test_a_snapshot_that_makes_no_sense_is_a_value_error(dialect: Any, drive: Any, body: Any) -> None:
    with pytest.raises(ValueError):
        drive(dialect.book("ethusdt@depth@100ms").snapshot(), reply(body))


def test_a_refused_snapshot_says_so(dialect: Any, drive: Any) -> None:
    with pytest.raises(spi.ReplyRefused) as refused:
        drive(dialect.book("ethusdt@depth@100ms").snapshot(), reply(b'{"code":-1003}', 429))
    assert refused.value.status == 429


@pytest.mark.parametrize("stream", ["ethusdt@trade", "!miniTicker@arr", "x"])
def test_only_streams_of_changes_carry_a_book(dialect: Any, stream: Any) -> None:
    assert dialect.book(stream) is None


@pytest.mark.parametrize(
    ("first", "last", "judged"),
    [
        (90, 99, spi.Continuity.IGNORE),
        (90, 100, spi.Continuity.IGNORE),
        (100, 101, spi.Continuity.APPLY),
        (101, 105, spi.Continuity.APPLY),
        (90, 120, spi.Continuity.APPLY),
        (102, 105, spi.Continuity.GAP),
        (None, 105, spi.Continuity.GAP),
    ],
)
@pytest.mark.parametrize("fresh", [True, False])
def test_an_update_joins_if_it_begins_no_later_than_the_next_number(
    dialect: Any, first: Any, last: Any, judged: Any, fresh: Any
) -> None:
    update = spi.BookDelta([], [], last, first)
    assert dialect.book("ethusdt@depth@100ms").follows(100, update, fresh) is judged


def test_instruments_are_named_by_their_assets(target: spi.Target, drive: Any) -> None:
    symbols = [
        {
            "symbol": "ETHUSDT",
            "status": "TRADING",
            "baseAsset": "ETH",
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.01"},
                {"filterType": "LOT_SIZE", "minQty": "0.0001", "stepSize": "0.0001"},
                {"filterType": "ICEBERG_PARTS", "limit": 10},
            ],
        },
        {"symbol": "币安人生USDT", "status": "HALT", "baseAsset": "币安人生", "quoteAsset": "USDT", "filters": []},
    ]
    done = drive(plugin.gateway_instruments(target), reply({"timezone": "UTC", "symbols": symbols}))
    (asked,) = done.asked
    assert (asked.method, asked.cost) == ("GET", {"binance-spot-weight": 20})
    assert asked.url.startswith("https://rest.example/api/v3/exchangeInfo")
    ether, meme = done.value
    assert ether == spi.Instrument(
        symbol="ETH-USDT",
        native="ETHUSDT",
        base="ETH",
        quote="USDT",
        status="TRADING",
        tick_size="0.01",
        lot_size="0.0001",
    )
    assert (meme.symbol, meme.native, meme.status, meme.tick_size) == (
        "币安人生-USDT",
        "币安人生USDT",
        "HALT",
        None,
    )


@pytest.mark.parametrize("body", [b"[]", {}, {"symbols": [{"symbol": 1}]}, {"symbols": None}, b"<html>"])
def test_instruments_that_make_no_sense_are_a_value_error(target: spi.Target, drive: Any, body: Any) -> None:
    with pytest.raises(ValueError):
        drive(plugin.gateway_instruments(target), reply(body))


def test_the_recorded_list_of_instruments_is_read(target: spi.Target, drive: Any, capture: Any) -> None:
    line = orjson.loads(capture("rest-exchangeInfo-20211012.jsonl").read_bytes().splitlines()[0])
    found = drive(plugin.gateway_instruments(target), reply(line["frame"].encode())).value
    bitcoin = found.find("binance", "BTC-USDT")
    assert (bitcoin.native, bitcoin.tick_size, bitcoin.lot_size) == ("BTCUSDT", "0.01000000", "0.00001000")
    assert found.find("binance", "BTCUSDT") is bitcoin
    assert len(found) == line["frame"].count('"baseAsset":') > 1000


def test_the_clock_is_told_in_microseconds(target: spi.Target, drive: Any) -> None:
    done = drive(plugin.gateway_server_time(target), reply({"serverTime": 1771000000000}))
    assert done.asked == [spi.Fetch("GET", "https://rest.example/api/v3/time", cost={"binance-spot-weight": 1})]
    assert done.value == 1771000000000_000


@pytest.mark.parametrize("body", [{}, {"serverTime": "now"}, {"serverTime": True}, b""])
def test_a_clock_that_makes_no_sense_is_a_value_error(target: spi.Target, drive: Any, body: Any) -> None:
    with pytest.raises(ValueError):
        drive(plugin.gateway_server_time(target), reply(body))
