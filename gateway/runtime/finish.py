"""Clean-up that cancellation cannot tear apart."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def finish(cleanup: Coroutine[Any, Any, None]) -> None:
    """
    Run ``cleanup`` to its end even if the caller is cancelled meanwhile, any number of times.

    The cancellation is raised again afterwards, whatever became of ``cleanup``,
    whose own exception is then its cause. ``cleanup`` must bound itself.
    """
    task = asyncio.ensure_future(cleanup)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is None:
        task.result()
    else:
        raise cancelled from (None if task.cancelled() else task.exception())
