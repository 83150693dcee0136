"""What each frame of the exchange becomes."""

from typing import Any

import orjson
import pytest

from gateway import spi

EVENTS: dict[str, dict[str, Any]] = {
    "ethusdt@trade": {
        "e": "trade",
        "E": 1771000000101,
        "s": "ETHUSDT",
        "t": 1200004,
        "p": "2512.31000000",
        "q": "0.10000000",
        "T": 1771000000100,
        "m": True,
        "M": True,
    },
    "ethusdt@aggTrade": {
        "e": "aggTrade",
        "E": 1771000000100,
        "s": "ETHUSDT",
        "a": 900001,
        "p": "2512.30000000",
        "q": "0.40000000",
        "f": 1200001,
        "l": 1200003,
        "T": 1771000000099,
        "m": False,
        "M": True,
    },
    "ethusdt@bookTicker": {
        "u": 5550001,
        "s": "ETHUSDT",
        "b": "2512.30000000",
        "B": "4.20000000",
        "a": "2512.31000000",
        "A": "1.70000000",
    },
    "ethusdt@depth@100ms": {
        "e": "depthUpdate",
        "E": 1771000001100,
        "s": "ETHUSDT",
        "U": 5550002,
        "u": 5550009,
        "b": [["2512.30", "3.9"], ["2511.00", "0.00000000"]],
        "a": [["2512.31", "0"]],
    },
    "ethusdt@ticker": {
        "e": "24hrTicker",
        "E": 1771000001000,
        "s": "ETHUSDT",
        "p": "-32.31",
        "P": "-1.303",
        "w": "2499.1",
        "x": "2479.99",
        "c": "2512.31",
        "Q": "0.1",
        "b": "2512.30",
        "B": "4.2",
        "a": "2512.31",
        "A": "1.7",
        "o": "2480.00",
        "h": "2530.00",
        "l": "2470.10",
        "v": "81230.5",
        "q": "203000111.2",
        "O": 1770913601000,
        "C": 1771000001000,
        "F": 1100000,
        "L": 1200004,
        "n": 100005,
    },
    "ethusdt@kline_1m": {
        "e": "kline",
        "E": 1771000002000,
        "s": "ETHUSDT",
        "k": {
            "t": 1770999960000,
            "T": 1771000019999,
            "s": "ETHUSDT",
            "i": "1m",
            "f": 1199000,
            "L": 1200004,
            "o": "2511.00",
            "c": "2512.31",
            "h": "2513.00",
            "l": "2510.50",
            "v": "310.2",
            "n": 1005,
            "x": False,
            "q": "779300.1",
            "V": "150.4",
            "Q": "377800.9",
            "B": "0",
        },
    },
}
RECORDS: dict[str, Any] = {
    "ethusdt@trade": spi.Trade(1200004, "2512.31000000", "0.10000000", "sell", 1771000000100_000),
    "ethusdt@aggTrade": spi.Trade(
        900001, "2512.30000000", "0.40000000", "buy", 1771000000099_000, first_id=1200001, last_id=1200003
    ),
    "ethusdt@bookTicker": spi.Quote("2512.30000000", "4.20000000", "2512.31000000", "1.70000000", 5550001),
    "ethusdt@depth@100ms": spi.BookDelta(
        [("2512.30", "3.9"), ("2511.00", "0.00000000")],
        [("2512.31", "0")],
        last=5550009,
        first=5550002,
        ts=1771000001100_000,
    ),
    "ethusdt@ticker": spi.Ticker(
        last="2512.31",
        ts=1771000001000_000,
        open="2480.00",
        high="2530.00",
        low="2470.10",
        volume="81230.5",
        quote_volume="203000111.2",
        bid="2512.30",
        ask="2512.31",
        change="-32.31",
        change_percent="-1.303",
    ),
    "ethusdt@kline_1m": spi.Candle(
        start=1770999960000_000,
        end=1771000019999_000,
        open="2511.00",
        high="2513.00",
        low="2510.50",
        close="2512.31",
        volume="310.2",
        closed=False,
        trades=1005,
    ),
}


def frame(stream: Any, event: Any) -> Any:
    return orjson.dumps({"stream": stream, "data": event})


