"""Ends by another session are an accident or a conflict, and a conflict is left alone for longer each time."""

from random import Random

import pytest

from gateway.engine.conflict import CALM, KICKS, LEAVE, LONGEST, WITHIN, Kicks


class Nothing(Random):
    """Draws nothing, so that the least wait can be seen."""

    def random(self) -> float:
        return 0.0


@pytest.mark.parametrize(("apart", "leave"), [(WITHIN / 2, LEAVE), (WITHIN / 2 + 0.1, 0.0)])
def test_three_within_a_minute_are_a_conflict_and_fewer_an_accident(apart: float, leave: float) -> None:
    kicks = Kicks(Nothing())
    found = [kicks.kicked(number * apart) for number in range(KICKS)]
    assert found == [0.0, 0.0, leave]


def test_each_that_follows_soon_is_left_alone_for_twice_as_long_up_to_an_hour() -> None:
    kicks, now, waits = Kicks(Nothing()), 0.0, []
    for _ in range(10):
        waits.append(kicks.kicked(now))
        now += waits[-1] + 1
    assert waits == [0.0, 0.0, 300, 600, 1200, 2400, 3600, 3600, 3600, 3600]
    assert LONGEST == 3600


def test_after_an_hour_of_calm_the_next_is_a_first_one() -> None:
    kicks = Kicks(Nothing())
    for now in (0.0, 1.0, 2.0):
        wait = kicks.kicked(now)
    assert kicks.kicked(2.0 + wait + CALM - 1) == 2 * LEAVE
    later = 2.0 + wait + 2 * CALM + 2 * LEAVE
    assert [kicks.kicked(later + one) for one in range(3)] == [0.0, 0.0, LEAVE]


def test_two_of_our_kind_do_not_come_back_together() -> None:
    waits = set()
    for seed in range(20):
        kicks = Kicks(Random(seed))
        waits.add([kicks.kicked(now) for now in (0.0, 1.0, 2.0)][2])
    assert len(waits) == 20
    assert min(waits) >= LEAVE
    assert LEAVE * 1.3 < max(waits) <= LEAVE * 1.5
