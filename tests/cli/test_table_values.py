"""What the live table shows of the newest data of each channel."""

import json

import msgspec
import pytest

from gateway.cli.table_values import CHANNELS, age, sides, values
from gateway.model.account import ACCOUNT_RECORDS, Balance, Order, Position
from gateway.model.market import MARKET_RECORDS, Candle, Liquidation, Mark, Quote, Ticker, Trade


@pytest.mark.parametrize(
    ("channel", "record", "shown"),
    [
        ("trades", Trade(1, "10", "2", "buy", 5), "10 x 2 buy"),
        ("liquidations", Liquidation("sell", "10", "2", 5), "10 x 2 sell"),
        ("quotes", Quote("9", "1", "10", "2"), "9 x 1 | 10 x 2"),
        ("ticker", Ticker("10", 5), "last 10"),
        ("ticker", Ticker("10", 5, bid="9", ask="11", volume="7", change_percent="1.5"), None),
        ("candles", Candle(1, 2, "1", "4", "0.5", "2", True, "9"), "o 1 h 4 l 0.5 c 2 volume 9 closed"),
        ("candles", Candle(1, 2, "1", "4", "0.5", "2", False), "o 1 h 4 l 0.5 c 2"),
        ("mark", Mark("10", 5), "mark 10"),
        ("mark", Mark("10", 5, index="11", funding_rate="0.1"), "mark 10 index 11 funding 0.1"),
        ("orders", Order(7, "A-B", "buy", "new", 5), "A-B buy 0/? new"),
        ("orders", Order(7, "A-B", "buy", "filled", 5, price="9", size="2", filled="2"), "A-B buy 2/2 @ 9 filled"),
        ("balances", Balance("USDT", 5, free="3", locked="1"), "USDT free 3 locked 1"),
        ("positions", Position("A-B", "2", 5, side="long", entry_price="9"), "A-B 2 @ 9 side long"),
    ],
)
def test_the_values_that_one_looks_for_are_shown(channel, record, shown):
    [plain] = msgspec.to_builtins([record])
    wanted = "last 10 (1.5 %) bid 9 ask 11 volume 7" if shown is None else shown
    assert values(channel, [plain]) == wanted


def test_every_channel_with_records_is_written_the_book_apart():
    assert set(CHANNELS) | {"book"} == {*MARKET_RECORDS, *ACCOUNT_RECORDS}


def test_of_several_records_the_newest_is_shown_and_of_accounts_how_many_others_came():
    trades = msgspec.to_builtins([Trade(1, "10", "2", "buy", 5), Trade(2, "11", "2", "sell", 6)])
    assert values("trades", trades) == "11 x 2 sell"
    balances = msgspec.to_builtins([Balance("BTC", 5, free="1"), Balance("USDT", 5, free="2")])
    assert values("balances", balances) == "USDT free 2  and 1 more"
    assert values("orders", []) == "none"


def test_an_exchanges_own_payload_is_shown_as_it_came_and_cut():
    assert values("raw", {"e": "x"}) == '{"e": "x"}'
    assert len(values("raw", ["x" * 1000])) == 200


@pytest.mark.parametrize(
    ("us", "shown"),
    [
        (None, ""),
        (0, "0 ms"),
        (999_999, "999 ms"),
        (1_500_000, "1.5 s"),
        (-2_500_000, "-2.5 s"),
        (-300, "0 ms"),
        (180_000_000, "3 min"),
        (7_300_000_000, "2 h"),
    ],
)
def test_ages_are_readable_and_those_of_a_clock_that_differs_are_shown(us, shown):
    assert age(us) == shown


@pytest.mark.parametrize("data", [["x"], {"price": "1"}, [{}], 7, [None]])
def test_a_record_that_is_none_of_its_channel_is_shown_as_it_came(data):
    assert values("orders", data) == json.dumps(data)


def test_a_side_without_a_level_says_so():
    assert sides(("1", "2"), None) == "1 x 2 | none"
    assert sides(None, None) == ""
