"""What spot and margin accounts are told becomes records: recorded lives of orders, and every kind of event."""

import json
from typing import Any

import plainly_private
import pytest
from captures import Kind, market_of, named
from lives import event_of, lives, recorded_of, said
from private import frames, listed, only

from gateway import spi
from gateway_binance.private.orders import Names
from gateway_binance.private.spot_events import SpotEvents
from gateway_binance.private.userdata import UserDialect

LISTED = listed(*((ours, theirs) for theirs, ours in plainly_private.SYMBOLS.items()))
REPORT = {
    "e": "executionReport",
    "E": 1_764_547_200_123,
    "s": "ETHUSDT",
    "c": "mine",
    "S": "SELL",
    "o": "LIMIT",
    "f": "GTC",
    "q": "1.00000000",
    "p": "2500.10000000",
    "C": "",
    "x": "NEW",
    "X": "NEW",
    "r": "NONE",
    "i": 7,
    "l": "0.00000000",
    "z": "0.00000000",
    "L": "0.00000000",
    "n": "0",
    "N": None,
    "T": 1_764_547_200_120,
    "t": -1,
}
FILL = {
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "l": "0.4",
    "z": "0.4",
    "L": "2500.2",
    "n": "0.9",
    "N": "BNB",
    "t": 9,
}


def dialect() -> UserDialect:
    return UserDialect(spi.Session(details={"subscription": 0}), SpotEvents(Names(LISTED)), "weight")


def read(event: Any) -> Any:
    return dialect().decode(json.dumps({"subscriptionId": 0, "event": event}).encode(), False)


def report(**parts: Any) -> Any:
    """Return the record of an order's report."""
    return only(read({**REPORT, **parts}))


# --- recorded


LIVES = {
    "WebSocketGlobalSpotLimitSubmittedFilled.json": ["new", "filled"],
    "WebSocketGlobalSpotMarketSubmittedFilled.json": ["new", "filled"],
    "WebSocketSpotLimitFillOrKillSubmittedExpired.json": ["new", "expired"],
}


@pytest.mark.parametrize("name", recorded_of("binance"))
def test_the_recorded_lives_of_orders_are_told_as_they_went(name: str, capture: Any) -> None:
    found = dict(lives(capture(name), lambda payload: read(event_of(payload))))
    assert found
    for orders in found.values():
        assert len({order.order_id for order in orders}) <= 1
    if name == "binance-spot/lean-userdata-orders.dev.jsonl":
        assert {life: [order.status for order in orders] for life, orders in found.items()} == LIVES


def test_a_recorded_fill_says_at_what_price_and_for_what_fee(capture: Any) -> None:
    recorded = dict(frames(capture("lean-userdata-orders.dev.jsonl")))
    record = only(dialect().decode(recorded["WebSocketGlobalSpotLimitSubmittedFilled.json"], False))
    assert said(record) == {
        "order_id": 1281722417,
        "symbol": "ACHUSDT",
        "side": "buy",
        "status": "filled",
        "ts": 1772459340067000,
        "client_order_id": "bM9WrFJeamQQhcCgpLuakC",
        "type": "LIMIT",
        "time_in_force": "GTC",
        "price": "0.00658000",
        "size": "800.00000000",
        "filled": "800.00000000",
        "last_price": "0.00656000",
        "last_size": "800.00000000",
        "fee": "0.00000632",
        "fee_asset": "BNB",
        "trade_id": 65044226,
    }


