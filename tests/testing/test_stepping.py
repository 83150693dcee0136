"""Each await is counted once, told where it stands, and can be disturbed at the moment that was asked for."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.testing.stepping import Awaits, Moment
from gateway.testing.virtual import VirtualLoop


async def inner() -> str:
    await asyncio.sleep(1.0)
    return "slept"


async def outer(told: list[str]) -> None:
    told.append("begun")
    told.append(await inner())
    await asyncio.sleep(0)
    told.append("done")


def played(
    at: int = 0, moment: Moment = Moment.BEGUN, counts: Callable[..., bool] = lambda *_: True
) -> tuple[list[str], list[str], Any]:
    """Run ``outer``, cancelled at one of its awaits; returns what it told, where it stood and how it ended."""
    loop, told = VirtualLoop(), []
    awaits = Awaits(loop, counts)

    def strike(task: "asyncio.Task[Any]") -> None:
        told.append(f"struck at {loop.time():g}")
        task.cancel()

    if at:
        awaits.at(at, strike, moment)
    task = loop.create_task(outer(told), name="outer")
    try:
        loop.run_until_complete(asyncio.wait({task}))
    finally:
        loop.finish()
    ended = "cancelled" if task.cancelled() else task.result()
    return told, [place for place in awaits.places if "outer" in place], ended


def test_awaits_are_counted_with_the_place_where_each_stands() -> None:
    told, places, _ = played()
    assert told == ["begun", "slept", "done"]
    first, second = [place.split(" > ") for place in places]
    assert [step.partition(":")[0] for step in first] == ["outer", "inner"]
    assert [step.partition(":")[0] for step in second] == ["outer"]
    assert first[0] != second[0], "another line"


@pytest.mark.parametrize(
    ("at", "moment", "told"),
    [
        (1, Moment.BEGUN, ["begun", "struck at 0"]),
        (1, Moment.OVER, ["begun", "struck at 1"]),
        (2, Moment.BEGUN, ["begun", "slept", "struck at 1"]),
        (2, Moment.OVER, ["begun", "slept", "struck at 1"]),
    ],
)
def test_a_task_is_disturbed_at_the_moment_that_was_asked_for(at: int, moment: Moment, told: list[str]) -> None:
    """In the last case it waits for nothing but its turn."""
    only_outer = played(at, moment, lambda task, _: task.get_name() == "outer")
    assert only_outer[0] == told
    assert only_outer[2] == "cancelled"


def test_what_is_not_asked_about_does_not_count() -> None:
    files: set[str] = set()
    told, _, ended = played(1, counts=lambda _, file: files.add(file))
    assert (told, ended) == (["begun", "slept", "done"], None)
    assert __file__ in files


def test_a_task_that_is_counted_still_tells_where_it_stands() -> None:
    loop = VirtualLoop()
    Awaits(loop)
    task = loop.create_task(outer([]))
    loop.settle()
    assert any("inner" in one for one in loop.leftovers())
    assert task.get_coro().cr_frame is not None
    loop.finish()


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("after", [0.0, 0.5])
def test_what_is_not_to_happen_any_more_does_not(moment: Moment, after: float) -> None:
    loop, told = VirtualLoop(), []
    awaits = Awaits(loop, lambda task, _: task.get_name() == "outer")
    awaits.at(1 if moment is Moment.OVER else 2, lambda _: told.append("struck"), moment)
    loop.call_later(after, awaits.never)
    task = loop.create_task(outer(told), name="outer")
    loop.run_until_complete(asyncio.wait({task}))
    loop.finish()
    assert told == ["begun", "slept", "done"]
    assert awaits.count == 2
