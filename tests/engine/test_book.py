"""One book: order by number, identity by text, nothing rounded."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, decimals, integers, lists, sampled_from, tuples

from gateway.engine.book import Ladder, OrderBook, difference, is_zero, normal, without


@pytest.mark.parametrize(
    "size", ["0", "0.0", "0.00000000", "00", "000.000", "0.", ".0", ".000", "0E-8", "0e0", "0.0E+2"]
)
def test_every_spelling_of_nought_removes_a_level(size: str) -> None:
    assert is_zero(size)
    ladder = Ladder(1)
    ladder.replace([("1.0", "5"), ("2.0", size)])
    assert ladder.top() == [("1.0", "5")]
    ladder.apply(normal([("1.0", size)]))
    assert ladder.top() == []


@pytest.mark.parametrize("size", ["1", "0.1", "0.00000001", "10", "0.0010", ".5", "0.5E-8", "1E-8", "100.000"])
def test_whatever_else_is_a_size_stays(size: str) -> None:
    assert not is_zero(size)
    assert normal([("1", size)]) == [("1", size)]


@given(decimals(min_value=0, allow_nan=False, allow_infinity=False, places=8))
def test_zero_is_what_the_number_says(size: Decimal) -> None:
    assert is_zero(f"{size:f}") is (size == 0)
    assert is_zero(str(size)) is (size == 0)


def test_prices_are_ordered_as_numbers_and_keep_their_text() -> None:
    levels = [("9", "1"), ("10.50", "1"), ("10.5000001", "1"), ("0.1", "1"), ("100", "1")]
    bids, asks = Ladder(-1), Ladder(1)
    bids.replace(levels)
    asks.replace(levels)
    ordered = ["0.1", "9", "10.50", "10.5000001", "100"]
    assert [price for price, _ in asks.top()] == ordered
    assert [price for price, _ in bids.top()] == ordered[::-1]
    assert [price for price, _ in bids.top(2)] == ["100", "10.5000001"]
    assert bids.top(0) == []


def test_no_digit_is_lost() -> None:
    price, size = "0.1234567890123456789012345678901234567890", "99999999999999999999.000000000000000001"
    ladder = Ladder(1)
    ladder.replace([(price, size)])
    assert ladder.top() == [(price, size)]


def test_the_last_of_equal_prices_in_one_update_wins() -> None:
    ladder = Ladder(1)
    ladder.replace([("1", "5"), ("1", "6")])
    assert ladder.top() == [("1", "6")]
    ladder.apply([("2", "1"), ("2", "0"), ("2", "3"), ("1", "0"), ("1", "0")])
    assert ladder.top() == [("2", "3")]


@pytest.mark.parametrize("looked_at", [False, True])
def test_what_was_applied_is_returned_with_its_noughts_made_plain(looked_at: bool) -> None:
    ladder = Ladder(1)
    ladder.replace([("1", "5"), ("2", "6"), ("3", "7")])
    if looked_at:
        ladder.top(1)
    assert ladder.apply([("9", "1.0"), ("9", "0.0"), ("8", "00")]) == [("9", "1.0"), ("9", "0"), ("8", "0")]
    assert ladder.sizes == {"1": "5", "2": "6", "3": "7"}
    changes = [("1", "0.000"), ("2", "1.50"), ("4", "odd"), ("2", "0E-8"), ("5", "2"), ("5", "3")]
    plain = [("1", "0"), ("2", "1.50"), ("4", "odd"), ("2", "0"), ("5", "2"), ("5", "3")]
    assert ladder.apply(changes) == plain
    assert ladder.sizes == {"3": "7", "4": "odd", "5": "3"}
    assert ladder.top() == [("3", "7"), ("4", "odd"), ("5", "3")]
    assert ladder.apply([("3", ".0")]) == [("3", "0")]
    assert ladder.top(1) == [("4", "odd")]


def test_removing_what_is_not_there_is_harmless() -> None:
    ladder = Ladder(-1)
    ladder.replace([("1", "5")])
    ladder.top()
    ladder.apply([("7", "0"), ("0.5", "0")])
    assert ladder.top() == [("1", "5")]


def test_the_same_price_may_stand_on_both_sides() -> None:
    """A crossed book is the exchange's to explain."""
    book = OrderBook()
    book.replace([("5", "1")], [("5", "2"), ("4", "1")])
    assert book.top() == ([("5", "1")], [("4", "1"), ("5", "2")])
    book.apply([("5", "0")], [])
    assert book.top(1) == ([], [("4", "1")])


PRICES = sampled_from([f"{i}.{j}" for i in range(1, 12) for j in ("0", "25", "5")])
SIZES = sampled_from(["0", "0", "1", "2.50", "0.0003"])


@given(
    start=lists(tuples(PRICES, SIZES)),
    updates=lists(tuples(lists(tuples(PRICES, SIZES), max_size=8), booleans(), integers(0, 9)), max_size=12),
    sign=sampled_from([-1, 1]),
)
def test_a_ladder_agrees_with_a_dictionary_that_is_sorted_anew(
    start: list[tuple[str, str]], updates: list[tuple[list[tuple[str, str]], bool, int]], sign: int
) -> None:
    """Whether it was looked at in between, which sorts it, or not."""
    ladder = Ladder(sign)
    ladder.replace(start)
    naive = {price: size for price, size in start if size != "0"}

    def expected() -> list[tuple[str, str]]:
        return sorted(naive.items(), key=lambda level: sign * Decimal(level[0]))

    for levels, look, depth in updates:
        if look:
            assert ladder.top(depth) == expected()[:depth]
        ladder.apply(levels)
        for price, size in levels:
            naive.pop(price, None)
            if size != "0":
                naive[price] = size
        if depth > 4:
            gone = ladder.truncate(depth)
            assert gone == [price for price, _ in expected()[depth:]]
            naive = dict(expected()[:depth])
        assert ladder.sizes == naive
    assert ladder.top() == expected()


@given(lists(tuples(PRICES, sampled_from(["1", "2"]))), lists(tuples(PRICES, sampled_from(["1", "2"]))))
def test_a_difference_turns_one_side_into_the_other_and_says_nothing_more(
    one: list[tuple[str, str]], two: list[tuple[str, str]]
) -> None:
    before, after = dict(one), dict(two)
    changed = difference(before, after)
    ladder = Ladder(1)
    ladder.replace(before.items())
    ladder.apply(changed)
    assert ladder.sizes == after
    assert (
        len(changed)
        == len(dict(changed))
        == len(before.items() ^ after.items())
        - len([price for price in before.keys() & after.keys() if before[price] != after[price]])
    )


def test_what_is_cut_off_is_told_as_gone_and_not_as_there() -> None:
    levels = [("1", "5"), ("9", "2")]
    assert without(levels, []) is levels
    assert without(levels, ["9", "8"]) == [("1", "5"), ("9", "0"), ("8", "0")]


def test_cutting_a_book_cuts_both_sides() -> None:
    book = OrderBook()
    prices = [str(price) for price in range(1, 8)]
    random.Random(1).shuffle(prices)
    book.replace([(price, "1") for price in prices], [(price, "1") for price in prices])
    assert book.truncate(3) == (["4", "3", "2", "1"], ["4", "5", "6", "7"])
    assert book.truncate(3) == ([], [])
    assert book.top() == ([("7", "1"), ("6", "1"), ("5", "1")], [("1", "1"), ("2", "1"), ("3", "1")])
