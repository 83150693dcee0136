"""Whoever was closed for sending too much sends half, for an hour, and twice as much again after it."""

import pytest

from gateway.engine.budgets import Budgets, ConnectionBudgets
from gateway.engine.restraint import HELD, TOGETHER, Restraint
from gateway.spi.contract import Limit, Scope

MESSAGES = Limit("messages", 20, per=1.0, scope=Scope.CONNECTION)
PONGS = Limit("pongs", 5, per=1.0, scope=Scope.CONNECTION, counts_control_frames=True)
WEIGHT = Limit("weight", 100, per=60.0)
LIMITS = (MESSAGES, PONGS, WEIGHT)


def at_once(budgets: ConnectionBudgets, name: str, now: float) -> int:
    """Take units one by one as long as none has to wait; return how many."""
    count = 0
    while not budgets.wait({name: 1}, now):
        budgets.take({name: 1}, now)
        count += 1
    return count


def test_half_is_left_then_a_quarter_and_never_nothing() -> None:
    restraint, now = Restraint(), 10.0
    left = []
    for _ in range(6):
        assert restraint.halve(now)
        left.append(restraint.of(18, now))
        now += TOGETHER
    assert left == [9, 4, 2, 1, 1, 1]


def test_those_that_are_closed_together_have_it_cut_once() -> None:
    restraint = Restraint()
    assert [restraint.halve(now) for now in (1.0, 1.5, 2.9, 3.0)] == [True, False, False, True]
    assert restraint.of(100, 3.0) == 25


def test_an_hour_without_gives_one_halving_back() -> None:
    restraint = Restraint()
    restraint.halve(0.0)
    restraint.halve(100.0)
    assert [restraint.of(8, 100 + HELD * hours) for hours in (0.99, 1, 1.99, 2, 3)] == [2, 4, 4, 8, 8]
    assert restraint.halve(100 + 2 * HELD)
    assert restraint.of(8, 100 + 2 * HELD) == 4


def test_every_connection_sends_less_those_that_are_open_too() -> None:
    budgets = Budgets()
    before = budgets.for_connection(LIMITS, None)
    assert at_once(before, "messages", 0.0) == 18
    assert budgets.halve(LIMITS, 5.0) == {"messages": 9, "pongs": 2}
    after = budgets.for_connection(LIMITS, None)
    assert [at_once(one, "messages", 10.0) for one in (before, after)] == [9, 9]
    assert at_once(after, "weight", 10.0) == 90, "it is not the connection's"
    assert at_once(after, "pongs", 10.0) == 1, "a pong has one"
    assert budgets.halve(LIMITS, 5.5) == {}
    assert at_once(after, "messages", 5.0 + HELD) == 18


def test_what_can_only_be_had_at_once_still_can() -> None:
    budgets = Budgets()
    ours = budgets.for_connection(LIMITS, None)
    for now in (0.0, 10.0, 20.0):
        budgets.halve(LIMITS, now)
    assert ours.wait({"messages": 10}, 30.0) == 0
    ours.take({"messages": 10}, 30.0)
    assert ours.wait({"messages": 10}, 30.0) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="allows 18 units at once"):
        ours.wait({"messages": 19}, 30.0)
