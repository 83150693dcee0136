"""A second connection takes over a stream: each datum is told once, in order, or missed aloud."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy, booleans, integers, lists, sampled_from, tuples
from wires import KINDS, Books, Numbered, Wires

MOVES = lists(sampled_from(["make", "make", "serve", "serve", "bring", "bring", "answer"]), max_size=12)


def plans(*steps: str) -> SearchStrategy[Sequence[str]]:
    """Return plans in which ``steps`` come in this order, with anything that the wires may do in between."""
    parts = [part for step in steps for part in (MOVES, sampled_from([[step], [step], []]))]
    return tuples(*parts, MOVES).map(lambda chosen: [step for part in chosen for step in part])


def by_name(kind: Callable[[], Wires]) -> str:
    return kind.__name__


@pytest.mark.parametrize("kind", KINDS, ids=by_name)
@given(plan=plans("begin", "subscribe", "settle", "swap"))
@settings(max_examples=400, deadline=None)
def test_whenever_it_takes_over_each_datum_is_told_once_in_order_or_announced(kind, plan: Sequence[str]) -> None:
    wires = kind()
    for step in plan:
        getattr(wires, step)()
    wires.drain()
    wires.check()


@pytest.mark.parametrize("kind", KINDS, ids=by_name)
@given(before=plans("begin", "subscribe"), lags=tuples(integers(0, 5), integers(0, 5)), in_time=booleans())
@settings(max_examples=300, deadline=None)
def test_one_that_is_ready_leaves_no_gap(
    kind, before: Sequence[str], lags: tuple[int, int], in_time: bool
) -> None:
    """Where numbers tell, also if the first connection is later than anybody expects."""
    wires = kind()
    for step in [*before, "begin", "subscribe"]:
        getattr(wires, step)()
    wires.make()
    wires.bring()
    if in_time or not isinstance(wires, (Numbered, Books)):
        wires.settle()
    for number in range(80):
        wires.answer()
        if wires.swap_if_ready(patient=number < 60):
            break
        wires.make()
        for lag, deliver in zip(lags, (wires.serve, wires.bring), strict=True):
            if number >= lag:
                deliver()
        if number > 50:
            wires.drain()
    assert wires.has_swapped, "it never became ready"
    for step in ("make", "bring") * 10:
        getattr(wires, step)()
    wires.drain()
    heard = wires.check()
    assert wires.gaps == []
    assert heard[-1] == wires.made
    if not wires.conflates and not isinstance(wires, Books):
        assert heard == list(range(heard[0], wires.made + 1))
