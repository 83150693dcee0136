"""What happens to connections, counted where it is told anyhow: changes, what takes time, events, recoveries."""

import time
from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from gateway.engine.histogram import OUTAGE, Histogram
from gateway.engine.observer import MOMENTS
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.model.states import Phase
from gateway.telemetry.metrics.catalogue import CHANGES, EVENTS, OPERATIONS, RECOVERY
from gateway.telemetry.metrics.model import Sample

OUTCOMES: Final = ("done", "failed", "cancelled")
EXPECTED_OPERATIONS: Final = ("backfill", "reconcile", "resync", "rollover")
EXPECTED_EVENTS: Final = (
    "internal_error",
    "limit_halved",
    "plugin_error",
    "plugin_slow",
    "rollover_failed",
    "stream_silent",
)
EXPECTED_OF_ALL: Final = ("internal_error", "loop_blocked")
"""Told as 0 before the first, so that the first shows as a growth."""


class Tally:
    """
    An :class:`~gateway.engine.observer.Observer`. Event-loop only.

    Args:
        now: monotonic seconds; a change's own time is by a clock that may be set.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._changes: Counter[tuple[str, str, str]] = Counter()
        self._operations: Counter[tuple[str, str, str]] = Counter()
        self._events: Counter[tuple[str, str]] = Counter()
        self._recoveries: dict[str, Histogram] = {}
        for event in EXPECTED_OF_ALL:
            self._events["gateway", event] = 0
        self._failed_at: dict[str, float] = {}
        """When each connection that has not come back yet failed first."""

    def expect(self, exchange: str) -> None:
        """Tell of ``exchange`` from now on, though nothing has happened there."""
        for what in EXPECTED_OPERATIONS:
            for outcome in OUTCOMES:
                self._operations[exchange, what, outcome] += 0
        for event in EXPECTED_EVENTS:
            self._events[exchange, event] += 0
        self._recoveries.setdefault(exchange, Histogram(OUTAGE))

    def changed(self, change: Change) -> None:
        """Count the change, and how long the connection was not there if it is there again."""
        id_ = change.connection_id
        exchange = _exchange(id_)
        self._changes[exchange, change.after.value, change.reason.value] += 1
        if change.after is S.ERROR:
            self._failed_at.setdefault(id_, self._now())
        elif change.after is S.CONNECTED and id_ in self._failed_at:
            seconds = self._now() - self._failed_at.pop(id_)
            self._recoveries.setdefault(exchange, Histogram(OUTAGE)).observe(seconds)
        elif change.after is S.DISCONNECTED:
            self._failed_at.pop(id_, None)

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        """Leave it to the traces."""

    @contextmanager
    def during(self, connection_id: str, epoch: int, what: str) -> Iterator[None]:  # noqa: ARG002  # the protocol's shape
        """Count how the block ends."""
        outcome = "failed"
        try:
            yield
            outcome = "done"
        except CancelledError:
            outcome = "cancelled"
            raise
        finally:
            self._operations[_exchange(connection_id), what, outcome] += 1

    def noticed(self, connection_id: str, epoch: int, what: str, **_: object) -> None:  # noqa: ARG002  # same
        """Count it, but for what only traces show."""
        if what in MOMENTS:
            return
        self._events[_exchange(connection_id), what] += 1

    def read(self) -> Iterator[Sample]:
        """Tell all of it."""
        for changed, times in self._changes.items():
            yield CHANGES, changed, times
        for done, times in self._operations.items():
            yield OPERATIONS, done, times
        for event, times in self._events.items():
            yield EVENTS, event, times
        for exchange, recoveries in self._recoveries.items():
            yield RECOVERY, (exchange,), recoveries


def _exchange(connection_id: str) -> str:
    """Return the exchange of a connection; what concerns the whole gateway is told under its own name."""
    return connection_id.partition("/")[0]
