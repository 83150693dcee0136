"""What futures accounts are told becomes records: recorded lives of orders, and every kind of event."""

import json
from collections import Counter
from typing import Any

import plainly_private
import pytest
from captures import Kind, market_of, named
from lives import lives, recorded_of, said
from private import frames, listed, only

from gateway import spi
from gateway_binance.private.futures_events import FuturesEvents
from gateway_binance.private.listenkey import EVENTS, ListenKeyDialect
from gateway_binance.private.orders import Names

LISTED = listed(*((ours, theirs) for theirs, ours in plainly_private.SYMBOLS.items()))
ORDER = {
    "s": "BTCUSDT",
    "c": "mine",
    "S": "SELL",
    "o": "LIMIT",
    "f": "GTC",
    "q": "2",
    "p": "9910.5",
    "ap": "0",
    "x": "NEW",
    "X": "NEW",
    "i": 7,
    "l": "0",
    "z": "0",
    "L": "0",
    "n": "0",
    "N": "USDT",
    "T": 1_764_547_200_120,
    "t": 0,
    "er": "0",
}
FILL = {
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "l": "0.5",
    "z": "0.5",
    "L": "9911",
    "ap": "9911.0",
    "n": "0.1",
    "t": 9,
}
ALGO = {
    "caid": "mine",
    "aid": 2_000_000_547_400_625,
    "at": "CONDITIONAL",
    "o": "STOP",
    "s": "BTCUSDT",
    "S": "BUY",
    "ps": "BOTH",
    "f": "GTC",
    "q": "800",
    "X": "NEW",
    "ai": "",
    "p": "0.00665",
    "tp": "0.00662",
}


def dialect() -> ListenKeyDialect:
    return ListenKeyDialect(spi.Session(details={"key": "k"}), FuturesEvents(Names(LISTED)), "messages")


UNRECORDED = spi.Data("user", ())


def read(event: Any) -> Any:
    return dialect().decode(json.dumps(event).encode(), False)


def order(**parts: Any) -> Any:
    """Return the record of an order's update."""
    return only(read({"e": "ORDER_TRADE_UPDATE", "E": 1_764_547_200_123, "T": 1, "o": {**ORDER, **parts}}))


def algo(**parts: Any) -> Any:
    """Return the record of a conditional order's update."""
    return only(read({"e": "ALGO_UPDATE", "E": 1_764_547_200_123, "T": 1_000, "o": {**ALGO, **parts}}))


# --- recorded


LIVES = {
    "WebSocketFutureLimitSubmittedCancelled.json": [(4904480369, "new"), (4904480369, "canceled")],
    "WebSocketFutureMarketSubmittedFilled.json": [(4903991227, "new"), (4903991227, "filled")],
    "WebSocketFutureStopLimitSubmittedFilled.json": [
        (2000000547400625, "pending"),
        (2000000547400625, "pending"),
        (4904025190, "new"),
        (2000000547400625, "new"),
        (2000000547383538, "pending"),
        (2000000547383538, "rejected"),
        (4904025190, "filled"),
        (2000000547400625, "filled"),
    ],
    "WebSocketFutureStopMarketSubmittedCanceled.json": [
        (2000000548906329, "pending"),
        (2000000548906329, "canceled"),
    ],
}


@pytest.mark.parametrize("name", [*recorded_of("binance-usdm"), *recorded_of("binance-coinm")])
def test_the_recorded_lives_of_orders_are_told_as_they_went(name: str, capture: Any) -> None:
    found = dict(lives(capture(name), lambda payload: dialect().decode(payload, False)))
    assert found
    if name == "binance-usdm/lean-userdata-orders.dev.jsonl":
        told = {life: [(order.order_id, order.status) for order in orders] for life, orders in found.items()}
        assert told == LIVES


STATUSES = {
    "binance-usdm/nautilus-fixtures.dev.jsonl": {"canceled": 1, "filled": 3, "new": 1, "partially_filled": 1},
    "binance-usdm/nautilus-ws-resources.dev.jsonl": {"new": 3, "filled": 4},
    "binance-usdm/jkorf-subscriptions.dev.jsonl": {"canceled": 1, "new": 1},
}


@pytest.mark.parametrize("name", [name for name in named(Kind.FRAMES, *STATUSES) if market_of(name) != "binance"])
def test_what_peers_kept_is_read_as_it_says(name: str, capture: Any, capsys: Any) -> None:
    """Whether an event comes by itself, or wrapped with the name of its stream."""
    found: Counter[str] = Counter()
    for _, payload in frames(capture(name)):
        message = json.loads(payload)
        event = plainly_private.event_of(message) if isinstance(message, dict) else None
        if not isinstance(event, dict) or event.get("e") not in plainly_private.KINDS:
            continue
        [data] = dialect().decode(payload, False)
        assert isinstance(data, spi.Data)
        assert [(type(record).__name__, said(record)) for record in data.records] == plainly_private.read(payload)
        found.update(record.status for record in data.records if type(record) is spi.Order)
    with capsys.disabled():
        print(f"\n{name}: {dict(found)}")  # noqa: T201  # whoever runs it sees what was read
    assert found >= Counter(STATUSES.get(name, {}))


