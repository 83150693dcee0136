"""What each frame of the futures markets becomes."""

from typing import Any

import pytest
from frames import EXAMPLES

from gateway import spi

FUTURES = ["binance-usdm", "binance-coinm"]
KLINE = {
    "start": 1771000080000_000,
    "end": 1771000139999_000,
    "open": "2512.0",
    "high": "2513.4",
    "low": "2511.9",
    "close": "2513.1",
    "closed": False,
}
RECORDS: dict[str, tuple[Any, int]] = {
    "trade": (spi.Trade(91001, "2513.10", "5.000", "sell", 1771000000100_000), 1771000000101_000),
    "aggTrade": (
        spi.Trade(44001, "2513.10", "5.000", "sell", 1771000100050_000, first_id=91001, last_id=91004),
        1771000100100_000,
    ),
    "bookTicker": (
        spi.Quote("2513.10", "33.0", "2513.11", "12.5", 990001, 1771000100003_000),
        1771000100003_000,
    ),
    "depth": (
        spi.BookDelta(
            [("2513.10", "30.1")],
            [("2513.20", "0"), ("2514", "7")],
            last=880030,
            first=880010,
            previous=880009,
            ts=1771000100250_000,
        ),
        1771000100250_000,
    ),
    "depth5": (
        spi.BookSnapshot([("2513.10", "30.1")], [("2513.20", "1")], 880030, 1771000100250_000),
        1771000100250_000,
    ),
    "ticker": (
        spi.Ticker(
            last="1782.02",
            ts=1771000102000_000,
            open="1757.33",
            high="1809.33",
            low="1750.45",
            volume="1678290.411",
            quote_volume="2990736920.72",
            change="24.69",
            change_percent="1.405",
        ),
        1771000102000_000,
    ),
    "continuousKline": (spi.Candle(**KLINE, volume="210.5", trades=400), 1771000100250_000),
    "markPrice": (
        spi.Mark("2512.98", 1771000101000_000, "2512.70", "-0.00010000", 1771027200000_000),
        1771000101000_000,
    ),
    "markPrice of a delivery": (spi.Mark("65400.0", 1771000600000_000, "65001.2"), 1771000600000_000),
    "forceOrder": (
        spi.Liquidation("sell", "2490.00", "3.1", 1771000102990_000, "FILLED"),
        1771000103000_000,
    ),
}


@pytest.mark.parametrize("exchange", FUTURES)
@pytest.mark.parametrize("kind", RECORDS)
def test_an_event_becomes_its_record(dialect_of: Any, exchange: str, kind: str) -> None:
    dialect, frame = dialect_of(exchange), EXAMPLES[exchange][kind]
    record, at = RECORDS[kind]
    stream = dialect.stream(frame, False)
    assert list(dialect.decode(frame, False)) == [spi.Data(stream, (record,), at)]


@pytest.mark.parametrize("kind", ["indexPriceKline", "markPriceKline"])
def test_where_nothing_is_traded_a_candle_has_no_volume(dialect_of: Any, kind: str) -> None:
    (event,) = dialect_of("binance-coinm").decode(EXAMPLES["binance-coinm"][kind], False)
    (candle,) = event.records
    assert (candle.volume, candle.trades, candle.closed) == (None, None, False)
    assert float(candle.low) <= float(candle.open) <= float(candle.high)


@pytest.mark.parametrize("exchange", FUTURES)
@pytest.mark.parametrize("how", ["INSURANCE_FUND", "ADL", "NA"])
def test_what_met_no_order_of_the_book_is_no_trade(dialect_of: Any, exchange: str, how: str) -> None:
    frame = EXAMPLES[exchange]["trade"].replace(b"MARKET", how.encode())
    (event,) = dialect_of(exchange).decode(frame, False)
    assert (event.records, event.blank) == ((), spi.Blank(91001, 1771000000100_000))


@pytest.mark.parametrize("exchange", FUTURES)
def test_a_trade_that_came_about_as_we_have_not_heard_of_is_one(dialect_of: Any, exchange: str) -> None:
    frame = EXAMPLES[exchange]["trade"].replace(b"MARKET", b"RPI")
    (event,) = dialect_of(exchange).decode(frame, False)
    assert (event.records, event.blank) == ((RECORDS["trade"][0],), None)


