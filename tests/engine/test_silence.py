"""A stream that goes silent is noticed by its own rhythm, treated step by step, and a quiet one is left alone."""

from collections.abc import Iterable
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.engine.silence import FACTOR, FIRST, LONGEST, MEMORY, REPEATS, SHORTEST, Measure, Silence
from gateway.engine.standing import NOWHERE, Standing
from gateway.spi import Rhythm

HOUR = 3600


def looked(
    silence: Silence, deliveries: Iterable[float], until: float, rhythm: Rhythm = Rhythm.CONTINUOUS
) -> dict[int, Measure]:
    """Look once a second until ``until``; return each measure that was not NONE, by the second."""
    times = sorted(deliveries)
    found: dict[int, Measure] = {}
    frames = 0
    for second in range(int(until) + 1):
        while frames < len(times) and times[frames] <= second:
            frames += 1
        measure = silence.look("s", rhythm, frames, float(second))
        if measure is not Measure.NONE:
            found[second] = measure
    return found


def test_a_sparse_stream_is_never_judged() -> None:
    assert looked(Silence(), [], HOUR, Rhythm.SPARSE) == {}
    assert looked(Silence(), [5, 6, 7], HOUR, Rhythm.SPARSE) == {}


@pytest.mark.parametrize("rhythm", [Rhythm.CONTINUOUS, Rhythm.HEARTBEATED])
def test_one_that_never_delivers_is_asked_for_anew_then_replaced_then_reported(rhythm: Rhythm) -> None:
    found = looked(Silence(), [], 6 * FIRST, rhythm)
    assert list(found.items())[:3] == [
        (FIRST, Measure.RESUBSCRIBE),
        (2 * FIRST, Measure.REPLACE),
        (3 * FIRST, Measure.REPORT),
    ]


def test_a_quick_stream_that_stops_is_noticed_after_the_shortest_bound() -> None:
    found = looked(Silence(), range(60), 80)
    assert next(iter(found.items())) == (59 + SHORTEST, Measure.RESUBSCRIBE)


def test_a_stream_with_long_pauses_is_given_four_times_the_longest() -> None:
    found = looked(Silence(), range(1, 200, 20), 300)
    assert next(iter(found.items())) == (181 + 80, Measure.RESUBSCRIBE)


def test_the_longest_bound_may_be_changed_meanwhile() -> None:
    silence = Silence(longest=600)
    for second in (0, 1, 101, 201):
        silence.look("s", Rhythm.CONTINUOUS, second, float(second))
    assert silence.look("s", Rhythm.CONTINUOUS, 201, 500.0) is Measure.NONE
    silence.longest = 300
    assert silence.look("s", Rhythm.CONTINUOUS, 201, 500.9) is Measure.NONE
    assert silence.look("s", Rhythm.CONTINUOUS, 201, 501.0) is Measure.RESUBSCRIBE


def test_no_bound_is_longer_than_the_longest() -> None:
    found = looked(Silence(), range(1, 1000, 100), 1100)
    assert next(iter(found.items())) == (901 + LONGEST, Measure.RESUBSCRIBE)


def test_while_its_rhythm_is_unknown_a_stream_has_the_longest_bound() -> None:
    """A thin market must not be called stale because its first two trades came together."""
    found = looked(Silence(), [1, 2, 100], 230)
    assert next(iter(found.items())) == (100 + LONGEST, Measure.RESUBSCRIBE)


def test_a_false_alarm_teaches_the_rhythm() -> None:
    found = looked(Silence(), [*range(20), 32, 33, 45, 46, 58], 90)
    assert [measure for at, measure in found.items() if at < 60] == [Measure.RESUBSCRIBE, Measure.RECOVERED]


def test_a_long_pause_is_forgotten_in_time() -> None:
    quick = range(30, 30 + 12 * int(MEMORY))
    found = looked(Silence(), [*range(10), *quick], quick[-1] + 40)
    assert min(at for at in found if at > quick[-1]) == quick[-1] + SHORTEST


def test_a_stream_that_delivers_again_has_recovered_and_begins_anew() -> None:
    silence = Silence()
    found = looked(silence, [*range(20), 45, 46], 60)
    assert found == {29: Measure.RESUBSCRIBE, 39: Measure.REPLACE, 45: Measure.RECOVERED, 56: Measure.RESUBSCRIBE}
    assert silence.is_stale("s")


