"""Who is told of a connection's life: traces, logs and plugins, none of which can change it."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final, Protocol

from gateway.model.changes import Change
from gateway.model.states import Phase

FIRST_DATA: Final = "first_data"
"""The first datum of an epoch has come: ``begun_us`` when its streams were asked for, ``at_us`` when it came."""
ACCOUNT_EVENT: Final = "account_event"
"""An order, a balance or a position was told: ``account``, ``channel``, ``begun_us`` if it tells, ``at_us``."""
LATE_MESSAGE: Final = "late_message"
"""A message was much later than usual: ``leg`` of its way, ``begun_us`` and ``at_us`` of that leg."""
CONTROL_ACTION: Final = "control_action"
"""Somebody asked for something: ``action``, ``target`` if any, ``outcome``, ``via``, ``at_us`` of the answer."""
DRAIN: Final = "drain"
"""A connection was drained: ``begun_us`` when that was asked for, ``at_us`` when the last of its streams left."""
REQUEST: Final = "request"
"""Something was asked of a server, inside ``during``: its ``host``, ``port``, ``protocol``, ``status``."""
MOMENTS: Final = frozenset({FIRST_DATA, ACCOUNT_EVENT, LATE_MESSAGE, CONTROL_ACTION, DRAIN, REQUEST})
"""What is noticed for the sake of traces; whoever writes lines need not."""


class Observer(Protocol):
    """Called on the event loop, after the fact, never per message. Must return at once and never raise."""

    def changed(self, change: Change) -> None:
        """A connection moved to another state."""

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        """A CONNECTING connection began its next phase."""

    def during(self, connection_id: str, epoch: int, what: str) -> AbstractContextManager[None]:
        """Something that takes time is done inside; an exception that leaves the block is its failure."""

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        """Something worth a line happened; ``facts`` hold no secret and no symbol's data."""


class Observers:
    """Several observers as one."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def changed(self, change: Change) -> None:
        """Tell all."""
        for one in self._observers:
            one.changed(change)

    def entered(self, connection_id: str, epoch: int, phase: Phase) -> None:
        """Tell all."""
        for one in self._observers:
            one.entered(connection_id, epoch, phase)

    @contextmanager
    def during(self, connection_id: str, epoch: int, what: str) -> Iterator[None]:
        """Tell all."""
        with ExitStack() as stack:
            for one in self._observers:
                stack.enter_context(one.during(connection_id, epoch, what))
            yield

    def noticed(self, connection_id: str, epoch: int, what: str, **facts: object) -> None:
        """Tell all."""
        for one in self._observers:
            one.noticed(connection_id, epoch, what, **facts)
