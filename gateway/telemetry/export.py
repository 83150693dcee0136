"""Whether and where traces go: nowhere unless asked, and OpenTelemetry is not even imported then."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from gateway.engine.observer import Observer
from gateway.telemetry import asked

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider


class Telemetry:
    """
    What :func:`setup` made.

    Args:
        observer: makes the spans; :obj:`None` when traces are off.
        trace_id: the trace that a connection is in now, if any.
        close: sends what is left and lets go; may block.
    """

    def __init__(
        self,
        observer: Observer | None = None,
        trace_id: Callable[[str], str | None] = lambda _: None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.observer = observer
        self.trace_id = trace_id
        self._close = close

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
        return done.is_set()


def setup(traces: str, environ: Mapping[str, str]) -> Telemetry:
    """
    Make what ``traces`` (``none``, ``console`` or ``otlp``) and ``environ`` ask for.

    Raises:
        ConfigError: If either names an exporter that there is not.
    """
    exporters = asked.exporters("traces", traces, environ)
    return _start(exporters, environ) if exporters else Telemetry()


def _start(exporters: frozenset[str], environ: Mapping[str, str]) -> Telemetry:
    from gateway.telemetry.tracing import Tracing  # noqa: PLC0415  # off costs no import

    provider = _provider(environ)
    for name in sorted(exporters):
        provider.add_span_processor(_processor(name, environ))
    tracing = Tracing(provider.get_tracer("gateway"))
    return Telemetry(tracing, tracing.trace_id, provider.shutdown)


def _provider(environ: Mapping[str, str]) -> "TracerProvider":
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # off costs no import

    # Its own exit hook blocks without a limit.
    return TracerProvider(resource=asked.resource(environ), shutdown_on_exit=False)


def _processor(name: str, environ: Mapping[str, str]) -> "SpanProcessor":
    from opentelemetry.sdk.trace import export  # noqa: PLC0415  # off costs no import

    if name == "console":
        return export.SimpleSpanProcessor(export.ConsoleSpanExporter(out=sys.stderr))
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # same

    # A bounded queue and a thread of its own: a slow collector costs spans, it never holds up the loop.
    return export.BatchSpanProcessor(OTLPSpanExporter(**asked.target("traces", environ)))
