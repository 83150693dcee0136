"""The bytes that clients get, exactly; and that they can read them whatever an exchange sent."""

import base64
import json
from typing import Any

import orjson
import pytest
from hearing import payload, read
from hypothesis import example, given
from hypothesis.strategies import (
    binary,
    booleans,
    dictionaries,
    floats,
    integers,
    lists,
    none,
    one_of,
    recursive,
    sampled_from,
    text,
)

from gateway.engine.frames import text_frame
from gateway.engine.messages import Kind, Notice, Spelling, TopicEvent, TopicStatus, raw_json, records_json
from gateway.errors import Reason
from gateway.model.account import Balance, Order, Position
from gateway.model.market import Book, Candle, Liquidation, Mark, Quote, Ticker, Trade
from gateway.model.subscriptions import Subscription

BTC = Subscription("binance", "trades", "BTC-USDT")
SPELLING = Spelling("binance:trades:BTC-USDT", "k3f9")


# --- data


def test_an_update_says_all_that_the_protocol_asks_for() -> None:
    trade = Trade(12, "65000.10", "0.00100000", "buy", 1_764_000_000_000_001)
    frame = SPELLING.frame("update", 1043, 1_764_000_000_000_002, 1_764_000_000_000_400, records_json([trade]))
    assert payload(frame) == (
        b'{"topic":"binance:trades:BTC-USDT","type":"update","epoch":"k3f9","offset":1043,'
        b'"ts":1764000000000002,"recv":1764000000000400,'
        b'"data":[{"id":12,"price":"65000.10","size":"0.00100000","side":"buy","ts":1764000000000001}]}'
    )


def test_a_time_the_exchange_does_not_give_is_absent() -> None:
    assert payload(SPELLING.frame("snapshot", 7, None, 9, b"[]")) == (
        b'{"topic":"binance:trades:BTC-USDT","type":"snapshot","epoch":"k3f9","offset":7,"recv":9,"data":[]}'
    )


def test_a_conflated_message_says_what_it_stands_for() -> None:
    assert payload(SPELLING.frame("update", 1050, 5, 6, b"[]", 1043)) == (
        b'{"topic":"binance:trades:BTC-USDT","type":"update","epoch":"k3f9","first":1043,"offset":1050,'
        b'"ts":5,"recv":6,"data":[]}'
    )
    assert payload(SPELLING.frame("snapshot", 2, None, 6, b"[]", 1)) == (
        b'{"topic":"binance:trades:BTC-USDT","type":"snapshot","epoch":"k3f9","first":1,"offset":2,"recv":6,"data":[]}'
    )


@given(
    topic=text(),
    epoch=text(),
    kind=sampled_from(["update", "snapshot"]),
    offset=integers(0, 2**63),
    ts=one_of(none(), integers(-(2**62), 2**62)),
    first=one_of(none(), integers(0, 2**63)),
)
def test_whatever_a_topic_is_called_its_messages_can_be_read(
    topic: str, epoch: str, kind: Kind, offset: int, ts: int | None, first: int | None
) -> None:
    """A raw topic bears the exchange's own name: quotes and percent signs in it break nothing."""
    expected: dict[str, Any] = {"topic": topic, "type": kind, "epoch": epoch}
    if first is not None:
        expected["first"] = first
    expected["offset"] = offset
    if ts is not None:
        expected["ts"] = ts
    message = read(Spelling(topic, epoch).frame(kind, offset, ts, 3, b'["%d"]', first))
    assert message == {**expected, "recv": 3, "data": ["%d"]}
    assert list(message) == [*expected, "recv", "data"]


@pytest.mark.parametrize(
    ("record", "spelled"),
    [
        (Trade("a1", "1", "2", "sell", 3), '{"id":"a1","price":"1","size":"2","side":"sell","ts":3}'),
        (
            Trade(1, "1", "2", "buy", 3, 4, 5),
            '{"id":1,"price":"1","size":"2","side":"buy","ts":3,"first_id":4,"last_id":5}',
        ),
        (Quote("1", "2", "3", "4"), '{"bid":"1","bid_size":"2","ask":"3","ask_size":"4"}'),
        (Quote("1", "2", "3", "4", 5, 6), '{"bid":"1","bid_size":"2","ask":"3","ask_size":"4","seq":5,"ts":6}'),
        (Book([("1.0", "0")], [], 7, 8), '{"bids":[["1.0","0"]],"asks":[],"seq":7,"ts":8}'),
        (Book([], []), '{"bids":[],"asks":[]}'),
        (Ticker("1", 2), '{"last":"1","ts":2}'),
        (Ticker("1", 2, change="-0.5"), '{"last":"1","ts":2,"change":"-0.5"}'),
        (
            Candle(1, 2, "3", "4", "5", "6", False, "7"),
            '{"start":1,"end":2,"open":"3","high":"4","low":"5","close":"6","closed":false,"volume":"7"}',
        ),
        (Mark("1", 2, next_funding=3), '{"mark":"1","ts":2,"next_funding":3}'),
        (Liquidation("buy", "1", "2", 3), '{"side":"buy","price":"1","size":"2","ts":3}'),
        (
            Order("o", "BTC-USDT", "buy", "new", 1, price="2"),
            '{"order_id":"o","symbol":"BTC-USDT","side":"buy","status":"new","ts":1,"price":"2"}',
        ),
        (Balance("BTC", 1, free="0"), '{"asset":"BTC","ts":1,"free":"0"}'),
        (Position("BTC-USDT-PERP", "-1", 2), '{"symbol":"BTC-USDT-PERP","size":"-1","ts":2}'),
    ],
)
def test_a_record_is_spelled_with_what_the_exchange_gave_and_nothing_invented(record: Any, spelled: str) -> None:
    assert records_json([record]) == b"[" + spelled.encode() + b"]"
    assert records_json([record, record]) == b"[" + spelled.encode() + b"," + spelled.encode() + b"]"


