"""
What must hold of a gateway whatever goes wrong: each oracle hears what happens and keeps what is wrong.

They are named as in the catalogue: LEDGER (every datum once, in order, or a gap that is told), STATE (the table of
moves, epochs that grow; a connection that takes over stays CONNECTED), GHOST (live is connected, and connected has
a socket), RATE (dials).
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from gateway.engine.messages import Message, Notice, TopicStatus, first_of
from gateway.engine.registry import RegistrySnapshot
from gateway.model.changes import Change
from gateway.model.states import TRANSITIONS
from gateway.model.states import ConnectionState as S
from gateway.testing.memory import MemoryNetwork

BROKEN = {"gap", TopicStatus.DISCONNECTED, TopicStatus.CLOSED}
"""Statuses after which numbers may be missing."""


class Ledger:
    """
    LEDGER of one topic whose records are numbered without holes.

    Args:
        number: returns a record's number.
    """

    def __init__(self, number: Callable[[Any], int]) -> None:
        self.wrong: list[str] = []
        self.came = 0
        self.status: str = ""
        self.statuses: list[tuple[float, str, str]] = []
        self.last: int | None = None
        self._number = number
        self._told = True
        self._offset: int | None = None

    def hear(self, message: Message | Notice) -> None:
        """Hear one message of the topic."""
        if isinstance(message, Notice):
            self.statuses.append((message.at_us / 1e6, str(message.status), message.reason))
            self._told = self._told or str(message.status) in BROKEN
            if isinstance(message.status, TopicStatus):
                self.status = str(message.status)
            return
        if self._offset is not None and first_of(message) != self._offset + 1:
            self.wrong.append(f"LEDGER: offset {message.offset} after {self._offset}")
        self._offset = message.offset
        for record in message.records:
            self._take(self._number(record))

    def _take(self, number: int) -> None:
        self.came += 1
        if self.last is not None and number <= self.last:
            self.wrong.append(f"LEDGER: {number} came after {self.last}")
        elif self.last is not None and number > self.last + 1 and not self._told:
            self.wrong.append(f"LEDGER: nobody told of what is missing between {self.last} and {number}")
        self.last, self._told = number, False


class Levels:
    """LEDGER of a book: what its messages make of it, to be compared with the exchange's own."""

    def __init__(self) -> None:
        self.status: str = ""
        self.statuses: list[tuple[float, str, str]] = []
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}

    def hear(self, message: Message | Notice) -> None:
        """Hear one message of the topic."""
        if isinstance(message, Notice):
            self.statuses.append((message.at_us / 1e6, str(message.status), message.reason))
            if isinstance(message.status, TopicStatus):
                self.status = str(message.status)
            return
        for record in message.records:
            if message.kind == "snapshot":
                self.sides = {"bids": {}, "asks": {}}
            for side, levels in self.sides.items():
                for price, size in getattr(record, side):
                    if float(size):
                        levels[price] = size
                    else:
                        levels.pop(price, None)

    def differs(self, book: dict[str, Any]) -> list[str]:
        """Say where it is not the exchange's ``book``."""
        theirs = {side: dict(book[side]) for side in self.sides}
        return [f"LEDGER: {side} of the book differ" for side in self.sides if self.sides[side] != theirs[side]]


class Moves:
    """STATE and GHOST: observes a gateway over ``network`` and looks at every picture that is published."""

    def __init__(self, network: MemoryNetwork) -> None:
        self.wrong: list[str] = []
        self.changes: list[Change] = []
        self._network = network
        self._epochs: dict[str, int] = {}

    def watch(self, registry: Any) -> None:
        """Look at every picture of ``registry``."""
        swap = registry._swap

        def looking(*maps: Any) -> None:
            swap(*maps)
            self._look(registry.snapshot)

        registry._swap = looking

    def changed(self, change: Change) -> None:
        """Check a move, as an observer."""
        self.changes.append(change)
        before = self._epochs.get(change.connection_id, 0)
        taken_over = change.before == change.after == S.CONNECTED and change.epoch > before
        if change.after not in TRANSITIONS[change.before] and not taken_over:
            self.wrong.append(f"STATE: {change.before} became {change.after}")
        if change.epoch < before:
            self.wrong.append(f"STATE: epoch {change.epoch} after {before}")
        self._epochs[change.connection_id] = change.epoch

    def sample(self, registry: Any) -> None:
        """Look at one moment between two steps of the event loop."""
        live, held = len(registry.snapshot.live), len(self._network.held)
        if live > held:
            self.wrong.append(f"GHOST: {live} are live, {held} sockets are held")

    def of(self, id_: str) -> Sequence[Change]:
        """Return the changes of one connection."""
        return [change for change in self.changes if change.connection_id == id_]

    def _look(self, picture: RegistrySnapshot) -> None:
        up = {id_ for id_, view in picture.supervised.items() if view.state is S.CONNECTED}
        if up != picture.live.keys():
            self.wrong.append(f"GHOST: live is {set(picture.live)}, connected is {up}")


class Dials:
    """RATE: when a network was dialled; ``refused`` says between which times it must not be."""

    def __init__(self, network: MemoryNetwork, now: Callable[[], float]) -> None:
        self.at: list[tuple[float, str]] = []
        open_ = network.open

        async def opening(step: Any, *, max_frame: int) -> Any:
            self.at.append((now(), step.url))
            return await open_(step, max_frame=max_frame)

        network.open = opening  # type: ignore[method-assign]

    def between(self, begin: float, end: float) -> int:
        """Return how many there were after ``begin`` and before ``end``."""
        return sum(begin < at < end for at, _ in self.at)

    def most_within(self, seconds: float) -> int:
        """Return the most that fell into any window of so many seconds."""
        window: deque[float] = deque()
        most = 0
        for at, _ in self.at:
            window.append(at)
            while window[0] <= at - seconds:
                window.popleft()
            most = max(most, len(window))
        return most