def test_an_account_once_said_less_of_a_change_and_its_positions() -> None:
    row = {"s": "BTCUSDT", "pa": "1", "ep": "9000", "up": "-1"}
    event = {"e": "ACCOUNT_UPDATE", "E": 1_001, "a": {"B": [{"a": "USDT", "wb": "5", "cw": "5"}], "P": [row]}}
    (data,) = read(event)
    balance, position = data.records
    assert balance == spi.Balance("USDT", 1_001_000, total="5")
    assert position == spi.Position("btc_usdt", "1", 1_001_000, entry_price="9000", unrealised_pnl="-1")


# --- orders


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("NEW", "new"),
        ("PARTIALLY_FILLED", "partially_filled"),
        ("FILLED", "filled"),
        ("CANCELED", "canceled"),
        ("REJECTED", "rejected"),
        ("EXPIRED", "expired"),
        ("EXPIRED_IN_MATCH", "expired"),
    ],
)
def test_every_status_is_one_of_ours(written: str, status: str) -> None:
    record = order(X=written)
    assert (record.status, record.reason) == (status, None)


@pytest.mark.parametrize("written", ["NEW_INSURANCE", "NEW_ADL"])
@pytest.mark.parametrize(("filled", "status"), [("0", "new"), ("0.5", "partially_filled"), ("2", "filled")])
def test_an_order_that_closes_a_position_by_force_says_so_and_how_far_it_is(
    written: str, filled: str, status: str
) -> None:
    record = order(X=written, x="CALCULATED", z=filled, l=filled)
    assert (record.status, record.reason) == (status, written)


@pytest.mark.parametrize("written", ["PENDING_CANCEL", "new", "", "FINISHED"])
def test_a_status_that_no_document_names_makes_no_record(written: str) -> None:
    with pytest.raises(ValueError, match="status"):
        order(X=written)


def test_a_fill_says_what_was_filled() -> None:
    record = order(**FILL)
    assert (record.last_price, record.last_size, record.trade_id) == ("9911", "0.5", 9)
    assert (record.fee, record.fee_asset, record.average_price) == ("0.1", "USDT", "9911.0")
    assert (record.symbol, record.side, record.filled) == ("btc_usdt", "sell", "0.5")


def test_a_fill_without_a_fee_says_nothing_of_one() -> None:
    record = order(**{**FILL, "n": None, "N": None})
    assert (record.last_size, record.fee, record.fee_asset) == ("0.5", None, None)
    assert order(**{**FILL, "n": "-0.2"}).fee == "-0.2", "a rebate"


@pytest.mark.parametrize("parts", [{"x": "CANCELED", "X": "CANCELED"}, {"l": "0.000"}, {"x": "AMENDMENT"}])
def test_what_is_no_fill_says_nothing_of_one(parts: Any) -> None:
    record = order(**{**FILL, **parts})
    assert (record.last_price, record.last_size, record.trade_id, record.fee) == (None, None, None, None)


@pytest.mark.parametrize("written", ["1", "13"])
def test_the_reason_of_an_expiry_is_kept(written: str) -> None:
    assert order(X="EXPIRED", x="EXPIRED", er=written).reason == written


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("q", odd) for odd in ("", "-1", "1e5", "NaN", 1.0, None)),
        ("p", "0x1"),
        ("ap", "-3"),
        ("L", " 1"),
        ("n", "free"),
        ("i", "7"),
        ("t", -1),
        ("S", "HOLD"),
        ("T", 1.5),
        ("s", None),
    ],
)
def test_whatever_does_not_fit_makes_no_record(field: str, value: Any) -> None:
    with pytest.raises(ValueError):
        order(**{**FILL, field: value})


# --- orders that wait for a trigger


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({}, "pending"),
        ({"X": "TRIGGERING"}, "pending"),
        ({"X": "TRIGGERED", "aq": "0", "ap": "0"}, "new"),
        ({"X": "FINISHED", "aq": "800", "ap": "0.0066"}, "filled"),
        ({"X": "FINISHED", "aq": "800.0", "ap": "0.0066"}, "filled"),
        ({"X": "FINISHED", "aq": "300", "ap": "0.0066"}, "canceled"),
        ({"X": "FINISHED", "q": "0", "aq": "300", "ap": "0.0066"}, "filled"),  # it closes a position whole
        ({"X": "FINISHED", "q": "0", "aq": "0", "ap": "0"}, "canceled"),
        ({"X": "CANCELED"}, "canceled"),
        ({"X": "EXPIRED"}, "expired"),
        ({"X": "REJECTED", "rm": "margin not enough"}, "rejected"),
    ],
)
def test_a_conditional_order_is_no_order_before_it_is_triggered(parts: Any, status: str) -> None:
    record = algo(**parts)
    assert (record.order_id, record.status, record.ts) == (ALGO["aid"], status, 1_000_000)
    assert record.reason == parts.get("rm")
    assert record.filled == parts.get("aq")
    assert record.average_price == (parts["ap"] if parts.get("ap", "0") != "0" else None)