# --- statuses


@pytest.mark.parametrize("status", TopicStatus)
def test_what_a_topic_is_is_told_with_a_reason(status: TopicStatus) -> None:
    assert payload(Notice(BTC, status, Reason.HEARTBEAT_MISSED, 5).frame()) == (
        b'{"topic":"binance:trades:BTC-USDT","type":"status","status":"%b","reason":"heartbeat_missed","ts":5}'
        % status.encode()
    )


def test_the_statuses_are_those_of_the_protocol() -> None:
    assert {*TopicStatus} == {"pending", "live", "stale", "resyncing", "disconnected", "closed"}
    assert {*TopicEvent} == {"gap", "synced", "restored"}


def test_a_gap_tells_its_bounds_where_they_are_known() -> None:
    told = Notice(BTC, TopicEvent.GAP, "sequence_gap", 5, 1051, 1099, recoverable=False)
    assert payload(told.frame()) == (
        b'{"topic":"binance:trades:BTC-USDT","type":"status","status":"gap","reason":"sequence_gap","ts":5,'
        b'"from":1051,"to":1099,"recoverable":false}'
    )
    told = Notice(BTC, TopicEvent.GAP, "reset", 5, 1051, 1099, recoverable=True, after_us=3, before_us=4)
    assert payload(told.frame()).endswith(b'"from":1051,"to":1099,"from_ts":3,"to_ts":4,"recoverable":true}')
    assert payload(Notice(BTC, TopicEvent.SYNCED, "", 5).frame()) == (
        b'{"topic":"binance:trades:BTC-USDT","type":"status","status":"synced","reason":"","ts":5}'
    )


@given(text(), text())
def test_an_exchanges_own_words_in_a_reason_break_nothing(reason: str, symbol: str) -> None:
    notice = Notice(Subscription("x", "raw", symbol), TopicStatus.CLOSED, reason, 1)
    message = read(notice.frame())
    assert (message["reason"], message["topic"]) == (reason, f"x:raw:{symbol}")


# --- raw


@pytest.mark.parametrize(
    "sent",
    [
        b"{}",
        b'{"e":"trade","p":"0.10","q":1.50000,"x":1e400,"y":-0.0}',
        b" [1, 2 ,\n3 ]\t",
        b"0",
        b'"text"',
        b"null",
        b"123456789012345678901234567890.10",
        '{"ключ":"€😀"}'.encode(),
        rb'{"escaped":"\u0000\ud83d\ude00\"\\"}',
        b'{"a":1,"a":2}',
    ],
)
def test_json_is_spliced_in_byte_for_byte(sent: bytes) -> None:
    assert raw_json(sent, binary=False) == sent


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"{}}",
        b"{},",
        b'{"a":1}{"b":2}',
        b'}],"injected":[{',
        b"NaN",
        b"[Infinity]",
        b"nul",
        b"'a'",
        b"{'a':1}",
        b"[1,]",
        b'{"a":1,}',
        b"01",
        b"1.",
        b".5",
        b"+1",
        b"--1",
        b"1e",
        b'"\x01"',
        b'"a\nb"',
        b'"\\x"',
        b'"\\u12"',
        b'"open',
        b"\xef\xbb\xbf{}",
        b"pong",
        b'42["x"]',
        b"// comment",
        b'{"a":\xff}',
        b'"\xff\xfe"',
        b'"\xed\xa0\x80"',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_other_text_becomes_a_string(sent: bytes) -> None:
    assert json.loads(raw_json(sent, binary=False)) == sent.decode("utf-8", "replace")


JSON = recursive(
    none() | booleans() | integers() | floats() | text(),
    lambda inner: lists(inner, max_size=4) | dictionaries(text(), inner, max_size=4),
    max_leaves=12,
)


def checked(sent: bytes, *, binary: bool) -> Any:
    """Return what a client finds, after every parser that one is likely to use has agreed."""
    data = raw_json(sent, binary=binary)
    frame = SPELLING.frame("update", 1, None, 2, data)
    message = read(frame)
    assert {**message, "data": None} == {
        "topic": "binance:trades:BTC-USDT",
        "type": "update",
        "epoch": "k3f9",
        "offset": 1,
        "recv": 2,
        "data": None,
    }
    return message["data"]


@given(binary(max_size=80))
@example(b'{"a":"\xc3"}')
@example(b"\x00")
def test_no_bytes_of_an_exchange_break_a_clients_message(sent: bytes) -> None:
    found = checked(sent, binary=False)
    try:
        expected = json.loads(sent.decode(), parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        expected = sent.decode("utf-8", "replace")
    assert found == expected


@given(JSON, integers(0, 200), binary(max_size=3))
def test_broken_json_breaks_nothing_either(value: Any, at: int, junk: bytes) -> None:
    whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    for sent in (whole, whole[:at], whole[:at] + junk + whole[at:], whole + junk):
        checked(sent, binary=False)


@given(binary(max_size=100))
def test_binary_frames_come_as_base_64(sent: bytes) -> None:
    found = checked(sent, binary=True)
    assert list(found) == ["base64"]
    assert base64.b64decode(found["base64"], validate=True) == sent


def test_deep_but_honest_json_is_passed_on() -> None:
    sent = b"[" * 200 + b"]" * 200
    assert raw_json(sent, binary=False) == sent
    assert orjson.loads(payload(text_frame(sent)))