def test_a_pause_against_which_more_was_done_does_not_become_its_rhythm() -> None:
    found = looked(Silence(), [*range(20), 100, *range(101, 110)], 125)
    assert max(found.items()) == (119, Measure.RESUBSCRIBE)


def test_what_does_not_help_is_done_less_and_less_often_but_never_given_up() -> None:
    found = list(looked(Silence(), [0, 1, 2], 4 * HOUR))
    waits = [after - before for before, after in pairwise(found)]
    assert waits == sorted(waits)
    assert waits[-1] == max(waits) == 5 * LONGEST


def test_one_that_is_forgotten_begins_anew() -> None:
    silence = Silence()
    looked(silence, [], FIRST)
    assert silence.is_stale("s")
    silence.forget("s")
    assert not silence.is_stale("s")
    assert silence.look("s", Rhythm.CONTINUOUS, 0, 1000.0) is Measure.NONE
    silence.forget("never seen")


def test_only_if_every_one_of_several_streams_has_had_its_time_and_none_delivered_is_there_nothing_at_all() -> (
    None
):
    silence = Silence()
    silence.look("a", Rhythm.CONTINUOUS, 0, 0.0)
    assert silence.look("a", Rhythm.CONTINUOUS, 0, FIRST) is Measure.RESUBSCRIBE
    assert not silence.is_all_there_is(FIRST), "one alone may have a wrong name"
    silence.look("b", Rhythm.CONTINUOUS, 0, FIRST)
    silence.look("thin", Rhythm.SPARSE, 0, FIRST)
    assert not silence.is_all_there_is(2 * FIRST - 1), "the second has had no time yet"
    assert silence.look("b", Rhythm.CONTINUOUS, 0, 2 * FIRST) is Measure.RESUBSCRIBE
    assert silence.is_all_there_is(2 * FIRST)
    silence.look("b", Rhythm.CONTINUOUS, 1, 2 * FIRST + 1)
    assert not silence.is_all_there_is(2 * FIRST + 1)
    assert silence.look("b", Rhythm.CONTINUOUS, 1, 2 * FIRST + 1 + LONGEST) is Measure.RESUBSCRIBE
    assert not silence.is_all_there_is(HOUR), "it has delivered once"


def test_while_it_is_excused_nothing_is_done_and_then_a_stream_has_its_time() -> None:
    silence = Silence()
    found = {
        second: measure
        for second in range(100)
        if (measure := silence.look("s", Rhythm.CONTINUOUS, 0, float(second), excused=second <= 50))
        is not Measure.NONE
    }
    assert found == {
        50 + FIRST: Measure.RESUBSCRIBE,
        50 + 2 * FIRST: Measure.REPLACE,
        50 + 3 * FIRST: Measure.REPORT,
    }


