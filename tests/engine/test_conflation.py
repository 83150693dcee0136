"""What a lagging client is sent instead says the same as all that it stands for."""

from random import Random

import pytest
from booked import Exchange, Side
from hearing import topic_named
from hypothesis import given
from hypothesis.strategies import integers, lists, tuples

from gateway.engine.book import difference
from gateway.engine.conflation import CROWDED, MERGES, Conflation, Levels, Newest
from gateway.engine.messages import Kind, Message
from gateway.model.market import Book, Level, Quote
from gateway.model.subscriptions import parse_topic

BOOK = parse_topic("mock:book:BTC")
QUOTES = parse_topic("mock:quotes:BTC")


def quote(number: int) -> Quote:
    return Quote(str(number), "1", "2", "1")


def message(
    offset: int, *records: object, kind: Kind = "update", ts: int | None = None, of: object = BOOK
) -> Message:
    return Message(of, kind, list(records), ts, offset * 10, offset, b"")  # type: ignore[arg-type]


def changes(*bids: Level, asks: tuple[Level, ...] = (), seq: int | None = None) -> Book:
    return Book(list(bids), list(asks), seq, seq)


def test_what_may_be_conflated_is_what_the_protocol_says() -> None:
    assert set(MERGES) == {"book", "quotes", "ticker", "mark"}
    assert (MERGES["book"], MERGES["quotes"]) == (Levels, Newest)


def test_the_newest_record_stands_for_all() -> None:
    folded = Conflation(message(5, quote(1), quote(2), ts=1, of=QUOTES))
    assert folded.records() == [quote(2)]
    folded.add(message(6, quote(3), ts=None, of=QUOTES))
    folded.add(message(7, quote(4), ts=4, of=QUOTES))
    assert folded.records() == [quote(4)]
    assert (folded.first, folded.offset, folded.ts, folded.recv_us, folded.kind) == (5, 7, 4, 70, "update")
    assert not folded.is_crowded


def test_levels_are_merged_by_price_and_the_newest_size_wins() -> None:
    folded = Conflation(message(5, changes(("1", "1"), ("2", "1"), seq=50)))
    folded.add(message(6, changes(("1", "0"), ("3", "1"), asks=(("9", "1"),), seq=51)))
    folded.add(message(7, changes(("3", "7"), seq=52), ts=52))
    (record,) = folded.records()
    assert dict(record.bids) == {"1": "0", "2": "1", "3": "7"}, "a removal is a change to be told"
    assert (record.asks, record.seq, record.ts) == ([("9", "1")], 52, 52)
    assert (folded.first, folded.offset, folded.kind) == (5, 7, "update")


def test_a_snapshot_starts_anew_and_makes_the_whole_a_snapshot() -> None:
    folded = Conflation(message(5, changes(("1", "1"), ("2", "1"))))
    folded.add(message(6, changes(("7", "1"), ("8", "1"), asks=(("9", "1"),), seq=60), kind="snapshot"))
    folded.add(message(7, changes(("7", "0"), ("7.5", "1"), ("10", "0"), asks=(("8.5", "2"),), seq=61)))
    (record,) = folded.records()
    assert record == Book([("8", "1"), ("7.5", "1")], [("8.5", "2"), ("9", "1")], 61, 61), (
        "best first, no removals"
    )
    assert (folded.first, folded.offset, folded.kind) == (5, 7, "snapshot")


def test_a_fold_that_begins_with_a_snapshot_is_one() -> None:
    folded = Conflation(message(5, changes(("7", "1")), kind="snapshot"))
    folded.add(message(6, changes(("8", "1"))))
    assert folded.kind == "snapshot"
    assert folded.records()[0].bids == [("8", "1"), ("7", "1")]


def test_nothing_folded_is_nothing() -> None:
    assert Levels().records() == [Book([], [])]


def test_a_fold_is_crowded_when_more_levels_changed_than_a_book_has() -> None:
    levels = [(str(number), "1") for number in range(CROWDED)]
    folded = Conflation(message(1, changes(*levels)))
    assert not folded.is_crowded
    folded.add(message(2, changes(asks=(("1", "1"),))))
    assert folded.is_crowded
    folded.add(message(3, changes(*levels, asks=(("1", "1"),)), kind="snapshot"))
    assert not folded.is_crowded, "a snapshot cannot be said shorter"


def test_a_whole_side_does_not_remember_what_is_gone() -> None:
    folded = Conflation(message(1, changes(("1", "1")), kind="snapshot"))
    for number in range(2, 2000):
        folded.add(message(number, changes((str(number), "1"), (str(number - 1), "0"))))
    assert folded.records()[0].bids == [("1999", "1")]
    assert len(folded._merge._bids) == 1  # type: ignore[attr-defined]


def apply(book: tuple[Side, Side], record: Book, kind: Kind) -> None:
    for side, levels in zip(book, (record.bids, record.asks), strict=True):
        if kind == "snapshot":
            side.clear()
        for price, size in levels:
            side.pop(price, None)
            if size != "0":
                side[price] = size


@given(seed=integers(0, 2**32), cuts=lists(tuples(integers(1, 6), integers(0, 3)), max_size=12))
def test_whoever_gets_folded_messages_has_the_same_book_as_whoever_gets_all(
    seed: int, cuts: list[tuple[int, int]]
) -> None:
    exchange = Exchange(Random(seed))
    folded_to: tuple[Side, Side] = ({}, {})
    before: tuple[Side, Side] = ({}, {})
    offset = 0
    for length, whole in cuts:
        fold = None
        for step in range(length):
            offset += 1
            exchange.step()
            after = tuple(map(dict, exchange.shown()))
            is_whole = step == whole or offset == 1
            record = (
                Book(*exchange.shown(), offset, offset)
                if is_whole
                else Book(*(difference(*sides) for sides in zip(before, after, strict=True)), offset, offset)  # type: ignore[arg-type]
            )
            before = after  # type: ignore[assignment]
            one = message(offset, record, kind="snapshot" if is_whole else "update", ts=offset)
            if fold is None:
                fold = Conflation(one)
            else:
                fold.add(one)
        assert fold is not None
        assert (fold.offset, fold.first) == (offset, offset - length + 1)
        (record,) = fold.records()
        assert (record.seq, record.ts) == (offset, offset)
        apply(folded_to, record, fold.kind)
        assert folded_to == before


@pytest.mark.parametrize("channel", MERGES)
def test_every_conflatable_channel_makes_a_merge_of_its_own(channel: str) -> None:
    assert MERGES[channel]() is not MERGES[channel]()
    assert topic_named(f"mock:{channel}:BTC").subscription.channel in MERGES
