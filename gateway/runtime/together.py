"""Tasks that live and die together: whatever ends one ends all."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, NoReturn

from gateway.errors import ConnectionFault, Reason
from gateway.runtime.finish import finish


async def together(*parts: Coroutine[Any, Any, NoReturn], name: str | None = None) -> None:
    """
    Run ``parts`` until one ends, by itself or cancelled, end the others, and raise what it raised.

    The parts are tasks, of that ``name``.

    Raises:
        ConnectionFault: If that one was cancelled from outside; else whatever it raised.
    """
    tasks = [asyncio.create_task(part, name=name) for part in parts]
    try:
        first, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await finish(_ended(tasks))
    for task in tasks:
        if task in first and not task.cancelled():
            task.result()
    raise ConnectionFault("cancelled from outside", reason=Reason.INTERNAL_ERROR)


async def _ended(tasks: "Sequence[asyncio.Task[NoReturn]]") -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