def test_what_an_excused_stream_says_teaches_its_rhythm() -> None:
    """Its pauses are those that it made, not the time since it was looked at last."""
    silence = Silence()
    for second in range(201):
        measure = silence.look("s", Rhythm.CONTINUOUS, second // 20, float(second), excused=True)
        assert measure is Measure.NONE
    assert silence.bound("s") == 80


def test_those_are_quiet_that_were_silent_for_a_while_whether_they_may_be_or_not() -> None:
    silence = Silence()
    for second in (0.0, SHORTEST + 1):
        silence.look("mute", Rhythm.CONTINUOUS, 0, second)
        silence.look("excused", Rhythm.CONTINUOUS, 0, second, excused=True)
        silence.look("quick", Rhythm.CONTINUOUS, int(second), second)
    assert silence.quiet(SHORTEST + 1) == ["mute", "excused"]


def test_excused_streams_that_say_nothing_accuse_the_endpoint_too() -> None:
    silence = Silence()
    silence.look("a", Rhythm.CONTINUOUS, 0, 0.0)
    silence.look("b", Rhythm.CONTINUOUS, 0, 1.0, excused=True)
    for second in (FIRST, FIRST + 1):
        silence.look("a", Rhythm.CONTINUOUS, 0, second)
        silence.look("b", Rhythm.CONTINUOUS, 0, second, excused=True)
        assert silence.is_all_there_is(second) is (second == FIRST + 1)


@given(st.lists(st.floats(0.1, SHORTEST * 0.99), min_size=1, max_size=60))
def test_a_stream_that_keeps_its_rhythm_is_never_stale(pauses: list[float]) -> None:
    """No false alarm while no pause is as long as the shortest bound."""
    silence, now = Silence(), 0.0
    for frames, pause in enumerate(pauses):
        now += pause
        assert silence.look("s", Rhythm.CONTINUOUS, frames, now) is Measure.NONE


def repeated(
    silence: Silence, moves: Iterable[float], until: float, data: Iterable[float] = ()
) -> dict[int, Measure]:
    """
    Look once a second at a stream that sends a frame each time; return each measure that was not NONE.

    It moves at ``moves``; there is a datum in every frame, or at ``data`` if that is given.
    """
    moves, heard = sorted(moves), sorted(data)
    found: dict[int, Measure] = {}
    for second in range(int(until) + 1):
        at = sum(one <= second for one in moves)
        count = sum(one <= second for one in heard) if heard else second
        standing = partial(Standing, at, count)
        measure = silence.look("s", Rhythm.CONTINUOUS, second, float(second), standing=standing)
        if measure is not Measure.NONE:
            found[second] = measure
    return found


def test_one_that_says_the_same_again_and_again_is_as_good_as_silent() -> None:
    silence = Silence()
    found = repeated(silence, range(61), 100)
    began = 60 + REPEATS + SHORTEST
    assert list(found.items())[:2] == [(began, Measure.RESUBSCRIBE), (began + SHORTEST, Measure.REPLACE)]
    assert silence.is_frozen("s")


def test_it_recovers_when_it_moves_and_is_not_frozen_before_something_is_done() -> None:
    silence = Silence()
    repeated(silence, range(61), 60 + REPEATS + SHORTEST - 1)
    assert not silence.is_frozen("s")
    assert not silence.is_frozen("never seen")
    silence = Silence()
    found = repeated(silence, [*range(61), 90], 92)
    assert found[90] is Measure.RECOVERED
    assert not silence.is_frozen("s")


def test_a_new_connection_that_only_repeats_has_never_delivered() -> None:
    silence = Silence()
    found = repeated(silence, [0], 130)
    assert next(iter(found.items())) == (REPEATS + LONGEST, Measure.RESUBSCRIBE)
    assert not silence.delivered("s")


def test_one_that_says_once_more_what_was_known_and_then_nothing_may_be_thin() -> None:
    silence = Silence()
    silence.look("s", Rhythm.CONTINUOUS, 0, 0.0, standing=lambda: Standing(7, 1))
    silence.look("s", Rhythm.CONTINUOUS, 1, 1.0, standing=lambda: Standing(7, 2))
    looks = {
        second: silence.look("s", Rhythm.CONTINUOUS, 1, float(second)) for second in range(2, int(LONGEST) + 2)
    }
    assert {second for second, one in looks.items() if one is not Measure.NONE} == {1 + LONGEST}


def test_one_that_says_the_same_when_it_is_asked_anew_and_nothing_else_is_frozen_once_its_time_is_up() -> None:
    silence = Silence()
    for second in range(61):
        silence.look("s", Rhythm.CONTINUOUS, second, second, standing=partial(Standing, second, second))
    asked, frozen = 60 + SHORTEST, 60 + 2 * SHORTEST
    for second in range(61, 100):
        frames = 61 if second > asked else 60
        silence.look("s", Rhythm.CONTINUOUS, frames, second, standing=partial(Standing, 60, frames))
        assert silence.is_frozen("s") is (second >= frozen)


def test_frames_without_data_are_signs_of_life_unless_it_repeats_itself_beside_them() -> None:
    assert repeated(Silence(), [0], HOUR, data=[0.5]) == {}
    found = repeated(Silence(), [0], 130, data=[1, 2, 3, 4])
    assert next(iter(found.items()))[1] is Measure.RESUBSCRIBE


def test_where_neither_times_nor_numbers_are_known_every_frame_counts() -> None:
    silence = Silence()
    for second in range(300):
        assert silence.look("s", Rhythm.CONTINUOUS, second, second, standing=lambda: NOWHERE) is Measure.NONE


def test_a_thin_market_whose_picture_comes_every_second_has_the_time_of_a_thin_market() -> None:
    assert repeated(Silence(), range(0, 600, 30), 600) == {}


def test_its_rhythm_is_that_of_what_is_new_whatever_is_said_in_between() -> None:
    silence = Silence()
    repeated(silence, range(0, 60, 6), 59)
    assert silence.bound("s") == FACTOR * 6
