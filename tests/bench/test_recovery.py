"""What counts as an outage, as a loss that was told and as one that was not."""

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.engine.messages import Message, Notice, TopicEvent, TopicStatus
from gateway.model.subscriptions import parse_topic

TOPIC = parse_topic("mock:trades:BTC-USDT")


def trades(*ids: int) -> Message:
    return Message(TOPIC, "update", [SimpleNamespace(id=number) for number in ids], None, 0, 1, b"")


def gap(first: int | None, last: int | None) -> Notice:
    return Notice(TOPIC, TopicEvent.GAP, "closed_by_peer", 0, first, last, False)


CUT = Notice(TOPIC, TopicStatus.DISCONNECTED, "closed_by_peer", 0)


class Heard:
    """One stream, and the time at which it hears things."""

    def __init__(self, bench: Any) -> None:
        self.now = 0.0
        self.outages = bench("outages").Outages(lambda: self.now)
        self._hear = self.outages.listener("BTC-USDT")

    def hear(self, *messages: Message | Notice, at: float = 0.0) -> None:
        self.now = at
        for message in messages:
            self._hear(message)

    @property
    def missing(self) -> tuple[int, int, int]:
        return self.outages.lost, self.outages.unannounced, self.outages.doubled


@pytest.fixture
def heard(bench: Any) -> Heard:
    return Heard(bench)


def test_an_outage_is_from_the_last_good_datum_to_the_first_one(heard: Heard) -> None:
    heard.hear(trades(1, 2), at=10)
    heard.hear(CUT, CUT, at=11)
    assert heard.outages.down == 1
    heard.hear(trades(3), at=12.5)
    heard.hear(trades(4), at=20)
    assert heard.outages.lasted == [2.5]
    assert heard.outages.down == 0
    assert heard.missing == (0, 0, 0)


def test_or_from_a_moment_that_is_given(heard: Heard) -> None:
    heard.hear(trades(1), CUT, at=10)
    heard.outages.since = 11.0
    heard.hear(trades(2), at=12.5)
    assert heard.outages.lasted == [1.5]


def test_a_hole_is_told_if_its_bounds_are_what_is_missing(heard: Heard) -> None:
    heard.hear(trades(1), CUT, gap(2, 4), trades(5))
    assert heard.missing == (3, 0, 0)


@pytest.mark.parametrize("told", [(), (gap(2, 3),), (gap(1, 4),), (gap(None, None),)])
def test_what_is_missing_otherwise_was_lost_silently(heard: Heard, told: tuple[Notice, ...]) -> None:
    heard.hear(trades(1), CUT, *told, trades(5))
    assert heard.missing == (0, 3, 0)


def test_a_gap_covers_what_follows_it_and_no_later_one(heard: Heard) -> None:
    heard.hear(trades(1), gap(2, 4), trades(5), trades(9))
    assert heard.missing == (3, 3, 0)


def test_what_comes_again_is_doubled(heard: Heard) -> None:
    heard.hear(trades(1, 2, 3), trades(3), trades(2), trades(4))
    assert heard.missing == (0, 0, 2)


def test_percentiles_are_values_that_there_are(bench: Any) -> None:
    outages = bench("outages")
    values = [float(one) for one in range(1, 101)]
    assert [outages.percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert outages.spread(values) == "N 100  p50 50.000  p90 90.000  p99 99.000  most 100.000"
    assert outages.spread([]) == "none"


def found(bench: Any, **changed: Any) -> Any:
    usual = {
        "outages": {"one by one": [0.5] * 100, "all at once": [9.0] * 100},
        "left": {"frozen": [1.5]},
        "expected": 100,
        "lost": 5,
        "unannounced": 0,
        "doubled": 0,
    }
    return bench("recovery").Found(**{**usual, **changed})


def test_what_must_be_and_what_takes_too_long_are_told_apart(bench: Any) -> None:
    assert (found(bench).complaints(), found(bench).late()) == ([], []), "all at once has no bound"
    wrong = found(bench, unannounced=1, doubled=2, outages={"one by one": [0.5] * 99, "all at once": [9.0] * 100})
    assert wrong.complaints() == [
        "one by one: 99 of 100 streams were told to be cut off and came back",
        "1 records are missing and nobody said so",
        "2 records came twice",
    ]


@pytest.mark.parametrize(
    ("lasted", "left", "late"),
    [
        ([1.0] * 50 + [2.5] * 50, 1.59, []),
        ([1.0] * 49 + [1.1] * 51, 1.5, ["one by one: p50 is above 1 s"]),
        ([1.0] * 98 + [2.6] * 2, 1.5, ["one by one: p99 is above 2.5 s"]),
        ([1.0] * 99 + [9.0], 1.5, []),
        ([1.0], 1.61, ["frozen: above 1.5 intervals"]),
    ],
)
def test_bounds(bench: Any, lasted: list[float], left: float, late: list[str]) -> None:
    one = found(bench, outages={"one by one": lasted, "all at once": []}, left={"frozen": [left]})
    assert one.late() == late
