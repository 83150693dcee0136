"""Seconds are counted by size, each once, and the sum is theirs."""

import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists

from gateway.engine.histogram import DELIVERY, OUTAGE, TRANSIT, Histogram


def test_a_value_is_in_the_first_bucket_whose_bound_it_does_not_exceed() -> None:
    one = Histogram((1.0, 2.0))
    for seconds in (0.0, 1.0, 1.5, 2.0, 2.1, 900.0):
        one.observe(seconds)
    assert one.counts == [2, 2, 2]
    assert one.sum == pytest.approx(906.6)


def test_a_time_below_zero_counts_as_none() -> None:
    one = Histogram((1.0,))
    one.observe(-5.0)
    assert (one.counts, one.sum) == ([1, 0], 0.0)


@given(lists(floats(0, 1e6)))
def test_nothing_is_lost_between_the_buckets(seconds: list[float]) -> None:
    one = Histogram(TRANSIT)
    for each in seconds:
        one.observe(each)
    assert sum(one.counts) == len(seconds)
    below = 0
    for bound, count in zip(one.bounds, one.counts, strict=False):
        below += count
        assert below == sum(each <= bound for each in seconds)


@pytest.mark.parametrize("bounds", [DELIVERY, TRANSIT, OUTAGE])
def test_bounds_grow(bounds: tuple[float, ...]) -> None:
    assert list(bounds) == sorted(set(bounds))
