"""Work that blocks, on a thread of its own: an event loop that serves does not wait for a disk or a key ring."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T], *, within: float) -> T:
    """
    Do ``work`` and return what it returned; what it raises is raised here.

    Raises:
        TimeoutError: If it takes longer than ``within`` seconds. The thread is left to itself; it keeps no
            process alive.
    """
    future: Future[T] = Future()
    Thread(target=_do, args=(work, future), name="gateway aside", daemon=True).start()
    async with asyncio.timeout(within):
        return await asyncio.wrap_future(future)


def _do(work: Callable[[], T], future: "Future[T]") -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as exc:  # noqa: BLE001  # told to whoever waits
        future.set_exception(exc)
    else:
        future.set_result(result)
