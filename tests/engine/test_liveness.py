"""When a peer is pinged, when it is dead, and when a connection counts as healthy, to the second."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, lists, sampled_from, tuples

from gateway.engine.liveness import JUMP, Ages, DataAges, Heartbeat, Pulse, unhealthy_because
from gateway.spi.contract import Rhythm

QUIET, PING, DEAD = Pulse.QUIET, Pulse.PING, Pulse.DEAD


def heartbeat(interval: float = 15.0, timeout: float | None = None, at: float = 100.0) -> Heartbeat:
    return Heartbeat(interval, interval / 2 if timeout is None else timeout, at)


# --- pings


def test_a_death_may_be_put_off() -> None:
    beat = heartbeat()
    assert beat.check(115.0, tick=15.0) is PING
    beat.put_off(123.0)
    assert beat.next_check() == 123.0
    assert beat.check(122.9, tick=8.0) is QUIET
    assert beat.check(123.0, tick=1.0) is DEAD


def test_a_ping_is_due_each_interval_and_asked_for_once() -> None:
    beat = heartbeat()
    assert beat.check(114.999, tick=15.0) is QUIET
    assert beat.check(115.0, tick=1.0) is PING
    assert beat.token == 1
    assert beat.check(115.0, tick=1.0) is QUIET
    assert beat.pong(1, 115.2)
    assert beat.check(129.999, tick=15.0) is QUIET
    assert beat.check(130.0, tick=1.0) is PING
    assert beat.token == 2


def test_data_does_not_stand_for_a_pong() -> None:
    """Pings are always sent: what arrives proves nothing about the way back to us."""
    beat = heartbeat()
    pings = 0
    for second in range(101, 401):
        if beat.check(float(second), tick=1.0) is PING:
            pings += 1
            assert beat.pong(beat.token, float(second))
    assert pings == 20


def test_a_pong_later_than_half_an_interval_means_a_dead_peer() -> None:
    beat = heartbeat()
    assert beat.check(115.0, tick=15.0) is PING
    assert beat.next_check() == 122.5
    assert beat.check(122.499, tick=7.5) is QUIET
    assert beat.check(122.5, tick=1.0) is DEAD


@given(interval=floats(0.5, 60), died=floats(0, 3), tick=floats(0.05, 1))
def test_a_dead_peer_is_left_within_one_and_a_half_intervals(interval: float, died: float, tick: float) -> None:
    beat = heartbeat(interval, at=0.0)
    now, death, pinged = 0.0, died * interval, 0.0
    while True:
        now += min(tick, max(0.0, beat.next_check() - now))
        match beat.check(now, tick=tick):
            case Pulse.DEAD:
                break
            case Pulse.PING:
                pinged = now
                if now <= death:
                    assert beat.pong(beat.token, now)
        assert now < 100 * interval
    assert now - pinged == pytest.approx(interval / 2)
    assert now - death <= 1.5 * interval + 1e-6


def test_next_check_is_when_something_can_happen() -> None:
    beat = heartbeat()
    assert beat.next_check() == 115.0
    beat.check(115.0, tick=15.0)
    assert beat.next_check() == 122.5
    beat.pong(1, 116.0)
    assert beat.next_check() == 130.0


def test_a_check_that_comes_late_does_not_bunch_pings_up() -> None:
    """The rhythm is kept where it can be, and there is half an interval at least between two pings."""
    beat = heartbeat()
    assert beat.check(116.0, tick=15.0) is PING
    beat.pong(1, 116.0)
    assert beat.next_check() == 130.0
    late = heartbeat()
    assert late.check(128.0, tick=15.0) is PING
    late.pong(1, 128.0)
    assert late.next_check() == 135.5


@given(lists(tuples(floats(0.01, 40), sampled_from([True, True, False])), max_size=60))
def test_pings_are_never_closer_than_half_an_interval(steps: list[tuple[float, bool]]) -> None:
    beat, now = heartbeat(10.0, at=0.0), 0.0
    pings = []
    for seconds, answered in steps:
        now += seconds
        pulse = beat.check(now, tick=1.0)
        if pulse is DEAD:
            break
        if pulse is PING:
            pings.append(now)
        if answered:
            beat.pong(None, now)
    assert all(after - before >= 5.0 - 1e-9 for before, after in pairwise(pings))


# --- pongs


def test_only_the_pong_to_the_ping_in_flight_counts() -> None:
    beat = heartbeat()
    assert not beat.pong(None, 101.0), "no ping is in flight"
    assert not beat.pong(0, 101.0)
    beat.check(115.0, tick=15.0)
    assert not beat.pong(0, 115.5)
    assert not beat.pong(2, 115.5)
    assert beat.answered_at is None
    assert beat.pong(1, 115.5)
    assert not beat.pong(1, 115.6), "it was answered already"
    assert (beat.answered_at, beat.round_trip) == (115.5, 0.5)
    beat.check(130.0, tick=15.0)
    assert not beat.pong(1, 131.0), "an old pong does not answer a new ping"
    assert beat.pong(None, 131.0), "one without a token answers what is in flight"
    assert beat.round_trip == 1.0


def test_what_the_peer_had_said_before_an_answered_ping_was_sent_has_arrived() -> None:
    heart = Heartbeat(interval=10.0, timeout=5.0, checked_at=100.0)
    assert heart.check(110.0, tick=10.0) is Pulse.PING
    assert heart.heard_until is None
    assert heart.pong(1, 113.0)
    assert heart.heard_until == 110.0
    assert heart.check(120.0, tick=10.0) is Pulse.PING
    assert heart.heard_until == 110.0
    assert heart.check(500.0, tick=10.0) is Pulse.QUIET, "time jumped, which is granted"
    assert heart.pong(2, 501.0)
    assert heart.heard_until == 120.0, "the pong may have been on its way all the time"


# --- a clock that jumps


def test_a_suspended_machine_grants_the_ping_in_flight_its_whole_time_again() -> None:
    beat = heartbeat()
    beat.check(115.0, tick=15.0)
    assert beat.check(3600.0, tick=1.0) is QUIET
    assert beat.next_check() == 3607.5
    assert beat.check(3607.4, tick=7.5) is QUIET
    assert beat.check(3607.5, tick=1.0) is DEAD


def test_a_check_as_late_as_that_is_no_jump_yet() -> None:
    beat = heartbeat()
    beat.check(115.0, tick=15.0)
    assert beat.check(121.0, tick=6.0 - JUMP) is QUIET
    assert beat.next_check() == 122.5
    assert beat.check(127.001, tick=4.0) is QUIET, "this one was later than two seconds"
    assert beat.next_check() == 134.501


def test_a_loop_that_is_always_late_still_notices_a_dead_peer() -> None:
    """Grace is granted once to a ping, else each late look would grant it again."""
    beat = heartbeat()
    beat.check(115.0, tick=15.0)
    now = 115.0
    while beat.check(now := now + 3.5, tick=1.0) is not DEAD:
        assert now < 150.0
    assert now == 129.0


def test_each_ping_has_its_own_grace() -> None:
    beat = heartbeat()
    beat.check(115.0, tick=15.0)
    assert beat.check(1000.0, tick=1.0) is QUIET
    beat.pong(1, 1001.0)
    assert beat.check(1016.0, tick=15.0) is PING
    assert beat.check(2000.0, tick=1.0) is QUIET


def test_a_jump_with_no_ping_in_flight_only_makes_one_due() -> None:
    beat = heartbeat()
    assert beat.check(5000.0, tick=1.0) is PING
    assert beat.check(5007.5, tick=7.5) is DEAD


# --- another pace


def test_a_changed_interval_holds_from_the_last_ping_on() -> None:
    beat = heartbeat(15.0)
    beat.check(115.0, tick=15.0)
    beat.pong(1, 115.0)
    assert beat.change(5.0, 2.5)
    assert not beat.change(5.0, 2.5)
    assert beat.next_check() == 120.0
    assert beat.check(120.0, tick=5.0) is PING
    assert beat.next_check() == 122.5
    beat.pong(2, 120.0)
    beat.change(60.0, 30.0)
    assert beat.next_check() == 180.0


def test_a_ping_in_flight_keeps_the_time_that_it_was_given() -> None:
    """Else a shorter interval would end a connection whose pong is under way."""
    beat = heartbeat(15.0)
    beat.check(115.0, tick=15.0)
    beat.change(1.0, 0.5)
    assert beat.check(116.0, tick=1.0) is QUIET
    assert beat.next_check() == 122.5
    assert beat.check(122.5, tick=6.5) is DEAD


def test_a_ping_in_flight_is_given_more_time_where_more_is_allowed_now() -> None:
    beat = heartbeat(2.0)
    beat.check(102.0, tick=2.0)
    beat.change(60.0, 30.0)
    assert beat.next_check() == 132.0
    assert beat.check(131.9, tick=30.0) is QUIET
    assert beat.check(132.0, tick=1.0) is DEAD


# --- data ages


def test_a_stream_is_as_old_as_the_sample_in_which_its_counter_last_moved() -> None:
    ages = DataAges()
    assert ages.sample({"a": 0, "b": 3}, 10.0) == {"b": 10.0}
    assert ages.sample({"a": 0, "b": 3}, 11.0) == {"b": 10.0}
    assert ages.sample({"a": 1, "b": 3}, 12.0) == {"a": 12.0, "b": 10.0}
    assert ages.sample({"a": 1, "b": 9}, 13.0) == {"a": 12.0, "b": 13.0}


def test_a_stream_that_left_is_forgotten() -> None:
    ages = DataAges()
    ages.sample({"a": 1, "quiet": 0}, 10.0)
    assert ages.sample({}, 11.0) == {}
    assert ages._seen == ages._at == {}
    assert ages.sample({"a": 0}, 12.0) == {}


def test_a_picture_of_the_ages_does_not_change() -> None:
    ages = DataAges()
    before = ages.sample({"a": 1}, 10.0)
    ages.sample({"a": 2}, 11.0)
    assert before == {"a": 10.0}
    with pytest.raises(TypeError):
        before["a"] = 0.0  # type: ignore[index]


@given(lists(lists(integers(0, 3), min_size=3, max_size=3), max_size=30))
def test_ages_agree_with_a_naive_count(steps: list[list[int]]) -> None:
    ages, counters, expected = DataAges(), [0, 0, 0], {}
    for now, frames in enumerate(steps):
        for stream, number in enumerate(frames):
            counters[stream] += number
            if number:
                expected[str(stream)] = float(now)
        assert ages.sample({str(s): n for s, n in enumerate(counters)}, float(now)) == expected


# --- healthy


def why(
    ages: Ages,
    now: float = 1000.0,
    *,
    connected: bool = True,
    since: float = 0.0,
    rhythm: Rhythm | None = None,
    interval: float | None = 15.0,
    paced_at: float = 0.0,
) -> str:
    return unhealthy_because(
        connected=connected,
        ages=ages,
        since=since,
        now=now,
        rhythms=frozenset() if rhythm is None else frozenset({Rhythm.SPARSE, rhythm}),
        ping_timeout=60.0,
        message_timeout=120.0,
        heartbeat_interval=interval,
        paced_at=paced_at,
    )


def test_what_came_earlier_stands_where_nothing_came_since_but_for_streams_that_nobody_wants() -> None:
    earlier = Ages(message_at=1.0, pong_at=2.0, round_trip=0.1, streams={"a": 1.0, "b": 1.0, "gone": 1.0})
    wanted = ("a", "b", "never")
    assert Ages().after(earlier, wanted) == Ages(message_at=1.0, pong_at=2.0, streams={"a": 1.0, "b": 1.0})
    since = Ages(message_at=9.0, pong_at=8.0, round_trip=0.2, streams={"a": 9.0})
    assert since.after(earlier, wanted) == replace(since, streams={"a": 9.0, "b": 1.0})


def test_what_is_not_connected_is_not_healthy() -> None:
    assert why(Ages(message_at=1000.0, pong_at=1000.0), connected=False) == "not connected"


def test_the_last_pong_may_be_sixty_seconds_old_and_no_older() -> None:
    assert why(Ages(pong_at=940.0)) == ""
    assert why(Ages(pong_at=939.4)) == "no pong for 61 s"
    assert why(Ages(pong_at=None), since=940.0) == ""
    assert why(Ages(pong_at=None), since=939.0) == "no pong for 61 s"
    assert why(Ages(pong_at=10.0), since=940.0) == "", "nothing counts as older than the connection"


@pytest.mark.parametrize(
    ("interval", "age", "told"),
    [
        (90.0, 80.0, ""),
        (90.0, 135.0, ""),
        (90.0, 136.0, "no pong for 136 s"),
        (40.0, 60.0, ""),
        (39.0, 61.0, "no pong for 61 s"),
        (None, 60.0, ""),
        (None, 61.0, "no pong for 61 s"),
    ],
)
def test_a_connection_that_is_pinged_seldom_is_healthy_for_one_and_a_half_intervals(
    interval: float | None, age: float, told: str
) -> None:
    assert why(Ages(pong_at=1000.0 - age), interval=interval) == told


def test_a_pong_that_was_fresh_at_the_former_pace_does_not_count_against_the_new_one() -> None:
    assert why(Ages(pong_at=900.0), paced_at=940.0) == ""
    assert why(Ages(pong_at=900.0), paced_at=939.0) == "no pong for 61 s"
    assert why(Ages(pong_at=940.0), paced_at=10.0) == ""
    assert why(Ages(pong_at=1000.0, message_at=870.0), rhythm=Rhythm.CONTINUOUS, paced_at=999.0) == (
        "no message for 130 s"
    ), "messages have no pace"


def test_where_pings_are_not_answered_at_all_pongs_do_not_count() -> None:
    assert why(Ages(has_pongs=False)) == ""


@pytest.mark.parametrize("rhythm", [Rhythm.CONTINUOUS, Rhythm.HEARTBEATED])
def test_the_last_message_may_be_two_minutes_old_where_there_should_be_some(rhythm: Rhythm) -> None:
    assert why(Ages(pong_at=1000.0, message_at=880.0), rhythm=rhythm) == ""
    assert why(Ages(pong_at=1000.0, message_at=879.4), rhythm=rhythm) == "no message for 121 s"
    assert why(Ages(pong_at=1000.0, message_at=None), rhythm=rhythm, since=880.0) == ""
    assert why(Ages(pong_at=1000.0, message_at=None), rhythm=rhythm, since=870.0) == "no message for 130 s"


@pytest.mark.parametrize("rhythm", [Rhythm.SPARSE, None])
def test_a_thin_market_is_not_a_dead_one(rhythm: Rhythm | None) -> None:
    assert why(Ages(pong_at=1000.0, message_at=0.0), rhythm=rhythm) == ""


def test_the_pong_is_named_first() -> None:
    assert why(Ages(), rhythm=Rhythm.CONTINUOUS) == "no pong for 1000 s"
