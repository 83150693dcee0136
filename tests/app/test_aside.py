"""What blocks is done beside the event loop, and is given up when it takes too long."""

import asyncio
import threading

import pytest

from gateway.app.aside import aside


async def test_it_is_done_on_another_thread_which_keeps_no_process_alive() -> None:
    done = await aside(threading.current_thread, within=5)
    assert done is not threading.current_thread()
    assert done.daemon


async def test_what_it_raises_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 / 0, within=5)


@pytest.mark.parametrize("fails", [False, True])
async def test_what_takes_too_long_is_left_to_itself(fails: bool) -> None:
    let, ended = threading.Event(), threading.Event()

    def work() -> None:
        let.wait(5)
        ended.set()
        if fails:
            raise ZeroDivisionError

    with pytest.raises(TimeoutError):
        await aside(work, within=0.01)
    let.set()
    await asyncio.to_thread(ended.wait, 5)
    assert ended.is_set()
    await aside(lambda: None, within=5)


async def test_who_leaves_at_once_need_not_wait() -> None:
    task = asyncio.create_task(aside(lambda: None, within=5))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
