"""How commands that last are run: on the quickest event loop there is, until a signal ends them in good order."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from gateway.net.loops import loop_factory

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def ignore_hangups() -> None:
    """Let SIGHUP end nothing, neither before a command that takes it for something else is ready, nor after it."""
    if (number := getattr(signal, "SIGHUP", None)) is not None:
        signal.signal(number, signal.SIG_IGN)


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` to its end and return its exit status."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)


def run_until_stopped(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` until it ends or SIGINT or SIGTERM ends it, which is no failure."""
    return run(_until_stopped(work))


async def _until_stopped(work: Coroutine[Any, Any, int]) -> int:
    task = asyncio.current_task()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        if task is not None:
            task.cancel()

    loop = asyncio.get_running_loop()
    for one in SIGNALS:
        with suppress(NotImplementedError):  # Windows: the runner turns Ctrl-C into KeyboardInterrupt
            loop.add_signal_handler(one, stop)
    try:
        return await work
    except asyncio.CancelledError:
        if stopped:
            return 0
        raise
