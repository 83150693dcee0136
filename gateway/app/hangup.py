"""SIGHUP has the configuration read anew; it ends nothing, whenever it comes."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NoReturn

import structlog

from gateway.errors import GatewayError, ShuttingDown
from gateway.runtime.bell import Bell

log = structlog.get_logger("gateway")


@contextmanager
def hangups() -> Iterator[Bell]:
    """Yield what each SIGHUP rings from now on; then it means again what it did before. Main thread only."""
    bell, loop, number = Bell(), asyncio.get_running_loop(), getattr(signal, "SIGHUP", None)
    if number is None:
        yield bell
        return

    def ring(*_: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(bell.ring)

    # not by the loop's own means: when it lets go of a signal, that is deadly, be it for an instant
    before = signal.signal(number, ring)
    try:
        yield bell
    finally:
        signal.signal(number, before)


@asynccontextmanager
async def obeyed(bell: Bell, reload: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Have ``reload`` done after ``bell`` has rung, once for all that rang meanwhile."""
    task = asyncio.create_task(_obey(bell, reload), name="gateway hangups")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _obey(bell: Bell, reload: Callable[[], Awaitable[object]]) -> NoReturn:
    while True:
        await bell.rung()
        outcome = "done"
        try:
            await reload()
        except GatewayError as wrong:  # whoever was asked has said what is wrong
            outcome = "shutting_down" if isinstance(wrong, ShuttingDown) else "bad_configuration"
        except Exception:  # a defect, which must not make us deaf
            outcome = "internal_error"
            log.exception("reload_failed")
        log.info("audit", action="reload", target=None, outcome=outcome, token_id=None, remote=None, via="signal")
