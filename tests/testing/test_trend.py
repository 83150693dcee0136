"""The slope and its interval, against tables, against data that were worked out by hand, and against chance."""

import random

import pytest

from gateway.testing.trend import t_quantile, trend


@pytest.mark.parametrize(
    ("p", "freedom", "table"),
    [(0.975, 8, 2.3060), (0.975, 10, 2.2281), (0.975, 30, 2.0423), (0.975, 120, 1.9799), (0.95, 8, 1.8595),
     (0.995, 10, 3.1693), (0.025, 10, -2.2281), (0.5, 8, 0.0)],
)  # fmt: skip
def test_quantiles_are_those_of_the_table(p: float, freedom: int, table: float) -> None:
    assert t_quantile(p, freedom) == pytest.approx(table, abs=1e-3)


def test_a_line_without_noise_has_its_slope_and_no_doubt() -> None:
    found = trend(range(10), [3 + 2 * x for x in range(10)])
    assert (found.slope, found.low, found.high) == pytest.approx((2, 2, 2))


def test_an_interval_is_what_the_formula_gives() -> None:
    """Alternating errors of one: sum of squares 82.5 in x; slope and residuals worked out by hand."""
    found = trend(range(10), [x + (-1) ** x for x in range(10)])
    slope = 1 - 5 / 82.5
    missed = 10 - 82.5 * (5 / 82.5) ** 2
    margin = 2.3060 * (missed / 8 / 82.5) ** 0.5
    assert found.slope == pytest.approx(slope)
    assert found.high - found.slope == pytest.approx(margin, rel=1e-3)
    assert found.slope - found.low == pytest.approx(margin, rel=1e-3)
    assert str(found) == f"{found.slope:+.3g} ({found.low:+.3g}..{found.high:+.3g})"


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    chance = random.Random(7)
    held = 0
    for _ in range(1000):
        found = trend(range(20), [0.5 * x + chance.gauss(0, 3) for x in range(20)])
        held += found.low <= 0.5 <= found.high
    assert 930 <= held <= 970


def test_a_large_level_takes_nothing_from_a_small_slope() -> None:
    """Blocks in use are millions, a leak is one of them now and then."""
    found = trend(range(0, 10_000, 100), [5e9 + 0.01 * x for x in range(0, 10_000, 100)])
    assert found.slope == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(
    ("xs", "says"), [([1] * 9, "need 10 samples at least, got 9"), ([4] * 12, "all samples are of one x")]
)
def test_too_little_to_say_anything_is_refused(xs: list[int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        trend(xs, xs)


def test_each_x_has_a_y() -> None:
    with pytest.raises(ValueError, match="zip"):
        trend(range(10), range(11))
