"""Clean-up runs to its end, and a cancellation is told afterwards, never lost."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.runtime.finish import finish
from gateway.testing.virtual import run


class Cleaning:
    """Takes five seconds and ends as told."""

    def __init__(self, end: Callable[[], None] = lambda: None) -> None:
        self.end = end
        self.done = False

    async def __call__(self) -> None:
        await asyncio.sleep(5)
        self.done = True
        self.end()


def fail() -> None:
    raise ValueError("cannot be given back")


def finished(cleaning: Cleaning, *cancels: float) -> "asyncio.Task[None]":
    """Finish ``cleaning`` in a task that is cancelled at each of ``cancels`` seconds, and return it."""

    async def main() -> "asyncio.Task[None]":
        task = asyncio.create_task(finish(cleaning()))
        for at in cancels:
            asyncio.get_running_loop().call_at(at, task.cancel)
        await asyncio.wait({task})
        assert asyncio.get_running_loop().time() == 5
        return task

    return run(main())


def test_it_returns_when_the_clean_up_has_ended() -> None:
    cleaning = Cleaning()
    assert finished(cleaning).result() is None
    assert cleaning.done


@pytest.mark.parametrize("cancels", [(0,), (2,), (2, 3), (0, 1, 2, 3, 4), (5,)])
def test_cancellations_wait_for_its_end(cancels: tuple[float, ...]) -> None:
    cleaning = Cleaning()
    assert finished(cleaning, *cancels).cancelled() or cancels == (5,)
    assert cleaning.done


def test_its_own_failure_passes() -> None:
    with pytest.raises(ValueError, match="cannot be given back"):
        finished(Cleaning(fail)).result()


def test_its_failure_does_not_hide_a_cancellation() -> None:
    """Else a task that was told to end would go on."""
    task = finished(Cleaning(fail), 2)
    with pytest.raises(asyncio.CancelledError) as caught:
        task.result()
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_clean_up_that_is_cancelled_itself_is_a_cancellation() -> None:
    async def main() -> None:
        begun = asyncio.all_tasks()
        task = asyncio.create_task(finish(Cleaning()()))
        await asyncio.sleep(1)
        [cleaning] = asyncio.all_tasks() - begun - {task}
        cleaning.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    run(main())
