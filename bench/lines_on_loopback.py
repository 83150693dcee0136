"""The far side of connections over real sockets on loopback: a mock venue in the same process."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import cycle
from random import Random
from types import TracebackType
from typing import Final, Self

from lines import Line, Lines, gateway

from gateway.testing.noise import Noise
from gateway.testing.sockets import VenueSocket
from gateway_mock.venue import MockVenue

WHILE: Final = 0.05
"""Seconds within which an end has arrived, as a rule, and been acted upon."""
LOOKS: Final = 40
"""Looks after which no busy machine is an excuse any more."""
REMEMBERED: Final = 8

Way = Callable[[VenueSocket], None]
ENDS: Final[Mapping[str, Way]] = {
    "rst": lambda socket: socket.drop(rst=True),
    "fin": VenueSocket.drop,
    "close": lambda socket: socket.close(1012, "restart"),
    "nonsense": lambda socket: socket.noise(Noise.RSV1),
}


class Hasty(Random):
    """Draws no jitter: every wait is over at once."""

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002  # as Random has it
        return a


class SocketLines(Lines):
    """See :class:`lines.Lines`; a context manager, outside the gateway's."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._venue = _Venue(self)
        self._pending = 0
        self._ends = {line.stream: cycle(ENDS.values()) for line in self.by_id.values()}

    async def __aenter__(self) -> Self:
        await self._venue.start()
        settings = {"endpoints": {**self._venue.addresses, "allow_plaintext": True}}
        self.gateway = gateway(self, settings, rng=Hasty())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._venue.__aexit__(kind, error, trace)

    def acked(self, socket: VenueSocket, stream: str) -> None:
        """Take note of who serves ``stream``."""
        line = self.by_stream[stream]
        self.served(line, SocketFar(partial(self._ended, line), socket, self._ends[stream]), socket.send)

    async def settle(self) -> None:
        await self._watch.wait_for(lambda: not self._pending)

    def _ended(self, line: Line) -> None:
        self._pending += 1
        self._look_later(line.id, self.gateway.registry.snapshot.supervised[line.id].epoch, LOOKS)

    def _look_later(self, connection_id: str, epoch: int, looks: int) -> None:
        asyncio.get_running_loop().call_later(WHILE, self._look, connection_id, epoch, looks)

    def _look(self, connection_id: str, epoch: int, looks: int) -> None:
        """Whoever is live must be so in an epoch that began after the end."""
        self.looks += 1
        view = self.gateway.registry.snapshot.live.get(connection_id)
        is_late = view is not None and view.epoch <= epoch
        if is_late and looks > 1:
            self._look_later(connection_id, epoch, looks - 1)
            return
        self._pending -= 1
        self._watch.changed()
        if is_late:
            self.ghosts.append(connection_id)


class SocketFar:
    """A :class:`lines.Far` of the venue."""

    is_mute = False

    def __init__(self, ended: Callable[[], None], socket: VenueSocket, ways: Iterator[Way]) -> None:
        self._ended = ended
        self._socket = socket
        self._ways = ways
        self.is_open = True

    def end(self) -> None:
        self.is_open = False
        next(self._ways)(self._socket)
        self._ended()


class _Venue(MockVenue):
    """The mock exchange, which has every stream, and one trade for whoever asks for one."""

    def __init__(self, lines: SocketLines) -> None:
        super().__init__()
        self._lines = lines
        self.closed, self.subscribes = deque(maxlen=REMEMBERED), deque(maxlen=REMEMBERED)
        self._doors.dials = self._doors.attempts = deque(maxlen=REMEMBERED)

    def _serves(self, _: VenueSocket, stream: str) -> bool:
        return stream in self._lines.by_stream

    def _begin(self, socket: VenueSocket, stream: str) -> None:
        self._lines.acked(socket, stream)
