"""What a simulated venue and its sockets share."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.testing.faults import Faults
from gateway.testing.records import Counts, Watch

if TYPE_CHECKING:
    from gateway.testing.sockets import VenueSocket

MOST_ASTRAY: Final = 100
"""Answers that wait for a socket that is not theirs."""


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(frozen=True, slots=True)
class Shared:
    """
    One venue's.

    ``outbox`` frames may wait for each client, ``sockets`` are those that are
    open, nothing moves before it is ``thawed``, and what goes ``astray`` is
    sent on the next socket.
    """

    faults: Faults
    counts: Counts
    watch: Watch
    outbox: int
    sockets: dict[int, "VenueSocket"]
    thawed: asyncio.Event = field(default_factory=_set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    astray: deque[bytes] = field(default_factory=lambda: deque(maxlen=MOST_ASTRAY))