@pytest.mark.parametrize("stream", EVENTS)
def test_an_event_becomes_its_record(dialect: Any, stream: Any) -> None:
    payload = frame(stream, EVENTS[stream])
    at = EVENTS[stream].get("E")
    assert dialect.stream(payload, False) == stream
    assert list(dialect.decode(payload, False)) == [
        spi.Data(stream, (RECORDS[stream],), None if at is None else at * 1000)
    ]


def test_a_field_that_we_do_not_know_disturbs_nobody(dialect: Any) -> None:
    payload = frame("ethusdt@trade", EVENTS["ethusdt@trade"] | {"new": [{"x": None}]})
    (event,) = dialect.decode(payload, False)
    assert event.records == (RECORDS["ethusdt@trade"],)


@pytest.mark.parametrize("stream", EVENTS)
def test_an_event_with_a_field_missing_or_of_another_type_is_no_sense(dialect: Any, stream: Any) -> None:
    unread = set("MxwQBALOCFn") if stream == "ethusdt@ticker" else set("M")
    for name in EVENTS[stream].keys() - unread:
        rest = {key: value for key, value in EVENTS[stream].items() if key != name}
        for broken in (rest, rest | {name: None}, rest | {name: [1]}, rest | {name: {}}, rest | {name: -1.5}):
            with pytest.raises(ValueError):
                list(dialect.decode(frame(stream, broken), False))


@pytest.mark.parametrize(
    "price", ["", ".", "1.2.3", "nan", "inf", "1e5", "-1", "1_0", " 1", "1,2", "1,.2", "abc", "\u0661"]
)
def test_a_price_that_is_no_decimal_number_is_no_sense(dialect: Any, price: Any) -> None:
    trade = EVENTS["ethusdt@trade"] | {"p": price}
    aggregate = EVENTS["ethusdt@aggTrade"] | {"q": price}
    quote = EVENTS["ethusdt@bookTicker"] | {"A": price}
    depth = EVENTS["ethusdt@depth@100ms"] | {"b": [["1.0", "2.0"], [price, "1.0"]]}
    for event, stream in (
        (trade, "ethusdt@trade"),
        (aggregate, "ethusdt@aggTrade"),
        (quote, "ethusdt@bookTicker"),
        (depth, "ethusdt@depth@100ms"),
    ):
        with pytest.raises(ValueError):
            list(dialect.decode(frame(stream, event), False))


@pytest.mark.parametrize("price", ["0", "17", "0.00000000", "61837.63000000", "9" * 40])
def test_a_price_is_kept_as_it_is_written(dialect: Any, price: str) -> None:
    event = EVENTS["ethusdt@depth@100ms"] | {"b": [["1.0", "2.0"], [price, price]]}
    (data,) = dialect.decode(frame("ethusdt@depth@100ms", event), False)
    assert data.records[0].bids[1] == (price, price)


@pytest.mark.parametrize("level", [["1"], ["1", "2", "3"], ["1", 2], [1, "2"], "12", None, ["1", None]])
def test_a_level_is_two_texts(dialect: Any, level: Any) -> None:
    event = EVENTS["ethusdt@depth@100ms"] | {"a": [level]}
    with pytest.raises(ValueError):
        list(dialect.decode(frame("ethusdt@depth@100ms", event), False))


@pytest.mark.parametrize("number", [-1, 2**63, 2**64, 10**30])
def test_a_number_that_fits_nowhere_is_no_sense(dialect: Any, number: Any) -> None:
    for field in ("t", "T", "E"):
        whole = frame("ethusdt@trade", EVENTS["ethusdt@trade"] | {field: 0})
        for text in (f"{number}", f"{number}.5", f"{number}e0"):
            broken = whole.replace(f'"{field}":0'.encode(), f'"{field}":{text}'.encode())
            with pytest.raises(ValueError):
                list(dialect.decode(broken, False))


def test_an_update_that_ends_before_it_begins_is_no_sense(dialect: Any) -> None:
    event = EVENTS["ethusdt@depth@100ms"] | {"U": 10, "u": 9}
    with pytest.raises(ValueError, match="ends before"):
        list(dialect.decode(frame("ethusdt@depth@100ms", event), False))


