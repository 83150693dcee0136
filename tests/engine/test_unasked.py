"""What comes late is let be; what goes on coming is given up once more, now and then, and never without bound."""

from collections.abc import Container, Iterable

from hypothesis import given
from hypothesis import strategies as st

from gateway.engine.unasked import AGAIN, GRACE, MOST, Unasked


def looked(comes: Iterable[float], until: float, wanted: Container[str] = ()) -> list[float]:
    """Let a datum come at each of those seconds, look once a second, and return when it is to be given up."""
    unasked, times = Unasked(), sorted(comes)
    found: list[float] = []
    for second in range(int(until) + 1):
        while times and times[0] <= second:
            times.pop(0)
            unasked.note("s")
        if unasked.look(wanted, float(second)):
            found.append(float(second))
    return found


def test_what_comes_late_is_let_be() -> None:
    assert looked([10, 11, 12, 14], 100) == []


def test_what_goes_on_coming_is_given_up_once_more_and_again_each_few_minutes() -> None:
    assert looked(range(10, 1000), 1000) == [10 + GRACE + number * AGAIN for number in range(4)]


def test_one_that_comes_seldom_is_found_too() -> None:
    assert looked([10, 110, 210], 300) == [110]


def test_one_that_has_stopped_for_long_has_its_grace_again() -> None:
    later = 20 + GRACE + AGAIN + 1
    assert looked([10, 20, later, later + 1], 400) == [20]


def test_what_is_wanted_again_is_forgotten() -> None:
    assert looked(range(10, 100), 100, wanted={"s"}) == []
    unasked = Unasked()
    unasked.note("s")
    unasked.look((), 0.0)
    unasked.look({"s"}, 100.0)
    unasked.note("s")
    assert unasked.look((), 101.0) == []
    assert unasked.counts() == {"s": 1}


def test_data_are_counted_by_stream_as_long_as_they_matter() -> None:
    unasked = Unasked()
    for stream in "aab":
        unasked.note(stream)
    assert unasked.counts() == {}
    unasked.look((), 0.0)
    assert unasked.counts() == {"a": 2, "b": 1}
    unasked.note("a")
    unasked.look((), 200.0)
    assert unasked.counts() == {"a": 3, "b": 1}
    unasked.look((), AGAIN + GRACE + 1)
    assert unasked.counts() == {"a": 3}


def test_of_too_many_names_and_of_long_ones_nothing_is_kept() -> None:
    unasked = Unasked()
    for number in range(MOST):
        unasked.note(str(number))
    unasked.note("one more")
    unasked.look((), 0.0)
    unasked.note("x" * (MOST + 1))
    unasked.note("another")
    unasked.look((), 1.0)
    assert unasked.counts() == {str(number): 1 for number in range(MOST)}


@given(st.lists(st.text(max_size=2 * MOST) | st.integers(0, 2000).map(str), max_size=60), st.integers(1, 40))
def test_an_exchange_that_makes_names_up_fills_no_memory(names: list[str], rounds: int) -> None:
    unasked = Unasked()
    for second in range(rounds):
        for number, name in enumerate(names * 10):
            unasked.note(f"{name}{number % 300}-{second}")
        assert len(unasked._noted) <= MOST
        unasked.look((), float(second))
        assert len(unasked.counts()) <= MOST
        assert all(len(name) <= MOST for name in unasked.counts())
