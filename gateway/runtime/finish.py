"""What cancellation cannot tear apart: clean-up, and changes that are wholly done or not at all."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """
    Run ``work`` to its end even if the caller is cancelled meanwhile, any number of times.

    The cancellation is raised again afterwards, whatever became of ``work``,
    whose own exception is then its cause. ``work`` must bound itself.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is None:
        return task.result()
    raise cancelled from (None if task.cancelled() else task.exception())
