"""
When metrics are sent to a collector: every so often, and once more at the end.

One reading is under way at a time, on a thread that nobody joins. While a collector
is away or slow the readings that are due are left out, since a later one says
all that they would have said; so it costs no message and no memory.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Final, NoReturn

from gateway.errors import ConfigError
from gateway.telemetry import asked
from gateway.telemetry.metrics.model import Reading

if TYPE_CHECKING:
    from gateway.telemetry.metrics.otlp import Exporters

INTERVAL: Final = "OTEL_METRIC_EXPORT_INTERVAL"
"""Milliseconds between two readings."""
USUAL: Final = 60_000.0


class Push:
    """
    Sends readings. Event-loop only.

    Args:
        exporters: where to.
        read: reads all metrics.
        interval: seconds between two readings.
        wall_ns: nanoseconds since 1970.
    """

    def __init__(
        self,
        exporters: "Exporters",
        read: Callable[[], Reading],
        interval: float = USUAL / 1000,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.left_out = 0
        """Readings that were due while another one was under way."""
        self._exporters = exporters
        self._read = read
        self._interval = interval
        self._wall_ns = wall_ns
        self._idle = asyncio.Event()
        self._idle.set()
        self._arrived = False

    async def run(self) -> NoReturn:
        """Send a reading every interval, until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            self.offer()

    def offer(self) -> bool:
        """Send a reading, unless one is under way; returns at once, with whether it will be sent."""
        if not self._idle.is_set():
            self.left_out += 1
            return False
        self._idle.clear()
        self._arrived = False
        loop, reading, at_ns = asyncio.get_running_loop(), self._read(), self._wall_ns()

        def send() -> None:
            try:
                self._arrived = self._exporters.send(reading, at_ns)
            finally:
                with suppress(RuntimeError):  # the loop did not wait for us
                    loop.call_soon_threadsafe(self._idle.set)

        Thread(target=send, name="gateway metrics", daemon=True).start()
        return True

    async def finish(self, within: float) -> bool:
        """Send a last reading; returns whether it arrived within so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._idle.wait()
                self.offer()
                await self._idle.wait()
        except TimeoutError:
            return False
        finally:
            Thread(target=self._exporters.close, name="gateway metrics end", daemon=True).start()
        return self._arrived


def push(metrics: str, environ: Mapping[str, str], read: Callable[[], Reading]) -> Push | None:
    """
    Return what sends the readings that ``metrics`` (``none``, ``console`` or ``otlp``) and ``environ`` ask for.

    Raises:
        ConfigError: If either makes no sense.
    """
    names = asked.exporters("metrics", metrics, environ)
    if not names:
        return None
    interval = interval_of(environ)
    from gateway.telemetry.metrics.otlp import Exporters  # noqa: PLC0415  # off costs no import

    return Push(Exporters(names, environ, time.time_ns()), read, interval)


def interval_of(environ: Mapping[str, str]) -> float:
    """
    Return the seconds between two readings.

    Raises:
        ConfigError: If the environment says no positive number of milliseconds.
    """
    said = environ.get(INTERVAL, "").strip()
    try:
        milliseconds = float(said or USUAL)
    except ValueError:
        milliseconds = 0.0
    if not 0 < milliseconds < float("inf"):
        raise ConfigError(INTERVAL, f"must be a positive number of milliseconds, not {said[: asked.SHOWN]!r}")
    return milliseconds / 1000
