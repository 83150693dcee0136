"""What grows for certain, what cannot be told, and how both are shown."""

from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def levels(bench: Any) -> Any:
    """Twenty samples, a hundred reconnects between two, of tasks that make no difference."""

    def made(tasks: list[float]) -> Any:
        found = bench("levels").Levels(len(tasks))
        found.at[:] = type(found.at)("d", [100.0 * number for number in range(len(tasks))])
        found.samples = {"tasks": tasks}
        return found

    return made


FLAT = [50.0] * 20
LEAKS = [50.0 + 20 * number for number in range(20)]
NOISE = [50.0 + 400 * (number % 2) for number in range(20)]


async def test_what_is_flat_neither_grows_nor_is_it_unsure(levels: Any) -> None:
    assert (levels(FLAT).growing(), levels(FLAT).unsure()) == ({}, {})


async def test_what_a_fifth_of_the_reconnects_leaves_grows(levels: Any) -> None:
    [found] = levels(LEAKS).growing().values()
    assert (found.slope, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))
    assert levels(LEAKS).unsure() == {}


async def test_a_leak_that_could_hide_in_the_noise_is_no_proof_of_anything(levels: Any) -> None:
    assert levels(NOISE).growing() == {}
    assert list(levels(NOISE).unsure()) == ["tasks"]


async def test_memory_that_is_taken_at_once_is_no_leak_but_a_lasting_one_is(levels: Any) -> None:
    """An arena in the middle of a short run is as steep as a leak, and less than what counts."""
    arena, leak = (levels([0.0] * 20) for _ in range(2))
    arena.samples = {"resident bytes": [0.0] * 10 + [float(1 << 20)] * 10}
    leak.samples = {"resident bytes": [9000.0 * 100 * number for number in range(20)]}
    assert (arena.growing(), arena.unsure()) == ({}, {})
    assert list(leak.growing()) == ["resident bytes"]


async def test_samples_take_no_memory_of_their_own(bench: Any) -> None:
    """Else they would be measured, too."""
    found = bench("levels").Levels(10)
    assert all(values.typecode == "d" and len(values) == 10 for values in (found.at, *found.samples.values()))


@pytest.mark.parametrize(
    ("tasks", "last"),
    [
        (FLAT, "tasks                +0 (+0..+0)                                      50             50"),
        (LEAKS, "GROWS: tasks, more than 0.05 for each reconnect"),
        (NOISE, "NO RESULT: tasks, the interval is too wide; more reconnects"),
    ],
)
async def test_a_report_says_so(bench: Any, levels: Any, tasks: list[float], last: str) -> None:
    lines = SimpleNamespace(ghosts=["mock/stream/0"], looks=1234, ups=2000)
    told = bench("ghosts").report(lines, levels(tasks)).splitlines()
    assert told[0] == "ghosts: 1 in 1,234 looks and 2,000 times that a connection came up"
    assert told[-1] == last