COUNTS = {
    "binance-spot/docs-examples.dev.jsonl": 2,
    "binance-spot/gct-wsHandleData.dev.jsonl": 2,
    "binance-spot/jkorf-subscriptions.dev.jsonl": 1,
    "binance-spot/lean-userdata-orders.dev.jsonl": 6,
    "binance-spot/nautilus-fixtures.dev.jsonl": 5,
    "binance-spot/nautilus-ws-resources.dev.jsonl": 9,
}
EXAMPLES = [name for name in named(Kind.FRAMES, *COUNTS) if market_of(name) == "binance"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_peers_kept_is_read_as_it_says(name: str, capture: Any, capsys: Any) -> None:
    """Old frames were wrapped otherwise: what is within is what counts."""
    found = 0
    for _, payload in frames(capture(name)):
        message = json.loads(payload)
        event: Any = message.get("event", message.get("data", message)) if isinstance(message, dict) else None
        kind = event.get("e") if isinstance(event, dict) else None
        if kind in plainly_private.KINDS:
            [data] = read(event)
            told = [(type(record).__name__, said(record)) for record in data.records]
            assert told == plainly_private.read(payload)
            found += 1
        elif kind in {"listStatus", "USER_LIABILITY_CHANGE"}:
            assert read(event) == (spi.Data("user", ()),)
    with capsys.disabled():
        print(f"\n{name}: {found} events of accounts")  # noqa: T201  # whoever runs it sees what was read
    assert found >= COUNTS.get(name, 0)


# --- orders


@pytest.mark.parametrize(("written", "status"), plainly_private.STATUSES.items())
def test_every_status_is_one_of_ours(written: str, status: str) -> None:
    assert report(X=written).status == status


@pytest.mark.parametrize("written", ["PENDING_CANCEL", "new", "", "FILLED "])
def test_a_status_that_no_document_names_makes_no_record(written: str) -> None:
    with pytest.raises(ValueError, match="status"):
        report(X=written)


def test_symbols_are_spelled_as_the_gateway_does_where_they_are_listed() -> None:
    assert (report().symbol, report(s="NEWUSDT").symbol) == ("eth_usdt", "NEWUSDT")


def test_a_fill_says_what_was_filled() -> None:
    record = report(**FILL)
    assert (record.last_price, record.last_size, record.trade_id) == ("2500.2", "0.4", 9)
    assert (record.fee, record.fee_asset, record.filled, record.status) == (
        "0.9",
        "BNB",
        "0.4",
        "partially_filled",
    )


@pytest.mark.parametrize(
    "parts",
    [{"x": "CANCELED", "X": "CANCELED"}, {"l": "0.00000000"}, {"x": "REPLACED"}, {"x": "TRADE_PREVENTION"}],
)
def test_what_is_no_fill_says_nothing_of_one(parts: Any) -> None:
    record = report(**{**FILL, **parts})
    assert (record.last_price, record.last_size, record.trade_id, record.fee) == (None, None, None, None)


def test_a_fee_that_is_a_rebate_is_below_zero() -> None:
    assert report(**{**FILL, "n": "-0.01"}).fee == "-0.01"


def test_a_cancelled_order_keeps_its_own_client_id() -> None:
    """``c`` is that of the request which cancelled it."""
    assert report(c="canceller", C="mine", x="CANCELED", X="CANCELED").client_order_id == "mine"


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, None),
        ({"r": "INSUFFICIENT_BALANCES", "X": "REJECTED"}, "INSUFFICIENT_BALANCES"),
        ({"eR": "STP", "X": "EXPIRED"}, "STP"),
        ({"r": "NONE", "eR": "NONE"}, None),
    ],
)
def test_the_reason_is_the_one_that_is_one(parts: Any, reason: str | None) -> None:
    assert report(**parts).reason == reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("q", odd) for odd in ("", "-1", "1e5", "NaN", "1,0", 1.0, None)),
        ("p", "0x1"),
        ("L", " 1"),
        ("n", "free"),
        ("i", "7"),
        ("i", -1),
        ("t", -2),
        ("S", "HOLD"),
        ("T", 1.5),
        ("T", -1),
        ("s", None),
        ("c", 1),
    ],
)
def test_whatever_does_not_fit_makes_no_record(field: str, value: Any) -> None:
    with pytest.raises(ValueError):
        read({**REPORT, **FILL, field: value})


@pytest.mark.parametrize("field", [name for name in REPORT if name not in {"e", "C"}])
def test_a_report_without_what_it_must_say_makes_no_record(field: str) -> None:
    with pytest.raises(ValueError):
        read({name: value for name, value in REPORT.items() if name != field})


# --- balances


def test_every_asset_that_changed_is_told_as_of_the_change() -> None:
    rows = [{"a": "ETH", "f": "1.5", "l": "0.5"}, {"a": "USDT", "f": "0.0", "l": "0"}]
    [data] = read({"e": "outboundAccountPosition", "E": 1_001, "u": 1_000, "B": rows})
    assert data.records == [
        spi.Balance("ETH", 1_000_000, free="1.5", locked="0.5"),
        spi.Balance("USDT", 1_000_000, free="0.0", locked="0"),
    ]
    assert (data.stream, data.ts) == ("user", 1_001_000)


def test_a_deposit_and_a_withdrawal_are_changes() -> None:
    event = {"e": "balanceUpdate", "E": 1_001, "a": "BTC", "d": "-100.00000000", "T": 1_000}
    assert only(read(event)) == spi.Balance("BTC", 1_000_000, change="-100.00000000")


def test_a_lock_is_told_apart_by_its_name() -> None:
    event = {"e": "externalLockUpdate", "E": 1_001, "a": "NEO", "d": "10.0", "T": 1_000}
    assert only(read(event)) == spi.Balance("NEO", 1_000_000, change="10.0", reason="externalLockUpdate")


@pytest.mark.parametrize(
    "row", [{"a": "ETH", "f": "-1", "l": "0"}, {"a": "ETH", "f": "1"}, {"a": 1, "f": "1", "l": "0"}]
)
def test_a_balance_that_makes_no_sense_takes_the_others_with_it(row: Any) -> None:
    with pytest.raises(ValueError):
        read({"e": "outboundAccountPosition", "E": 1, "u": 1, "B": [{"a": "BTC", "f": "1", "l": "0"}, row]})


# --- what has no record


@pytest.mark.parametrize(
    "kind", ["listStatus", "USER_LIABILITY_CHANGE", "MARGIN_LEVEL_STATUS_CHANGE", "somethingNew", ""]
)
def test_what_there_is_no_record_for_can_be_had_raw(kind: str) -> None:
    assert read({"e": kind, "E": 1}) == (spi.Data("user", ()),)


# --- microseconds


def test_times_are_microseconds_whatever_their_unit() -> None:
    at = {"E": 1_764_547_200_123_456, "T": 1_764_547_200_120_001}
    [data] = read({**REPORT, **at})
    assert (data.ts, data.records[0].ts) == (at["E"], at["T"])
    assert report().ts == 1_764_547_200_120_000