@pytest.mark.parametrize("exchange", FUTURES)
def test_an_event_of_the_other_universe_is_none_of_ours(dialect_of: Any, exchange: str) -> None:
    ours, other = (b'"st":1', b'"st":2') if exchange == "binance-usdm" else (b'"st":2', b'"st":1')
    tried = 0
    for kind, frame in EXAMPLES[exchange].items():
        if ours not in frame:
            continue
        for written in (other, b'"st":"1"', b'"st":null', b'"st":true'):
            tried += 1
            with pytest.raises(ValueError):
                list(dialect_of(exchange).decode(frame.replace(ours, written), False))
        before = frame.replace(b"," + ours, b"")
        (event,) = dialect_of(exchange).decode(before, False)
        assert bool(event.records) == (kind != "no trade")
    assert tried > 30


@pytest.mark.parametrize("exchange", FUTURES)
def test_a_pair_is_no_position(dialect_of: Any, exchange: str) -> None:
    """``ps`` is a pair in market data, whatever it is in an account's events."""
    for kind in ("bookTicker", "depth", "ticker", "forceOrder"):
        frame = EXAMPLES[exchange][kind]
        assert b'"ps":"' in frame
        (event,) = dialect_of(exchange).decode(frame.replace(b'"ps":"', b'"ps":"BOTH","x":"'), False)
        assert event.records == (RECORDS[kind][0],)


@pytest.mark.parametrize("exchange", FUTURES)
@pytest.mark.parametrize(
    "stream", ["!markPrice@arr@1s", "!miniTicker@arr", "!bookTicker", "!forceOrder@arr", "btcusd@indexPrice@1s"]
)
def test_a_stream_of_many_symbols_or_of_no_channel_only_passes_through(
    dialect_of: Any, exchange: str, stream: str
) -> None:
    dialect = dialect_of(exchange)
    payload = b'{"stream":"%b","data":[{"e":"markPriceUpdate","s":"BTCUSDT","p":"1"}]}' % stream.encode()
    assert dialect.stream(payload, False) == stream
    assert list(dialect.decode(payload, False)) == []


@pytest.mark.parametrize("exchange", FUTURES)
@pytest.mark.parametrize("stream", ["btcusd@markPrice", "btcusd@markPrice@1s"])
def test_the_mark_prices_of_a_pair_only_pass_through(dialect_of: Any, exchange: str, stream: str) -> None:
    """They come as an array of every contract's; either host has them."""
    dialect = dialect_of(exchange)
    payload = (
        b'{"stream":"%b","data":[{"e":"markPriceUpdate","E":1771000600000,"s":"BTCUSD_PERP","p":"65010.1",'
        b'"P":"65002.0","i":"65001.2","r":"0.0001","T":1771027200000,"st":2},{"e":"markPriceUpdate",'
        b'"E":1771000600000,"s":"BTCUSD_261225","p":"65400.0","P":"65390.0","i":"65001.2","r":"","T":0,"st":2}]}'
    ) % stream.encode()
    assert dialect.stream(payload, False) == stream
    assert list(dialect.decode(payload, False)) == [spi.Data(stream, ())]
    begin, end = payload.index(b"[") + 1, payload.index(b"]")
    wrong = (payload.replace(b"markPriceUpdate", b"trade"), payload.replace(b'"BTCUSD_P', b'"ETHUSD_P'))
    for one in (*wrong, payload[:begin] + payload[end:]):
        with pytest.raises(ValueError):
            list(dialect.decode(one, False))


@pytest.mark.parametrize("payload", [b'[{"e":"markPriceUpdate","E":1,"s":"BTCUSD_PERP","p":"1"}]', b"[]"])
def test_a_bare_array_is_no_message_of_a_combined_connection(dialect_of: Any, payload: bytes) -> None:
    dialect = dialect_of("binance-coinm")
    assert dialect.stream(payload, False) is None
    with pytest.raises(ValueError):
        list(dialect.decode(payload, False))


def test_a_server_that_will_shut_down_is_left_at_once(dialect_of: Any) -> None:
    """It is not documented for futures; if it comes there is nothing else that it could mean."""
    payload = b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1771000000123}}'
    for exchange in FUTURES:
        assert list(dialect_of(exchange).decode(payload, False)) == [spi.Draining(None)]
