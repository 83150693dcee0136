"""Two copies of one sequence: what came both ways is known, what came one way is kept, and both are bounded."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from

from gateway.engine.alignment import Alignment, Line


def held(line: Line[int]) -> list[int]:
    return line.items()


def test_a_line_forgets_the_oldest_beyond_its_bounds() -> None:
    line: Line[int] = Line(3, 10)
    for number in range(3):
        line.append(number, number, size=1)
    assert not line.dropped
    line.append(3, 3, size=1)
    assert (held(line), line.dropped) == ([1, 2, 3], True)
    line.append(4, 4, size=9)
    assert held(line) == [3, 4]
    line.append(5, 5, size=11)
    assert held(line) == []


def test_a_cut_takes_everything_up_to_the_oldest_of_that_key() -> None:
    line: Line[int] = Line(10, 10)
    for number, key in enumerate("abab"):
        line.append(key, number)
    assert not line.cut("c")
    assert line.cut("b")
    assert held(line) == [2, 3]
    assert line.cut("b")
    assert (held(line), len(line)) == ([], 0)
    assert not line.cut("a")


@given(lists(sampled_from(["a", "b", "c", "clear", "cut a", "cut b"]), max_size=40), integers(1, 5))
def test_a_line_is_a_list(steps: list[str], most: int) -> None:
    line: Line[int] = Line(most, 1000)
    plain: list[tuple[str, int]] = []
    for number, step in enumerate(steps):
        word, _, key = step.partition(" ")
        if word == "clear":
            line.clear()
            plain.clear()
        elif word == "cut":
            keys = [one for one, _ in plain]
            assert line.cut(key) is (key in keys)
            del plain[: keys.index(key) + 1 if key in keys else 0]
        else:
            line.append(word, number)
            plain = [*plain, (word, number)][-most:]
        assert held(line) == [item for _, item in plain]


def copies(published: str, kept: str) -> Alignment[str]:
    """Return what has come the first way, and then the second."""
    both: Alignment[str] = Alignment(10, 1000)
    for key in published:
        both.publish(key)
    for key in kept:
        both.keep(key, key)
    return both


@pytest.mark.parametrize(
    ("published", "kept", "only", "new"),
    [
        ("abc", "bcde", "de", {"f": True}),
        ("abcd", "bc", "", {"d": False, "e": True}),
        ("", "ab", "ab", {"c": True}),
        ("ab", "", "", {"b": False, "c": True}),
        ("ab", "cd", "cd", {}),
        ("abab", "babc", "c", {"a": True}),
        ("abcad", "adb", "b", {"c": True}),
    ],
)
def test_only_what_the_second_way_alone_has_brought_is_left(published, kept, only, new) -> None:
    both = copies(published, kept)
    assert both.take_over() == (list(only), False)
    assert {key: both.is_new(key) for key in new} == new


def test_what_comes_the_second_way_first_is_kept_until_it_comes_the_first_way() -> None:
    both = copies("", "abcd")
    for key in "abc":
        both.publish(key)
    assert len(both._kept) == 1, "what was published meanwhile is not held"
    assert both.take_over() == (["d"], False)
    assert both.is_new("a"), "a later one of the same content is another"


def test_what_is_older_than_a_published_one_is_not_told_after_it() -> None:
    """Such as the last trades, with which some exchanges begin a stream."""
    both = copies("abc", "xyb")
    assert both.take_over() == ([], False)


def test_what_was_before_the_second_came_is_not_mistaken_for_what_follows() -> None:
    both = copies("", "de")
    for key in "abcde":
        both.publish(key)
    both.keep("a", "a")
    assert both.take_over() == (["a"], False)


def test_too_much_to_keep_is_a_loss() -> None:
    both = copies("", "abcdefghijkl")
    assert both.take_over() == (list("cdefghijkl"), True)


def test_copies_with_nothing_in_common_where_they_should_are_torn_once() -> None:
    both = copies("abc", "")
    both.expect()
    both.publish("d")
    both.keep("x", "x")
    assert both.take_over() == ([], True)
    assert not both.is_torn()


def test_copies_that_are_torn_after_all_are_so_once() -> None:
    both: Alignment[str] = Alignment(10, 1000)
    both.expect()
    both.publish("a")
    assert both.take_over() == ([], False)
    assert both.is_new("x")
    assert [both.is_torn(), both.is_torn()] == [True, False]


def test_one_in_common_is_enough() -> None:
    both: Alignment[str] = Alignment(10, 1000)
    both.expect()
    both.publish("a")
    both.publish("b")
    assert both.take_over() == ([], False)
    assert not both.is_new("b")
    assert both.is_new("c")
    assert not both.is_torn()


def test_what_nobody_expects_tears_nothing() -> None:
    both = copies("ab", "xy")
    both.expect()
    assert both.take_over() == (["x", "y"], False)
