"""Whether and where traces go: nowhere unless asked, and OpenTelemetry is not even imported then."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Self

from gateway.engine.observer import Observer
from gateway.telemetry import asked

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Tracer


class Telemetry:
    """
    What :func:`setup` made. As a context manager it is shut down at the end.

    Args:
        observer: makes the spans; :obj:`None` when traces are off.
        trace_id: the trace that a connection is in now, if any.
        close: sends what is left and lets go; may block.
        abandon: lets go of what is left, at once.
        lost: how many spans no collector got. Any thread.
    """

    def __init__(
        self,
        observer: Observer | None = None,
        trace_id: Callable[[str], str | None] = lambda _: None,
        close: Callable[[], None] = lambda: None,
        abandon: Callable[[], None] = lambda: None,
        lost: Callable[[], int] = lambda: 0,
    ) -> None:
        self.observer = observer
        self.trace_id = trace_id
        self.lost = lost
        self._close = close
        self._abandon = abandon

    @property
    def observers(self) -> tuple[Observer, ...]:
        """What a :class:`gateway.Gateway` is given: one, or none when traces are off."""
        return () if self.observer is None else (self.observer,)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    async def shutdown(self, within: float = 3.0) -> bool:
        """
        Send what is left; false if that took longer than ``within`` seconds and was left behind.

        Exporters block for long when their collector is away, so this waits in
        a thread that nobody joins: the loop's own threads are joined at its end.
        """
        if self.observer is None:
            return True
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def close() -> None:
            try:
                self._close()
            finally:
                with suppress(RuntimeError):  # the loop did not wait for us
                    loop.call_soon_threadsafe(done.set)

        Thread(target=close, name="gateway telemetry shutdown", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await done.wait()
        if not done.is_set():
            self._abandon()
        return done.is_set()


def setup(traces: str, environ: Mapping[str, str] = os.environ) -> Telemetry:
    """
    Make what ``traces`` (``none``, ``console`` or ``otlp``) and ``environ`` ask for.

    Raises:
        ConfigError: If either makes no sense.
    """
    exporters = asked.exporters("traces", traces, environ)
    return _start(exporters, environ) if exporters else Telemetry()


def traced(tracer: "Tracer") -> Telemetry:
    """Make spans with a program's own tracer; where they go, and when that ends, is the program's affair."""
    from gateway.telemetry.tracing import Tracing  # noqa: PLC0415  # off costs no import

    tracing = Tracing(tracer)
    return Telemetry(tracing, tracing.trace_id)


def _start(exporters: frozenset[str], environ: Mapping[str, str]) -> Telemetry:
    from gateway.telemetry.sending import Sending  # noqa: PLC0415  # off costs no import

    processors = [_processor(name, environ) for name in sorted(exporters)]
    provider = _provider(environ)
    for processor in processors:
        provider.add_span_processor(processor)
    made = traced(provider.get_tracer("gateway"))
    sending = [one for one in processors if isinstance(one, Sending)]

    def abandon() -> None:
        for one in sending:
            one.abandon()

    def lost() -> int:
        return sum(sum(one.losses) for one in sending)

    return Telemetry(made.observer, made.trace_id, provider.shutdown, abandon, lost)


def _provider(environ: Mapping[str, str]) -> "TracerProvider":
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # off costs no import

    # Its own exit hook blocks without a limit.
    return TracerProvider(resource=asked.resource(environ), shutdown_on_exit=False)


def _processor(name: str, environ: Mapping[str, str]) -> "SpanProcessor":
    from opentelemetry.sdk.trace import export  # noqa: PLC0415  # off costs no import

    if name == "console":
        return export.SimpleSpanProcessor(export.ConsoleSpanExporter(out=sys.stderr))
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # same

    from gateway.telemetry.sending import Sending  # noqa: PLC0415  # same

    batching = asked.batching(environ)  # what is wrong is found before there is a thread
    return Sending(OTLPSpanExporter(**asked.target("traces", environ)), batching)
