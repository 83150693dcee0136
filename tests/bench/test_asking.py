"""
Asking is cheap however many connections there are: what is counted is calls and objects, never seconds.

A limit below is a third above what it was when it was written: whoever needs more must say why.
"""

import gc
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.testing.virtual import run

FEW, MANY = 20, 120
CALLS = {"get_stats": 18, "get_connection_details": 46, "get_unhealthy_connections": 10, "problems": 2}
"""Functions that a question may call for each connection; some are for streams that have no data yet."""


@pytest.fixture
def costs(bench: Any) -> Mapping[int, Any]:
    """What each question costs with few connections and with many."""
    return {count: bench("asking").costs(count, 0) for count in (FEW, MANY)}


def test_a_question_calls_so_many_functions_for_each_connection_and_no_more(costs: Mapping[int, Any]) -> None:
    for name, most in CALLS.items():
        each = (costs[MANY][name].calls - costs[FEW][name].calls) / (MANY - FEW)
        assert costs[FEW][name].calls > 0, name
        assert each <= most, name


def test_one_connection_is_told_without_a_look_at_the_others(costs: Mapping[int, Any]) -> None:
    assert costs[MANY]["get_connection_info"].calls == costs[FEW]["get_connection_info"].calls


def test_what_is_held_of_a_connection_does_not_grow_with_its_reconnects(bench: Any) -> None:
    """Another history, of a hundred changes that these make, would be twice what is allowed."""
    early, late = (bench("asking").held(4, cuts) for cuts in (14, 35))
    assert (late - early) / 4 < 20 * 1024


def test_asking_leaves_nothing_behind(bench: Any) -> None:
    """Nothing that is asked for is kept, but what was told of histories: that is replaced."""

    async def main() -> int:
        lines = bench("lines_in_memory").MemoryLines(10)
        async with lines.gateway as gateway:
            await lines.open()
            await lines.cut(3)
            levels = []
            for _ in range(3):
                for _ in range(50):
                    for ask in bench("asking").ASKED.values():
                        ask(gateway)
                gc.collect()
                levels.append(sys.getallocatedblocks())
        await lines.settle()
        return levels[2] - levels[1]

    assert run(main()) < 50


def test_calls_are_counted_those_of_functions_in_c_too(bench: Any) -> None:
    calls = bench("asking").calls
    assert calls(lambda: None) == 1
    assert calls(lambda: [len("x") for _ in range(5)]) in {6, 7}, "the comprehension is a function before 3.12"
