"""Hours in milliseconds, orders that a seed repeats, and nothing left behind unnoticed."""

import asyncio
import math
import time

import pytest

from gateway.testing.virtual import DeadlockError, LeftBehindError, LivelockError, VirtualLoop, run

SEEDS = range(20)


async def order_of_three_tasks() -> str:
    order: list[str] = []

    async def one(name: str) -> None:
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(one(name))
    return "".join(order)


def test_a_day_passes_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(86_400 * 30)
        return asyncio.get_running_loop().time()

    begun = time.monotonic()
    assert run(main()) == 86_400 * 30
    assert time.monotonic() - begun < 5


def test_time_stands_still_while_anybody_runs() -> None:
    async def main() -> set[float]:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(0.001, print)
        seen = set()
        for _ in range(1000):
            seen.add(loop.time())
            await asyncio.sleep(0)
        timer.cancel()
        return seen

    assert run(main()) == {0.0}


def test_timers_fire_at_their_exact_instants() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        fired: list[float] = []
        for when in (0.3, 0.1, 0.7, 0.2):
            loop.call_at(when, lambda: fired.append(loop.time()))
        await asyncio.sleep(1)
        return fired

    assert run(main()) == [0.1, 0.2, 0.3, 0.7]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_gives_the_same_order(seed: int) -> None:
    assert run(order_of_three_tasks(), seed=seed) == run(order_of_three_tasks(), seed=seed)


def test_seeds_try_every_order_of_tasks() -> None:
    """Else a program that depends on the usual one would pass for ever."""
    assert {run(order_of_three_tasks(), seed=seed) for seed in range(100)} == {
        "abc", "acb", "bac", "bca", "cab", "cba",
    }  # fmt: skip


def test_timers_of_one_instant_fire_in_any_order() -> None:
    async def main() -> str:
        fired: list[str] = []
        for name in "ab":
            asyncio.get_running_loop().call_at(1, fired.append, name)
        await asyncio.sleep(2)
        return "".join(fired)

    assert {run(main(), seed=seed) for seed in SEEDS} == {"ab", "ba"}


@pytest.mark.parametrize("seed", SEEDS)
def test_plain_callbacks_keep_the_order_that_asyncio_promises(seed: int) -> None:
    async def main() -> list[int]:
        called: list[int] = []
        tasks = [asyncio.create_task(asyncio.sleep(0)) for _ in range(5)]
        for number in range(10):
            asyncio.get_running_loop().call_soon(called.append, number)
        await asyncio.gather(*tasks)
        await asyncio.sleep(1)
        return called

    assert run(main(), seed=seed) == list(range(10))


def test_timeouts_work() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(main()) == 5


def test_task_groups_cancel_their_siblings() -> None:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError("the first")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            patient = group.create_task(asyncio.sleep(3600))
            patient.add_done_callback(lambda _: ended.append(asyncio.get_running_loop().time()))
            group.create_task(fail())

    ended: list[float] = []
    with pytest.raises(ExceptionGroup):
        run(main())
    assert ended == [1]


def test_a_deadlock_names_who_waits_and_where() -> None:
    async def waits_for_godot() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.create_task(waits_for_godot(), name="vladimir")

    with pytest.raises(
        DeadlockError, match=r"task 'vladimir' waits in .*waits_for_godot \(.*test_virtual\.py:\d+"
    ):
        run(main())


def test_waiting_for_ever_is_a_deadlock_too() -> None:
    with pytest.raises(DeadlockError, match="nothing scheduled"):
        run(asyncio.sleep(math.inf))


def test_a_livelock_is_noticed() -> None:
    async def spins() -> None:
        while True:  # noqa: ASYNC110  # the very thing to be noticed
            await asyncio.sleep(0)

    with pytest.raises(LivelockError, match="spins"):
        run(spins())


def test_a_task_that_is_left_is_named() -> None:
    async def main() -> "asyncio.Task[None]":
        return asyncio.create_task(asyncio.sleep(60), name="forgotten")

    with pytest.raises(LeftBehindError, match="task 'forgotten'"):
        run(main())


def test_a_timer_that_is_left_is_named() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(60, print)

    with pytest.raises(LeftBehindError, match=r"TimerHandle when=60.* print"):
        run(main())


def test_a_cancelled_timer_is_not_left() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(60, print).cancel()

    run(main())


def test_an_async_generator_that_is_left_is_named() -> None:
    kept = []

    async def numbers():
        yield 1
        yield 2

    async def main() -> None:
        kept.append(numbers())
        await anext(kept[0])

    with pytest.raises(LeftBehindError, match="numbers"):
        run(main())


def test_a_finished_async_generator_is_not_left() -> None:
    kept = []

    async def numbers():
        yield 1

    async def main() -> list[int]:
        kept.append(numbers())
        return [number async for number in kept[0]]

    assert run(main()) == [1]


def test_what_only_needs_some_turns_to_end_is_not_left() -> None:
    async def takes_leave() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)

    async def main() -> "asyncio.Task[None]":
        task = asyncio.create_task(takes_leave())
        await asyncio.sleep(0)
        task.cancel()
        return task

    assert run(main()).cancelled()


def test_a_failure_that_nobody_asked_for_is_told() -> None:
    async def main() -> None:
        async def fails() -> None:
            raise KeyError("lost")

        asyncio.get_running_loop().call_soon(int, "x")
        task = asyncio.create_task(fails())
        await asyncio.wait({task})

    with pytest.raises(LeftBehindError, match="nobody saw") as caught:
        run(main())
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_exception_of_the_program_passes_through() -> None:
    """And wins over what it left behind, all of which is cancelled."""
    tasks = []

    async def main() -> None:
        tasks.append(asyncio.create_task(asyncio.sleep(60)))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(main())
    assert tasks[0].cancelled()


def test_whoever_wakes_finds_that_the_time_has_come_however_little_was_missing() -> None:
    """Two who would each be woken a hair too early would go to sleep again for ever."""

    async def sleep_until(when: float, turns: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(turns):
            await asyncio.sleep(0)
        while loop.time() < when:  # noqa: ASYNC110  # the very loop that would never end
            await asyncio.sleep(when - loop.time())

    async def main() -> None:
        await asyncio.sleep(1)
        await asyncio.gather(*(sleep_until(1 + 5e-10, turns) for turns in range(4)))

    run(main())


def test_threads_are_refused() -> None:
    with pytest.raises(RuntimeError, match="no threads in virtual time"):
        run(asyncio.to_thread(print))


def test_asyncio_itself_is_content_in_debug_mode() -> None:
    async def main() -> bool:
        await asyncio.sleep(10)
        return asyncio.get_running_loop().get_debug()

    assert run(main(), debug=True)


def test_a_loop_can_be_driven_in_pieces() -> None:
    """As a state machine does, rule by rule."""
    loop = VirtualLoop(1)
    task = loop.create_task(asyncio.sleep(5))
    loop.run_until_complete(asyncio.sleep(3))
    loop.settle()

    assert (loop.time(), loop.next_due, len(loop.leftovers())) == (3, 5, 2)
    loop.run_until_complete(task)
    loop.check()
    loop.finish()
    loop.finish()
    assert loop.next_due is None
