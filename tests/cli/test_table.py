"""What the live table knows of each topic."""

import pytest

from gateway.cli.table import STATUSES, Row, Table

TRADES = "mock:trades:BTC-USDT"
BOOK = "mock:book:BTC-USDT"


def update(price="10", topic=TRADES, **more):
    data = [{"id": 1, "price": price, "size": "1", "side": "buy", "ts": 5}]
    return {"topic": topic, "type": "update", "epoch": "e", "offset": 1, "data": data, **more}


def status(word, topic=TRADES, **more):
    return {"topic": topic, "type": "status", "status": word, **more}


@pytest.fixture
def row():
    return Row(TRADES)


def test_only_the_newest_message_is_shown_and_all_are_counted(row):
    row.take(update("10", ts=100, recv=300))
    row.take(update("11", ts=200, recv=350))
    assert row.values() == "10 x 1 buy".replace("10", "11")
    assert row.messages == 2
    assert row.ages(1000) == (800, 650)


def test_what_has_no_time_of_the_exchange_has_no_age(row):
    assert row.ages(1000) == (None, None)
    row.take(update(recv=300))
    assert row.ages(1000) == (None, 700)


def test_gaps_and_jumps_are_counted_and_so_is_what_we_were_not_sent(row):
    row.take(status("live"))
    row.take(status("gap", reason="sequence_gap"))
    row.take({"topic": TRADES, "type": "jump", "expected": 3, "offset": 5})
    row.take({"topic": TRADES, "type": "lag", "from": 4, "to": 6})
    assert (row.gaps, row.lagged, row.status) == (2, 3, "live")


def test_a_status_lasts_until_the_next_and_what_is_told_is_none(row):
    row.take(status("stale", reason="data_stalled"))
    for told in ("gap", "synced", "restored"):
        row.take(status(told, reason="x"))
    assert (row.status, row.reason) == ("stale", "data_stalled")
    row.take(status("live"))
    assert (row.status, row.reason) == ("live", "")


def test_a_rate_is_measured_over_a_second_at_least(row):
    row.measure(10.0)
    for _ in range(30):
        row.take(update())
    row.measure(10.5)
    assert row.rate == 0
    row.measure(12.0)
    assert row.rate == 15
    row.measure(13.0)
    assert row.rate == 0


@pytest.mark.parametrize("word", ["resyncing", "disconnected", "closed"])
def test_a_book_that_is_not_to_be_trusted_is_not_shown(word):
    row = Row(BOOK)
    row.take({"topic": BOOK, "type": "snapshot", "data": [{"bids": [["9", "1"]], "asks": [["10", "2"]]}]})
    assert row.values() == "9 x 1 | 10 x 2"
    row.take(status("stale", BOOK))
    assert row.values() == "9 x 1 | 10 x 2"
    row.take(status(word, BOOK))
    assert row.values() == ""


def test_answers_make_rows_in_their_order_and_a_refusal_says_why():
    table = Table()
    table.answered({"topic": TRADES, "success": True, "status": "pending", "reason": "not_ready"})
    error = {"code": "unknown_symbol", "message": "mock has no symbol NOPE", "temporary": False}
    table.answered({"topic": "mock:trades:NOPE", "success": False, "error": error})
    assert [(row.topic, row.status, row.reason) for row in table.rows.values()] == [
        (TRADES, "pending", "not_ready"),
        ("mock:trades:NOPE", "refused", "mock has no symbol NOPE"),
    ]


def test_of_what_was_said_the_last_few_are_kept_and_data_is_not_among_them():
    table = Table()
    for number in range(STATUSES + 3):
        table.take(status("gap", reason=f"r{number}"))
        table.take(update())
    assert [message["reason"] for message, _ in table.said()] == [
        f"r{number}" for number in range(3, STATUSES + 3)
    ]
    assert table.said()[-1][1].endswith(f"-- gap reason=r{STATUSES + 2}")
