"""Whoever hands work to the gateway's event loop hears what came of it, even if nobody will see to it."""

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from gateway.app.outcome import Loop, known


def elsewhere(work) -> object:
    """Return what ``work`` returns on another thread."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join(10)
    return results[0]


async def test_what_is_asked_for_on_the_loop_is_done_before_the_call_returns() -> None:
    done = []
    outcome = Loop().ask(lambda: done.append(1) or known(value="x"))
    assert done == [1]
    assert outcome.result() == "x"
    assert await outcome == "x"


async def test_what_fails_is_raised_where_it_is_asked_for() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    loop = Loop()
    with pytest.raises(KeyError):
        await loop.ask(lambda: {}["x"])
    with pytest.raises(ZeroDivisionError):
        await loop.ask(lambda: asyncio.ensure_future(fail()))


async def test_what_was_cancelled_is_an_error_for_whoever_waits() -> None:
    loop, future = Loop(), asyncio.get_running_loop().create_future()
    outcome = loop.ask(lambda: future)
    future.cancel()
    with pytest.raises(RuntimeError, match="the gateway was stopped"):
        await outcome


async def test_a_result_can_be_waited_for_only_so_long() -> None:
    loop = Loop()
    never = asyncio.get_running_loop().create_future()
    outcome = loop.ask(lambda: never)
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(outcome.result, 0.01)


async def test_the_end_fails_what_is_open_and_nothing_more_is_taken() -> None:
    """Also what another thread has just handed over, and what would never be seen to."""
    loop = Loop()
    never = asyncio.get_running_loop().create_future()

    async def forever() -> None:
        await never

    outcome = loop.ask(lambda: never)
    handed = elsewhere(lambda: loop.ask(lambda: known(value=1)))
    started, unstarted = loop.start(forever()), forever()
    loop.refuse()
    loop.end()
    with pytest.raises(RuntimeError, match="the gateway was stopped"):
        outcome.result()
    with pytest.raises(RuntimeError, match="the gateway was stopped"):
        handed.result()
    with pytest.raises(CancelledError):
        started.result()
    for ask in (lambda: loop.ask(lambda: never), lambda: loop.start(unstarted), loop.check):
        with pytest.raises(RuntimeError, match="the gateway was stopped"):
            ask()
    never.set_result(None)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_an_answer_that_comes_after_the_end_is_no_error() -> None:
    loop = Loop()
    late = asyncio.get_running_loop().create_future()
    outcome = loop.ask(lambda: late)
    loop.end()
    late.set_result(True)
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        outcome.result()


async def test_one_who_no_longer_waits_takes_nothing_from_the_others() -> None:
    loop = Loop()
    hope = asyncio.get_running_loop().create_future()
    first, second = loop.ask(lambda: hope), loop.ask(lambda: hope)

    async def wait() -> object:
        return await first

    impatient = asyncio.create_task(wait())
    await asyncio.sleep(0)
    impatient.cancel()
    hope.set_result(True)
    assert await second is True
    assert await first is True


def test_whoever_was_let_in_before_the_end_and_comes_after_it_is_told_the_same() -> None:
    """Between being allowed to ask and asking, a thread may have slept through the whole end."""

    async def make() -> Loop:
        return Loop()

    async def work() -> None:
        raise AssertionError("begun")

    loop, late = asyncio.run(make()), work()
    loop._thread = -1
    for ask in (lambda: loop.ask(lambda: known(value=1)), lambda: loop.start(late)):
        with pytest.raises(RuntimeError, match="the gateway was stopped"):
            ask()
    assert late.cr_frame is None, "it was closed"