@pytest.mark.parametrize(
    "parts", [{"X": "WORKING"}, {"q": "-1"}, {"p": "x"}, {"aq": "1e3"}, {"ap": "?"}, {"aid": "1"}]
)
def test_a_conditional_order_that_makes_no_sense_makes_no_record(parts: Any) -> None:
    with pytest.raises(ValueError):
        algo(**parts)


# --- balances and positions


def account(**body: Any) -> Any:
    return read({"e": "ACCOUNT_UPDATE", "E": 1_001, "T": 1_000, "a": {"m": "ORDER", **body}})


HELD = {"s": "BTCUSDT", "pa": "-10", "ep": "6563.8", "bep": "6563", "cr": "-45.04", "up": "-1423.1"}
HELD |= {"mt": "isolated", "iw": "6570.4", "ps": "SHORT"}


def test_what_an_account_holds_is_told_with_the_reason_of_the_change() -> None:
    wallet = {"a": "USDT", "wb": "122624.1", "cw": "100.1", "bc": "-50.1"}
    [data] = account(m="FUNDING_FEE", B=[wallet], P=[HELD])
    assert list(data.records) == [
        spi.Balance("USDT", 1_000_000, total="122624.1", change="-50.1", reason="FUNDING_FEE"),
        spi.Position(
            symbol="btc_usdt",
            size="-10",
            ts=1_000_000,
            side="short",
            entry_price="6563.8",
            unrealised_pnl="-1423.1",
            margin_mode="isolated",
        ),
    ]
    assert (data.stream, data.ts) == ("user", 1_001_000)


def test_a_change_of_the_balance_alone_tells_no_position() -> None:
    [data] = account(m="DEPOSIT", B=[{"a": "USDT", "wb": "-1", "cw": "0", "bc": "7"}])
    assert [type(record) for record in data.records] == [spi.Balance]


def test_a_wallet_whose_change_is_not_told_says_nothing_of_one() -> None:
    """As unicorn-fy recorded it in April 2021."""
    data: Any
    [data] = account(B=[{"a": "USDT", "wb": "1790.86605837", "cw": "1790.86605837"}], P=[HELD])
    assert data.records[0] == spi.Balance("USDT", 1_000_000, total="1790.86605837", reason="ORDER")
    assert len(data.records) == 2


@pytest.mark.parametrize("parts", [{"pa": "1e1"}, {"ep": ""}, {"up": "+1"}, {"ps": None}, {"s": 1}])
def test_a_position_that_makes_no_sense_makes_no_record(parts: Any) -> None:
    with pytest.raises(ValueError):
        account(P=[{**HELD, **parts}])


@pytest.mark.parametrize("parts", [{"wb": "x"}, {"bc": ""}, {"bc": None}, {"a": None}])
def test_a_balance_that_makes_no_sense_makes_no_record(parts: Any) -> None:
    with pytest.raises(ValueError):
        account(B=[{"a": "USDT", "wb": "1", "cw": "1", "bc": "0", **parts}])


# --- what no record can hold


def test_a_margin_call_is_told_to_the_operator() -> None:
    rows = [{"s": "BTCUSDT", "ps": "LONG", "pa": "1.3"}, {"s": "XYZUSDT", "ps": "BOTH", "pa": "2"}]
    [problem, event] = read({"e": "MARGIN_CALL", "E": 1, "cw": "3.1", "p": rows})
    assert event == UNRECORDED
    assert problem.text == "margin call: btc_usdt long, XYZUSDT both"
    assert (problem.verdict.action, problem.verdict.scope) == (spi.Action.RETRY, spi.Scope.REQUEST)


def test_a_long_margin_call_is_cut() -> None:
    rows = [{"s": f"A{number}USDT", "ps": "LONG"} for number in range(100)]
    [problem, event] = read({"e": "MARGIN_CALL", "E": 1, "cw": "3.1", "p": rows})
    assert event == UNRECORDED
    assert len(problem.text) == 200


def test_an_order_that_was_rejected_as_it_triggered_is_told_to_the_operator() -> None:
    [problem, event] = read(
        {
            "e": "CONDITIONAL_ORDER_TRIGGER_REJECT",
            "E": 1,
            "T": 1,
            "or": {"s": "BTCUSDT", "i": 5, "r": "reduce only"},
        }
    )
    assert event == UNRECORDED
    assert problem.text == "order 5 of btc_usdt was rejected as it triggered: reduce only"


READ = {"ORDER_TRADE_UPDATE", "ALGO_UPDATE", "ACCOUNT_UPDATE", "MARGIN_CALL", "CONDITIONAL_ORDER_TRIGGER_REJECT"}


@pytest.mark.parametrize("kind", [*sorted({*EVENTS} - READ - {"listenKeyExpired"}), "somethingNew", ""])
def test_what_there_is_no_record_for_can_be_had_raw(kind: str) -> None:
    assert read({"e": kind, "E": 1}) == (UNRECORDED,)


@pytest.mark.parametrize("kind", sorted(READ))
def test_an_event_without_its_body_makes_no_record(kind: str) -> None:
    with pytest.raises(ValueError):
        read({"e": kind, "E": 1, "T": 1})
