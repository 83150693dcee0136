"""
What waits to be written to a client that reads server-sent events.

Frames are put as for any client. They become events in the order in which they will be
read, so that each can say where the client stands once it has it.
"""

from collections.abc import Callable
from typing import Final

from gateway.engine.outbox import Outbox
from gateway.serving.limits import Limits
from gateway.serving.sse.places import Places
from gateway.serving.sse.wire import Event, Spelling, chunk

SPELLING: Final = Spelling()
"""One for all clients, of all servers: what it remembers is the last frame."""


class EventOutbox(Outbox):
    """
    The outbox of one client. Event-loop only.

    Args:
        wake: as :class:`Outbox` has it.
        places: where the client stands.
        limits: of the client.
    """

    def __init__(self, wake: Callable[[], None], places: Places, limits: Limits) -> None:
        super().__init__(wake, limit=limits.queue, lag_bytes=limits.lag)
        self._places = places

    def put(self, frame: bytes) -> None:
        """Queue the events that ``frame`` holds."""
        for event in SPELLING.events(frame):
            super().put(self._placed(event))

    def say(self, whole: bytes) -> None:
        """Queue a chunk that is for this client alone."""
        super().put(whole)

    def _placed(self, event: Event) -> bytes:
        if not event.offset:
            return event.whole
        self._places.move(event.topic, event.offset)
        if event.epoch and self._places.is_single:
            return event.whole
        return chunk(self._places.line + event.lines)
