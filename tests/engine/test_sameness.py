"""Which records are the same, by channel, and that what is remembered of them is bounded."""

from typing import Any

import pytest

from gateway.engine.overlap import BookOverlap, RawOverlap, RecordOverlap
from gateway.engine.sameness import RECORDS, ByContent, ByNumber, ByTime, overlap_of
from gateway.model.account import Balance, Order
from gateway.model.market import Candle, Liquidation, Mark, Quote, Ticker, Trade
from gateway.spi.books import BookDelta, BookSnapshot


def trade(number: Any, ts: int = 1) -> Trade:
    return Trade(number, "1", "1", "buy", ts)


def quote(seq: int | None, bid: str = "1") -> Quote:
    return Quote(bid, "1", "2", "1", seq=seq)


CANDLE = Candle(1, 2, "1", "1", "1", "1", closed=False, volume="1")
ORDER = Order("1", "BTC-USDT", "buy", "filled", 1)


@pytest.mark.parametrize(
    ("channel", "record", "ts", "way"),
    [
        ("trades", trade(1), 1, ByNumber),
        ("trades", trade("a"), 1, ByContent),
        ("quotes", quote(1), None, ByNumber),
        ("quotes", quote(None), 1, ByContent),
        ("ticker", Ticker("1", 1), None, ByTime),
        ("mark", Mark("1", 1), None, ByTime),
        ("candles", CANDLE, 1, ByTime),
        ("candles", CANDLE, None, ByContent),
        ("liquidations", Liquidation("buy", "1", "1", 1), 1, ByContent),
        ("orders", ORDER, 1, ByContent),
        ("balances", Balance("BTC", 1), 1, ByContent),
    ],
)
def test_the_way_is_chosen_by_channel_and_by_what_a_record_has(channel, record, ts, way) -> None:
    assert type(overlap_of(channel, record, ts)) is way


def passed(channel: str, *messages: Any, kept: Any = (), after: Any = ()) -> list[Any]:
    """Return what passes of ``kept`` and of ``after`` once ``messages`` were published."""
    overlap = RecordOverlap(channel)
    for records, ts in messages:
        assert overlap.passing(records, ts) == records
    for records, ts in kept:
        overlap.keep((records, ts, 7))
    overlap.expect()
    held = overlap.take_over()
    assert all(recv_us == 7 for _, _, recv_us in held)
    both = [*((records, ts) for records, ts, _ in held), *after]
    return [record for records, ts in both for record in overlap.passing(records, ts)]


def test_trades_and_quotes_are_old_up_to_the_highest_number_published() -> None:
    published = [trade(4), trade(6)], 1
    assert passed("trades", published, kept=[([trade(5), trade(7)], 1)], after=[([trade(7), trade(8)], 1)]) == [
        trade(7),
        trade(8),
    ]
    assert passed("quotes", ([quote(4)], None), after=[([quote(4, "9")], None), ([quote(5)], None)]) == [quote(5)]


def test_of_tickers_the_newer_passes_and_the_one_as_new_that_says_something_else() -> None:
    old, same, other, new = Ticker("1", 4), Ticker("1", 5), Ticker("2", 5), Ticker("1", 6)
    messages = [([one], one.ts) for one in (old, same, other, same, new, new)]
    assert passed("ticker", ([same], 5), after=messages) == [other, new]
    assert passed("ticker", ([same], 5), kept=messages) == [other, new]


def test_a_candle_is_as_new_as_its_message() -> None:
    later = Candle(1, 2, "1", "2", "1", "2", closed=True, volume="2")
    assert passed("candles", ([CANDLE], 5), after=[([CANDLE], 5), ([CANDLE], 4), ([later], 5)]) == [later]


def test_account_data_are_told_apart_by_all_that_they_say() -> None:
    """Two changes of one balance within a millisecond are two."""
    one, other = Balance("BTC", 1, free="1"), Balance("BTC", 1, free="2")
    assert passed("balances", ([one], 1), kept=[([one, other], 1)], after=[([other], 1), ([one], 1)]) == [
        other,
        other,
        one,
    ], "the later ones are new: nothing of them was published by the first connection"


def test_what_both_connections_are_silent_about_is_new() -> None:
    assert passed("trades", after=[([trade(5)], 1), ([trade(5)], 1)]) == [trade(5)]


def test_what_is_kept_is_bounded_and_a_loss_is_known_unless_it_was_published_meanwhile() -> None:
    numbered, other, newest = RecordOverlap("trades"), RecordOverlap("liquidations"), RecordOverlap("ticker")
    for number in range(RECORDS + 5):
        numbered.keep(([trade(number)], 1, 1))
        other.keep(([Liquidation("buy", "1", "1", number)], 1, 1))
        newest.keep(([Ticker("1", number)], number, 1))
    for overlap in (numbered, other, newest):
        overlap.expect()
        assert len(overlap.take_over()) == RECORDS
    assert (numbered.torn, other.torn, newest.torn) == (True, True, False)
    numbered = RecordOverlap("trades")
    for number in range(RECORDS + 5):
        numbered.keep(([trade(number)], 1, 1))
    numbered.expect()
    numbered.passing([trade(4)], 1)
    assert len(numbered.take_over()) == RECORDS
    assert not numbered.torn


def test_what_is_published_meanwhile_is_not_held_any_longer() -> None:
    for channel, make in (("trades", trade), ("ticker", lambda ts: Ticker("1", ts))):
        overlap = RecordOverlap(channel)
        for number in range(10):
            overlap.keep(([make(number)], number, 1))
            overlap.passing([make(number)], number)
        overlap.keep(([make(11)], 11, 1))
        assert len(overlap._way._kept) == 1


def test_what_came_too_late_to_be_compared_is_a_gap_and_not_told_twice() -> None:
    overlap = RecordOverlap("liquidations", late=True)
    overlap.keep(([Liquidation("buy", "1", "1", 1)], 1, 1))
    overlap.expect()
    assert overlap.take_over() == ()
    assert overlap.torn


@pytest.mark.parametrize("late", [False, True])
def test_frames_are_told_apart_by_their_bytes(late: bool) -> None:
    overlap = RawOverlap(late=late)
    assert overlap.passes(b"a")
    assert overlap.passes(b"b")
    overlap.keep(b"b", False, 1)
    overlap.keep(b"c", True, 2)
    overlap.expect()
    assert overlap.take_over() == (() if late else [(b"c", True, 2)])
    assert overlap.torn is late
    assert [overlap.passes(one) for one in (b"a", b"b", b"c")] == [True, True, True], "these are later ones"


def test_frames_are_bounded_in_bytes_too() -> None:
    overlap = RawOverlap()
    big = bytes(700_000)
    for number in range(3):
        overlap.keep(big + bytes([number]), False, 1)
    overlap.expect()
    assert len(overlap.take_over()) == 1
    assert overlap.torn


def test_books_are_numbered_alike_once_one_update_came_both_ways() -> None:
    first, second = (BookDelta([("1", str(size))], [], 5, ts=9) for size in (1, 2))
    overlap = BookOverlap()
    assert overlap.passing([BookSnapshot([], [], 4), first], 1) == [BookSnapshot([], [], 4), first]
    overlap.keep(second)
    assert not overlap.is_alike
    overlap.keep(first)
    assert overlap.is_alike


def test_updates_up_to_the_last_one_applied_are_old_then() -> None:
    overlap = BookOverlap()
    overlap.take_over(5)
    updates = [BookDelta([], [], last) for last in (4, 5, 6)]
    snapshot = BookSnapshot([], [], 1)
    assert overlap.passing([*updates, snapshot], 1) == [updates[2], snapshot]
