"""Late messages on our own side, from receipt to write, told to observers about once a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from gateway.engine.observer import LATE_MESSAGE, Observer
from gateway.serving.figures import Figures

EVERY: Final = 1.0
"""Seconds between two looks."""


@asynccontextmanager
async def lateness_told(figures: Figures, observer: Observer) -> AsyncIterator[None]:
    """Tell ``observer`` of each late message of ``figures`` while inside, and of the last ones at the end."""
    task = asyncio.create_task(_tell(figures, observer), name="gateway late messages")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        tell(figures, observer)


async def _tell(figures: Figures, observer: Observer) -> NoReturn:
    while True:
        await asyncio.sleep(EVERY)
        tell(figures, observer)


def tell(figures: Figures, observer: Observer) -> None:
    """Tell ``observer`` of those that were late since the last time."""
    for begun_us, at_us in figures.late():
        observer.noticed("gateway", 0, LATE_MESSAGE, leg="delivery", begun_us=begun_us, at_us=at_us)