@pytest.mark.parametrize(
    "payload",
    [
        *[b"", b"{", b"null", b"[]", b"17", b'"text"', b"{}", b'{"stream":"x', b'{"stream":17,"data":{}}'],
        b'{"stream":"btcusdt@trade"}',
        b'{"stream":"btcusdt@trade","data":null}',
        b'{"stream":"btcusdt@trade","data":{"e":"trade"',
        b'{"stream":"\xff@trade","data":{}}',
        b'{"stream":"btcusdt@trade","data":{"x":' + b"[" * 200_000,
        b'{"x":' + b"[" * 200_000,
        b'{"stream":"btcusdt@trade","data":NaN}',
    ],
)
def test_nonsense_is_a_value_error(dialect: Any, payload: Any) -> None:
    with pytest.raises(ValueError):
        list(dialect.decode(payload, False))


def test_a_binary_message_is_no_sense(dialect: Any) -> None:
    payload = frame("ethusdt@trade", EVENTS["ethusdt@trade"])
    assert dialect.stream(payload, True) is None
    with pytest.raises(ValueError, match="binary"):
        list(dialect.decode(payload, True))


def test_a_message_that_names_two_streams_is_no_sense(dialect: Any) -> None:
    payload = frame("ethusdt@trade", EVENTS["ethusdt@trade"])[:-1] + b',"stream":"btcusdt@trade"}'
    with pytest.raises(ValueError, match="two streams"):
        list(dialect.decode(payload, False))


def test_a_message_with_its_keys_turned_round_is_decoded_the_long_way(dialect: Any) -> None:
    payload = orjson.dumps({"data": EVENTS["ethusdt@trade"], "stream": "ethusdt@trade"})
    assert dialect.stream(payload, False) is None
    (event,) = dialect.decode(payload, False)
    assert (event.stream, event.records) == ("ethusdt@trade", (RECORDS["ethusdt@trade"],))


@pytest.mark.parametrize("written", ["币安人生usdt@trade", "\\u5e01\\u5b89\\u4eba\\u751fusdt@trade"])
def test_a_symbol_of_another_script_is_found_however_it_is_written(dialect: Any, written: Any) -> None:
    event = EVENTS["ethusdt@trade"] | {"s": "币安人生USDT"}
    payload = frame("NAME", event).replace(b"NAME", written.encode())
    (event,) = dialect.decode(payload, False)
    assert event.stream == "币安人生usdt@trade"
    assert dialect.stream(payload, False) in {None, event.stream}


@pytest.mark.parametrize("stream", ["btcusdt@miniTicker", "!miniTicker@arr", "!bookTicker"])
def test_a_stream_that_only_passes_through_raw_is_not_read(dialect: Any, stream: Any) -> None:
    payload = frame(stream, [{"anything": 1}])
    assert dialect.stream(payload, False) == stream
    assert list(dialect.decode(payload, False)) == []


@pytest.mark.parametrize(
    "payload",
    [
        b'{"e":"serverShutdown","E":1771000000123}',
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1771000000123}}',
    ],
)
def test_a_server_that_will_shut_down_is_left_at_once(dialect: Any, payload: Any) -> None:
    assert dialect.stream(payload, False) is None
    assert list(dialect.decode(payload, False)) == [spi.Draining(None)]


def test_a_name_seen_before_needs_its_end_and_a_text_message_as_ever(dialect: Any) -> None:
    payload = frame("ethusdt@trade", EVENTS["ethusdt@trade"])
    assert dialect.stream(payload, False) == "ethusdt@trade"
    assert dialect.stream(payload[: payload.index(b'","data')] + b"x", False) is None
    assert dialect.stream(payload, True) is None
    assert dialect.stream(payload, False) == "ethusdt@trade"


def test_what_is_decoded_need_not_be_what_was_looked_at(dialect: Any) -> None:
    trade, quote = (frame(stream, EVENTS[stream]) for stream in ("ethusdt@trade", "ethusdt@bookTicker"))
    assert dialect.stream(trade, False) == "ethusdt@trade"
    assert [event.stream for event in dialect.decode(quote, False)] == ["ethusdt@bookTicker"]
    assert [event.stream for event in dialect.decode(trade, False)] == ["ethusdt@trade"]


def test_more_names_than_are_remembered_are_all_found(dialect: Any) -> None:
    for number in range(10_000):
        name = f"s{number}@trade"
        assert dialect.stream(b'{"stream":"%b","data":{}}' % name.encode(), False) == name
    assert len(dialect._known) < 5_000
