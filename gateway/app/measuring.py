"""Everything that one serving process measures, and where it goes beside the page that is asked for."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from gateway.engine.histogram import DELIVERY, Histogram
from gateway.telemetry.metrics.catalogue import CATALOGUE, LOOP_LAG
from gateway.telemetry.metrics.model import Reading, Sample, Source, read
from gateway.telemetry.metrics.process import process
from gateway.telemetry.metrics.push import push
from gateway.telemetry.metrics.tally import Tally


class Measuring:
    """
    The sources of all metrics, and what sends them. Event-loop only.

    Args:
        version: of the gateway.
        metrics: ``none``, ``console`` or ``otlp``.
        environ: may ask for something else.

    Raises:
        ConfigError: If either makes no sense.
    """

    def __init__(self, version: str, metrics: str, environ: Mapping[str, str]) -> None:
        self.tally = Tally()
        self.lag = Histogram(DELIVERY)
        """How late the event loop was."""
        self._sources: list[Source] = [process(version), self.tally.read, self._own]
        self._push = push(metrics, environ, self.read)
        self._task: asyncio.Task[None] | None = None

    def add(self, source: Source) -> None:
        """Measure ``source`` too."""
        self._sources.append(source)

    def begin(self, exchanges: Iterable[str], *sources: Source) -> None:
        """Measure ``sources`` too, tell of ``exchanges``, and send what is measured from now on."""
        for exchange in exchanges:
            self.tally.expect(exchange)
        self._sources += sources
        if self._push is not None:
            self._task = asyncio.create_task(self._push.run(), name="gateway metrics")

    def read(self) -> Reading:
        """Return all of it."""
        return read(CATALOGUE, self._sources)

    async def finish(self, within: float) -> bool:
        """Send what was measured to the end; false if that did not arrive within so many seconds."""
        if self._task is not None:
            self._task.cancel()
        return True if self._push is None else await self._push.finish(within)

    def _own(self) -> Iterator[Sample]:
        yield LOOP_LAG, (), self.lag
