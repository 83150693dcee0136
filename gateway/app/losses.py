"""Spans that no collector got: counted for metrics, and told to observers once a minute at most."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from gateway.engine.observer import Observer
from gateway.telemetry.metrics.catalogue import SPANS_LOST
from gateway.telemetry.metrics.model import Sample

EVERY: Final = 60.0
"""Seconds between two looks."""


class SpanLosses:
    """
    What was lost, and what of it was told. Event-loop only.

    Args:
        lost: how many spans were lost until now.
        observer: told of them.
        every: seconds between two looks.
    """

    def __init__(self, lost: Callable[[], int], observer: Observer, every: float = EVERY) -> None:
        self._lost = lost
        self._observer = observer
        self._every = every
        self._told = 0

    def read(self) -> Iterator[Sample]:
        """Tell metrics."""
        yield SPANS_LOST, (), self._lost()

    def tell(self) -> None:
        """Tell what was lost since the last time, if anything."""
        lost = self._lost()
        new, self._told = lost - self._told, lost
        if new:
            self._observer.noticed("gateway", 0, "spans_lost", spans=new)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look every so often while inside."""
        task = asyncio.create_task(self._watch(), name="gateway lost spans")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _watch(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._every)
            self.tell()
