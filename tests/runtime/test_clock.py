"""The exchange's time is ours, corrected; nonces only grow."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.runtime.clock import ExchangeClock


def test_their_clock_is_believed_as_of_the_middle_of_the_question() -> None:
    clock = ExchangeClock(lambda: 5_000_000)
    assert clock.now() == 5_000_000
    clock.correct(9_000_000, sent_us=1_000_000, received_us=3_000_000)
    assert (clock.offset_us, clock.now()) == (7_000_000, 12_000_000)
    clock.correct(1_000_000, sent_us=1_000_000, received_us=3_000_000)
    assert clock.now() == 4_000_000


@given(st.lists(st.integers(0, 5), min_size=1, max_size=50))
def test_a_nonce_is_above_every_one_before_whatever_the_clock_does(times: list[int]) -> None:
    left = list(times)
    clock = ExchangeClock(lambda: left.pop(0))
    nonces = [clock.nonce() for _ in times]
    assert nonces == sorted(set(nonces))
    assert nonces[0] == max(1, times[0])
