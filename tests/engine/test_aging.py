"""A connection is replaced before its age ends, in the operator's window whenever it has one in its life."""

from random import Random

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, none, one_of, tuples

from gateway.engine.aging import DAY, Window, rollover_after

HOUR = 3600.0
MIDNIGHT = 1_764_028_800_000_000
SHARES = floats(0, 1)
TIMES = integers(0, 86_399).map(float)


def at(hours: float) -> int:
    """Return a time of that day."""
    return MIDNIGHT + round(hours * HOUR * 1e6)


@pytest.mark.parametrize(
    ("age", "earliest", "latest"), [(24 * HOUR, 82_080, 85_536), (HOUR, 3396.97, 3540), (60, 43.18, 45)]
)
def test_without_a_window_it_is_replaced_near_its_end_with_time_to_spare(age, earliest, latest) -> None:
    assert rollover_after(0, age, None, 1) == pytest.approx(latest)
    assert rollover_after(0, age, None, 0) == pytest.approx(earliest, abs=0.01)


@pytest.mark.parametrize(
    ("opened", "begin", "end"),
    [
        (10, 17.76, 18),  # the next morning
        (1.5, 2.26, 2.5),  # tomorrow's window would come just too late
        (2.1, 1.66, 1.9),  # tomorrow's comes too late, and today's is not over
        (3, 23.52, 23.76),  # today's window has begun, tomorrow's ends too late
        (3.9, 23.52, 23.76),
        (23, 4.76, 5),
    ],
)
def test_the_end_of_the_last_window_of_its_life_is_used(opened: float, begin: float, end: float) -> None:
    window = (2 * HOUR, 4 * HOUR)
    assert rollover_after(at(opened), DAY, window, 0) == pytest.approx(begin * HOUR)
    assert rollover_after(at(opened), DAY, window, 1) == pytest.approx(end * HOUR)


def test_what_takes_long_begins_early_enough_for_another_attempt() -> None:
    for takes, latest in ((0, 85_536), (400, 85_536), (600, DAY - 1260), (DAY, DAY * 3 / 4)):
        assert rollover_after(0, DAY, None, 1, takes=takes) == pytest.approx(latest)


def test_of_a_short_window_the_last_eighth_is_used() -> None:
    window = (2 * HOUR, 2.8 * HOUR)
    assert rollover_after(at(10), DAY, window, 0) == pytest.approx(16.7 * HOUR)
    assert rollover_after(at(10), DAY, window, 1) == pytest.approx(16.8 * HOUR)


def test_few_are_replaced_twice_in_a_daily_window() -> None:
    """A day is longer than the age at which they are replaced, so now and then it must be; not every other day."""
    rng, window, replaced = Random(1), (2 * HOUR, 4 * HOUR), []
    for _ in range(20):
        opened = rng.uniform(0, DAY)
        while opened < 200 * DAY:
            opened += rollover_after(round(opened * 1e6), DAY, window, rng.random())
            replaced.append(opened // DAY)
    assert len(replaced) < 1.25 * 20 * 200


def test_a_window_that_is_over_is_not_waited_for_in_vain() -> None:
    """Opened at 10, and 17 hours have passed: it is 3 in the morning, and the end comes before the next window."""
    passed, opened = 17 * HOUR, at(10)
    for share, within, over in ((0, 17.76 * HOUR, 82_080), (1, 18 * HOUR, 85_536)):
        assert rollover_after(opened, DAY, (2 * HOUR, 4 * HOUR), share, passed=passed) == pytest.approx(within)
        assert rollover_after(opened, DAY, (1 * HOUR, 2 * HOUR), share, passed=passed) == pytest.approx(over)
        assert rollover_after(opened, DAY, None, share, passed=passed) == rollover_after(opened, DAY, None, share)


def test_a_window_may_last_over_midnight() -> None:
    window = (22 * HOUR, 4 * HOUR)
    assert rollover_after(at(12), DAY, window, 0) == pytest.approx(15.76 * HOUR)
    assert rollover_after(at(12), DAY, window, 1) == pytest.approx(16 * HOUR)
    for opened in (23, 1):
        assert rollover_after(at(opened), 2 * HOUR, window, 0) == pytest.approx(1.96 * HOUR)


def test_a_short_life_without_a_window_in_it_ends_as_if_there_were_none() -> None:
    window = (2 * HOUR, 4 * HOUR)
    for share in (0, 0.5, 1):
        assert rollover_after(at(12), HOUR, window, share) == rollover_after(at(12), HOUR, None, share)


@given(TIMES, floats(1, 40 * DAY), one_of(none(), tuples(TIMES, TIMES)), SHARES)
def test_it_is_always_before_the_end_and_within_the_window_if_one_is_reached(
    opened: float, age: float, window: Window | None, share: float
) -> None:
    after = rollover_after(MIDNIGHT + round(opened * 1e6), age, window, share)
    assert 0 <= after <= min(age * 0.99, age - min(60, age / 4)) + 1e-6
    if window is None:
        assert after > age / 2
        return
    begin, end = window
    length = (end - begin) % DAY
    if age > 2.1 * DAY and length:
        assert (opened + after - begin) % DAY <= length + 1e-3 or (begin - opened - after) % DAY < 1e-3


@given(TIMES, tuples(TIMES, TIMES), SHARES)
def test_whoever_lives_a_day_is_replaced_in_the_window_every_day_after_the_first(
    opened: float, window: Window, share: float
) -> None:
    begin, end = window
    if (end - begin) % DAY < HOUR:
        return
    at_us = MIDNIGHT + round(opened * 1e6)
    for _ in range(5):
        at_us += round(rollover_after(at_us, DAY, window, share) * 1e6)
        assert (at_us / 1e6 - begin) % DAY <= (end - begin) % DAY + 1e-3
