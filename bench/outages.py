"""How long each stream was without data, and what it lost: as whoever listens to it sees it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from gateway.engine.messages import Message, Notice, TopicEvent, TopicStatus
from gateway.testing.records import Watch


@dataclass(slots=True)
class Stream:
    """What was heard of one stream."""

    last_at: float = 0.0
    last_id: int = 0
    is_down: bool = False
    hole: tuple[int | None, int | None] | None = None
    """The ids that were told to be missing before the next record."""


class Outages:
    """
    Listens to streams of records whose ids have no holes.

    Args:
        now: monotonic seconds.
        since: when the outage began; without it, at each stream's last datum.
    """

    def __init__(self, now: Callable[[], float], since: float | None = None) -> None:
        self.since = since
        self.streams: dict[str, Stream] = {}
        self.lasted: list[float] = []
        """Seconds of each outage that was announced and is over, from the last good datum to the first one."""
        self.down = 0
        """Streams that were cut off and have not delivered since."""
        self.heard = 0
        """Streams that have delivered at least once."""
        self.lost = 0
        """Records that are missing where a gap was told, with these very bounds."""
        self.unannounced = 0
        """Records that are missing otherwise."""
        self.doubled = 0
        """Records that came twice, or too late."""
        self._now = now
        self._watch = Watch()

    def listener(self, name: str) -> Callable[[Message | Notice], None]:
        """Return what hears the stream called ``name``."""
        self.streams[name] = stream = Stream()
        return partial(self._hear, stream)

    async def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds``; it is asked whenever something was heard. The caller sets the deadline."""
        await self._watch.wait_for(holds)

    def _hear(self, stream: Stream, message: Message | Notice) -> None:
        if isinstance(message, Message):
            for record in message.records:
                self._take(stream, record.id)
            self._watch.changed()
        elif message.status is TopicStatus.DISCONNECTED:
            self.down += not stream.is_down
            stream.is_down = True
        elif message.status is TopicEvent.GAP:
            stream.hole = message.first, message.last

    def _take(self, stream: Stream, number: int) -> None:
        now, missing = self._now(), number - stream.last_id - 1
        if not stream.last_id:
            self.heard += 1
        elif missing < 0:
            self.doubled += 1
            return
        elif missing and stream.hole == (stream.last_id + 1, number - 1):
            self.lost += missing
        else:
            self.unannounced += missing
        if stream.is_down:
            self.down -= 1
            self.lasted.append(now - (stream.last_at if self.since is None else self.since))
        stream.last_at, stream.last_id, stream.is_down, stream.hole = now, number, False, None


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of ``values`` that ``share`` of them do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values: Sequence[float]) -> str:
    """Return how many there are, their percentiles and the greatest."""
    if not values:
        return "none"
    shown = (f"p{per_cent} {percentile(values, per_cent / 100):.3f}" for per_cent in (50, 90, 99))
    return f"N {len(values):,}  {'  '.join(shown)}  most {max(values):.3f}"
