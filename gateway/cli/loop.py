"""How commands that last are run: on the quickest event loop there is, until a signal ends them in good order."""

import asyncio
import gc
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from gateway.net.loops import loop_factory

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
RARELY: Final = (20_000, 20, 50)
"""
When garbage is looked for: after so many new objects, and after so many looks at younger ones.

A look at all that a hundred thousand streams are made of stops everything for a second, and
Python's own figures have one follow each storm of reconnects.
"""


def ignore_hangups() -> None:
    """Let SIGHUP end nothing, neither before a command that takes it for something else is ready, nor after it."""
    if (number := getattr(signal, "SIGHUP", None)) is not None:
        signal.signal(number, signal.SIG_IGN)


def end_at_once() -> None:
    """Let SIGTERM end us with status 0 until a command is ready to end in good order: nothing is open yet."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def end_undisturbed() -> None:
    """Let nobody hurry us any more: all is closed, and the process is about to end."""
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` to its end and return its exit status; the process is the gateway's own meanwhile."""
    usual = gc.get_threshold()
    gc.set_threshold(*RARELY)
    gc.collect()
    gc.freeze()  # what is imported stays for good and need never be looked at again
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(work)
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)


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
