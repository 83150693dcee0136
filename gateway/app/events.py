"""The last events of a running gateway, bounded in number: clients are told of each, and traces of actions."""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from gateway.engine.observer import CONTROL_ACTION, Observer
from gateway.serving.events_model import Event, Events, EventType, Told

KEPT: Final = 1024
"""Events."""
_DIGITS: Final = 20
"""Of an offset."""


def actions_told(events: Events, observer: Observer) -> None:
    """Have ``observer`` notice each action that somebody asked for, as long as ``events`` are kept."""

    def told(event: Event) -> None:
        if event.type is EventType.CONTROL:
            facts = {name: event.facts.get(name) for name in ("target", "outcome", "via")}
            observer.noticed("gateway", 0, CONTROL_ACTION, action=event.what, at_us=event.at_us, **facts)

    events.listen(told)


class EventRing:
    """
    An :class:`~gateway.serving.events_model.Events`. Event-loop only.

    Args:
        epoch: unlike that of any other run of the gateway.
        wall_us: microseconds since 1970.
        kept: how many at most.
    """

    def __init__(self, epoch: str, wall_us: Callable[[], int], kept: int = KEPT) -> None:
        self._epoch = epoch
        self._wall_us = wall_us
        self._offset = 0
        self._events: deque[Event] = deque(maxlen=kept)
        self._listeners: tuple[Told, ...] = ()

    @property
    def last(self) -> str:
        """See :attr:`gateway.serving.events_model.Events.last`."""
        return f"{self._epoch}:{self._offset}"

    def after(self, id_: str | None, /) -> tuple[bool, Sequence[Event]]:
        """See :meth:`gateway.serving.events_model.Events.after`."""
        missed = self._missed(id_)
        if missed is None:
            return False, tuple(self._events)
        return True, tuple(islice(self._events, len(self._events) - missed, None))

    def _missed(self, id_: str | None) -> int | None:
        """Return how many came after ``id_``; nothing if that was never given out, or not all are there."""
        epoch, _, offset = (id_ or "").rpartition(":")
        if epoch != self._epoch or not (offset.isascii() and offset.isdecimal() and len(offset) <= _DIGITS):
            return None
        missed = self._offset - int(offset)
        return missed if 0 <= missed <= len(self._events) else None

    def listen(self, told: Told, /) -> Callable[[], None]:
        """See :meth:`gateway.serving.events_model.Events.listen`."""
        self._listeners = (*self._listeners, told)

        def end() -> None:
            self._listeners = tuple(one for one in self._listeners if one is not told)

        return end

    def add(self, type_: EventType, what: str, /, **fields: Any) -> None:
        """See :meth:`gateway.serving.events_model.Events.add`."""
        self._offset += 1
        event = Event(id=self.last, at_us=self._wall_us(), type=type_, what=what, **fields)
        self._events.append(event)
        for told in self._listeners:
            told(event)
