"""What grows is found, what does not is not, and the intervals are as wide as they must be."""

import os
from random import Random

import pytest
from soak_levels import BOUNDS, HOUR, MOST_BLOCKS, Levels, outside, slope

from gateway.testing.trend import trend

MINUTE = 60.0
FLAT = dict.fromkeys(BOUNDS, 1000.0)


def judged(figures, *, rests=20, every=30.0):
    """Judge ``rests`` rests of three samples each; ``figures`` tells what each has."""
    levels = Levels()
    for rest in range(rests):
        for sample in range(3):
            levels.sample(rest * every + sample, FLAT | figures(rest))
        levels.disturbed()
    return levels.judged()


def noisy(seed=1):
    rng = Random(seed)
    return lambda rest: {name: 1000 + rng.gauss(0, 0.01 * bound.once) for name, bound in BOUNDS.items()}


def test_what_is_flat_does_not_grow():
    found = judged(noisy())
    assert found.keys() == BOUNDS.keys()
    assert not any(one.grows or one.unsure for one in found.values())


@pytest.mark.parametrize("name", BOUNDS)
def test_a_leak_of_each_fault_is_found(name):
    """A tenth of a step with each fault, under noise: two steps in a run of ten minutes."""
    noise = noisy()
    leak = 0.3 * BOUNDS[name].once
    found = judged(lambda rest: noise(rest) | {name: 1000 + leak * rest})
    assert [grown for grown, one in found.items() if one.grows] == [name]
    assert found[name].growth.slope == pytest.approx(leak * HOUR / 30, rel=0.01)


@pytest.mark.parametrize("name", BOUNDS)
def test_in_a_long_run_a_small_one_is(name):
    hours, rests = 10, 1200
    whole = 2 * BOUNDS[name].hourly * hours
    found = judged(lambda rest: {name: 1000 + whole * rest / rests}, rests=rests)
    assert [grown for grown, one in found.items() if one.grows] == [name]


@pytest.mark.parametrize("at", [6, 10, 14])
def test_what_is_taken_once_is_no_leak(at):
    found = judged(lambda rest: {name: 1000 + bound.once * (rest >= at) for name, bound in BOUNDS.items()})
    assert not any(one.grows for one in found.values())


def test_what_grows_at_the_beginning_alone_is_no_leak():
    found = judged(lambda rest: {"resident bytes": min(rest, 5) * 1e9})["resident bytes"]
    assert (found.cold, found.warm, found.last, found.growth.slope) == (0, 5e9, 5e9, 0)


def test_what_hides_in_noise_is_said_to_be_unknown():
    found = judged(lambda rest: {"tasks": 1000 + 200 * (rest % 2)})["tasks"]
    assert (found.grows, found.unsure) == (False, True)


def test_too_few_rests_say_nothing():
    assert judged(noisy(), rests=8) == {}


def test_a_rest_without_every_figure_does_not_count():
    levels = Levels()
    levels.sample(1.0, outside(os.getpid()))
    levels.disturbed()
    assert levels.at == []


def alike(seed, count=40, likeness=0.7):
    """Return figures that go nowhere, and are much like their neighbours."""
    rng, found = Random(seed), [0.0]
    for _ in range(count - 1):
        found.append(likeness * found[-1] + rng.gauss(0, 1))
    return found


def test_the_interval_is_wide_enough_for_samples_that_resemble_their_neighbours():
    """Of flat figures five in a hundred may seem to grow; of those that are alike five times as many seem to."""
    at = [float(number) for number in range(40)]
    runs = [alike(seed) for seed in range(300)]
    plain = [trend(at, one) for one in runs]
    ours = [slope(at, one) for one in runs]
    assert sum(not one.low <= 0 <= one.high for one in plain) > 60
    assert sum(not one.low <= 0 <= one.high for one in ours) < 30


def test_where_they_do_not_it_is_hardly_wider():
    at = [float(number) for number in range(40)]
    runs = [alike(seed, likeness=0.0) for seed in range(300)]
    wider = [(slope(at, one).high - slope(at, one).slope) / HOUR for one in runs]
    plain = [trend(at, one).high - trend(at, one).slope for one in runs]
    assert sum(wider) < 1.2 * sum(plain)


def test_a_long_run_is_made_of_longer_means():
    """Neighbours far apart in the run of hours would be as many as to hide what minutes do."""
    at = [30.0 * number for number in range(1000)]
    found = slope(at, [2.0 * one for one in at])
    assert (found.slope, found.low, found.high) == pytest.approx((2 * HOUR,) * 3)
    assert MOST_BLOCKS < 1000


def test_the_system_says_what_a_process_holds():
    found = outside(os.getpid())
    assert found["resident bytes"] > 1 << 20
    assert found["descriptors"] >= 3
    assert found["threads"] >= 1
