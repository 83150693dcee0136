"""
How spans leave: out of a bounded queue, in batches, by a thread that nobody joins.

A collector that is away or slow costs spans and nothing else; how many, is counted.
"""

from collections import deque
from contextlib import suppress
from threading import Condition, Thread
from typing import NamedTuple

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from gateway.telemetry.asked import Batching


class Losses(NamedTuple):
    """Spans that were lost: ``unsent`` while others waited or at the end, ``refused`` in an exporter's hands."""

    unsent: int = 0
    refused: int = 0


class Sending(SpanProcessor):
    """
    Sends what has ended. Any thread.

    OpenTelemetry's own processor does not tell what it loses.

    Args:
        exporter: called on one thread, however long it takes.
        batching: how spans are gathered.
    """

    def __init__(self, exporter: SpanExporter, batching: Batching) -> None:
        self._exporter = exporter
        self._batching = batching
        self._waiting: deque[ReadableSpan] = deque()
        self._bell = Condition()
        self._closing = self._closed = False
        self._losses = Losses()
        self._in_hand = 0
        self._thread = Thread(target=self._run, name="gateway spans", daemon=True)
        self._thread.start()

    @property
    def losses(self) -> Losses:
        """What was lost until now."""
        return self._losses

    def on_end(self, span: ReadableSpan) -> None:
        """Have it wait for its turn; the oldest goes if there is no room, since the newest tell what is wrong."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        with self._bell:
            if self._closing:
                self._lose(unsent=1)
                return
            if len(self._waiting) == self._batching.queue:
                self._waiting.popleft()
                self._lose(unsent=1)
            self._waiting.append(span)
            self._bell.notify_all()

    def shutdown(self) -> None:
        """Send what waits and let go; blocks for as long as that takes, unless :meth:`abandon` ends it."""
        with self._bell:
            self._closing = True
            self._bell.notify_all()
        self._thread.join()
        self._close()

    def abandon(self) -> None:
        """Send nothing more, at once; what is in the exporter's hands is not tried again, and counts as lost."""
        with self._bell:
            self._closing = True
            self._lose(unsent=len(self._waiting), refused=self._in_hand)
            self._waiting.clear()
            self._in_hand = 0
            self._bell.notify_all()
        self._close()

    def _run(self) -> None:
        while batch := self._next():
            self._send(batch)

    def _next(self) -> list[ReadableSpan]:
        """Wait for a batch, or for as much of one as there is in time; nothing once all is over."""
        size, delay = self._batching.batch, self._batching.delay
        with self._bell:
            self._bell.wait_for(lambda: self._closing or self._waiting)
            self._bell.wait_for(lambda: self._closing or len(self._waiting) >= size, delay)
            batch = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
            self._in_hand = len(batch)
            return batch

    def _send(self, batch: list[ReadableSpan]) -> None:
        try:
            arrived = self._exporter.export(batch) is SpanExportResult.SUCCESS
        except BaseException:  # noqa: BLE001  # an exporter's own exit would end the thread, and nobody would be told
            arrived = False
        with self._bell:
            self._lose(refused=0 if arrived else self._in_hand)
            self._in_hand = 0

    def _lose(self, unsent: int = 0, refused: int = 0) -> None:
        self._losses = Losses(self._losses.unsent + unsent, self._losses.refused + refused)

    def _close(self) -> None:
        with self._bell:
            first, self._closed = not self._closed, True
        if first:
            with suppress(Exception):  # nothing is left to lose, and whoever ends us has more to do
                self._exporter.shutdown()
