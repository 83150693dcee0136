"""How Binance's symbols are spelled here, in each market, and what is known of them."""

import json
from typing import Any

import orjson
import pytest
from captures import CAPTURES, Kind, json_lines, market_of, named

from gateway import spi
from gateway_binance import coinm, spot, usdm


def contract(symbol: str, **facts: Any) -> dict[str, Any]:
    base = {"symbol": symbol, "pair": symbol.partition("_")[0], "baseAsset": "BTC", "quoteAsset": "USD"}
    return base | {"contractType": "PERPETUAL", "deliveryDate": 4133404800000, "filters": []} | facts


def listed(plugin: Any, target: Any, drive: Any, symbols: Any) -> Any:
    body = orjson.dumps({"symbols": symbols})
    return drive(plugin.gateway_instruments(target), spi.HttpReply(200, {}, body))


def is_list(line: Any) -> bool:
    """Whether a recorded line is the reply to a request for all symbols."""
    return line.get("dir") == "http" and line.get("url", "").endswith("/exchangeInfo") and "frame" in line


FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "9", "tickSize": "0.1"},
    {"filterType": "LOT_SIZE", "stepSize": "0.001", "maxQty": "5", "minQty": "1"},
    {"filterType": "MARKET_LOT_SIZE", "stepSize": "1"},
]


def test_a_contract_is_known_with_its_rules(target_at: Any, drive: Any) -> None:
    symbol = contract("BTCUSDT", quoteAsset="USDT", status="TRADING", filters=FILTERS)
    done = listed(usdm.plugin, target_at("binance-usdm"), drive, [symbol])
    url = "https://rest.example/fapi/v1/exchangeInfo"
    assert done.asked == [spi.Fetch("GET", url, cost={"binance-futures-weight": 1})]
    assert list(done.value) == [
        spi.Instrument(
            symbol="BTC-USDT-PERP",
            native="BTCUSDT",
            base="BTC",
            quote="USDT",
            status="TRADING",
            tick_size="0.1",
            lot_size="0.001",
        )
    ]


def test_coin_margined_contracts_have_their_status_under_another_name(target_at: Any, drive: Any) -> None:
    symbols = [
        contract("BTCUSD_PERP", contractStatus="TRADING"),
        contract(
            "BTCUSD_260925",
            contractType="CURRENT_QUARTER",
            deliveryDate=1790323200000,
            contractStatus="PENDING_TRADING",
        ),
    ]
    done = listed(coinm.plugin, target_at("binance-coinm"), drive, symbols)
    assert done.asked[0].url == "https://rest.example/dapi/v1/exchangeInfo"
    found = [(one.symbol, one.native, one.status) for one in done.value]
    assert found == [
        ("BTC-USD-PERP", "BTCUSD_PERP", "TRADING"),
        ("BTC-USD-260925", "BTCUSD_260925", "PENDING_TRADING"),
    ]


@pytest.mark.parametrize(
    ("symbol", "facts", "name"),
    [
        ("BTCUSDT", {"quoteAsset": "USDT"}, "BTC-USDT-PERP"),
        ("BTCUSDT", {"quoteAsset": "USDT", "contractType": ""}, "BTC-USDT-PERP"),
        ("BTCUSDT", {"quoteAsset": "USDT", "contractType": "PERPETUAL DELIVERING"}, "BTC-USDT-PERP"),
        ("TSLAUSDT", {"baseAsset": "TSLA", "contractType": "TRADIFI_PERPETUAL"}, "TSLA-USD-PERP"),
        ("1000SHIBUSDT", {"baseAsset": "1000SHIB", "quoteAsset": "USDT"}, "1000SHIB-USDT-PERP"),
        ("币安人生USDT", {"baseAsset": "币安人生", "quoteAsset": "USDT"}, "币安人生-USDT-PERP"),
        (
            "BTCUSDT_261225",
            {"quoteAsset": "USDT", "contractType": "NEXT_QUARTER", "deliveryDate": 1798185600000},
            "BTC-USDT-261225",
        ),
        # The day of delivery is in the name, whatever the contract has become.
        (
            "BTCUSD_260925",
            {"contractType": "CURRENT_QUARTER DELIVERING", "deliveryDate": 1790323200000},
            "BTC-USD-260925",
        ),
    ],
)
def test_a_contract_is_called_by_its_end(target_at: Any, drive: Any, symbol: str, facts: Any, name: str) -> None:
    done = listed(usdm.plugin, target_at("binance-usdm"), drive, [contract(symbol, **facts)])
    assert [one.symbol for one in done.value] == [name]


PLUGINS: dict[str, Any] = {"binance": spot.plugin, "binance-usdm": usdm.plugin, "binance-coinm": coinm.plugin}
LISTS = [
    name
    for name in (*named(Kind.FRAMES, "binance-spot/rest-exchangeInfo-20211012.jsonl"), *named(Kind.BOOKS))
    if not CAPTURES.is_dir() or any(map(is_list, json_lines(CAPTURES / name)))
]


@pytest.mark.parametrize("name", LISTS)
def test_every_recorded_symbol_is_found_by_either_name(
    target_at: Any, drive: Any, capture: Any, name: str
) -> None:
    line = next(filter(is_list, json_lines(capture(name))))
    exchange = market_of(name)
    reply = spi.HttpReply(200, {}, line["frame"].encode())
    instruments = drive(PLUGINS[exchange].gateway_instruments(target_at(exchange)), reply).value
    symbols = json.loads(line["frame"])["symbols"]
    assert len(instruments) == len(symbols) > 30
    for symbol, one in zip(symbols, instruments, strict=True):
        assert one.native == symbol["symbol"]
        assert instruments.find(exchange, one.symbol) is one
        assert instruments.find(exchange, one.native) is one
        rules = {rule["filterType"]: rule for rule in symbol["filters"]}
        assert one.tick_size == rules["PRICE_FILTER"]["tickSize"]
        assert one.lot_size == rules["LOT_SIZE"]["stepSize"]
        assert one.status == symbol.get("status", symbol.get("contractStatus"))


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"symbols":[{}]}', b'{"symbols":[{"symbol":1,"baseAsset":"A","quoteAsset":"B"}]}']
)
def test_a_list_that_makes_no_sense_is_a_value_error(target_at: Any, drive: Any, body: bytes) -> None:
    with pytest.raises(ValueError):
        drive(usdm.plugin.gateway_instruments(target_at("binance-usdm")), spi.HttpReply(200, {}, body))


@pytest.mark.parametrize(
    ("exchange", "plugin", "api", "limit"),
    [
        ("binance", spot.plugin, "/api/v3", "binance-spot-weight"),
        ("binance-usdm", usdm.plugin, "/fapi/v1", "binance-futures-weight"),
        ("binance-coinm", coinm.plugin, "/dapi/v1", "binance-futures-weight"),
    ],
)
def test_the_clock_is_asked_for(
    target_at: Any, drive: Any, exchange: str, plugin: Any, api: str, limit: str
) -> None:
    reply = spi.HttpReply(200, {}, b'{"serverTime":1771000000000}')
    done = drive(plugin.gateway_server_time(target_at(exchange)), reply)
    assert done.asked == [spi.Fetch("GET", f"https://rest.example{api}/time", cost={limit: 1})]
    assert done.value == 1771000000000_000
