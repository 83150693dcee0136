"""What tells one message from the next: the exchange's times and numbers, and nothing else."""

from typing import Any

import pytest

from gateway.engine.standing import mark_of
from gateway.model.market import Candle, Mark, Quote, Trade

CANDLE = Candle(0, 59, "1", "1", "1", "1", closed=False)


def quote(seq: int | None = None, ts: int | None = None) -> Quote:
    return Quote("1", "1", "2", "1", seq, ts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((quote(7), None), (quote(8), None)),
        ((quote(7), 1), (quote(7), 2)),
        ((quote(None, 1), None), (quote(None, 2), None)),
        ((Mark("1", 1), None), (Mark("1", 2), None)),
        ((CANDLE, 1), (CANDLE, 2)),
        ((Trade("a", "1", "1", "buy", 1), None), (Trade("b", "1", "1", "buy", 1), None)),
        ((Trade(1, "1", "1", "buy", 1), None), (Trade(2, "1", "1", "buy", 1), None)),
    ],
)
def test_a_number_or_a_time_tells_two_messages_apart(one: tuple[Any, int], other: tuple[Any, int]) -> None:
    assert mark_of((one[0],), one[1]) != mark_of((other[0],), other[1])
    assert mark_of((one[0],), one[1]) == mark_of((other[0], one[0]), one[1]), "the last record counts"


@pytest.mark.parametrize("records", [(), (quote(),), (CANDLE,)])
def test_where_an_exchange_gives_neither_nothing_does(records: tuple[Any, ...]) -> None:
    assert mark_of(records, None) is None
