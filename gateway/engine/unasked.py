"""
Streams that come though nobody wants them: which of them an unsubscription must have missed.

What was under way when a stream was given up may still come for a while. What goes on
coming after that is to be given up once more, now and then as long as it lasts.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final

GRACE: Final = 5.0
"""Seconds for which what nobody wants may come late."""
AGAIN: Final = 300.0
"""Seconds after which a stream that still comes is given up once more."""
MOST: Final = 256
"""Streams that are told apart; of further ones, and of those with a longer name, only the frames are counted."""


@dataclass(slots=True)
class _Coming:
    since: float
    last: float
    count: int = 0
    again_at: float = 0.0


class Unasked:
    """What one epoch brings unasked. :meth:`note` is called for each such datum; ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self._noted: dict[str, int] = {}
        self._coming: dict[str, _Coming] = {}

    def note(self, stream: str) -> None:
        """A datum of ``stream`` came, which nobody wants."""
        noted = self._noted
        if stream in noted:
            noted[stream] += 1
        elif len(noted) < MOST and len(stream) <= MOST:
            noted[stream] = 1

    def look(self, wanted: Container[str], now: float) -> list[str]:
        """Return the streams to give up once more; to be called every second or so."""
        noted, self._noted = self._noted, {}
        coming = self._coming = {
            stream: one
            for stream, one in self._coming.items()
            if stream not in wanted and now - one.last < AGAIN + GRACE
        }
        for stream, count in noted.items():
            if stream not in wanted and (stream in coming or len(coming) < MOST):
                one = coming.setdefault(stream, _Coming(now, now))
                one.last, one.count = now, one.count + count
        return [stream for stream in noted if stream in coming and self._is_due(coming[stream], now)]

    def counts(self) -> Mapping[str, int]:
        """Return how many data of each came, as of the last look."""
        return {stream: one.count for stream, one in self._coming.items()}

    @staticmethod
    def _is_due(one: _Coming, now: float) -> bool:
        if now - one.since < GRACE or now < one.again_at:
            return False
        one.again_at = now + AGAIN
        return True
