"""
A network without sockets: a script decides how each dial and each request ends.

No time passes but what the script asks for, and nothing is left to chance, so
that a test under :mod:`gateway.testing.virtual` goes the same way each time.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from gateway.errors import (
    NO_HEADERS,
    ConnectionFault,
    ProtocolViolation,
    Reason,
    TransportLost,
    UpgradeRefused,
)
from gateway.net.transport import Transport
from gateway.spi.steps import Fetch, HttpReply, Open
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.memory_transport import MemoryTransport
from gateway.testing.records import Watch

KEPT: Final = 10_000
"""Dials, requests and peers remembered; the oldest go first."""
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Accept:
    """The dial succeeds; ``opened`` is called with the peer in the same step, to greet and to listen."""

    opened: Callable[[MemoryPeer], None] | None = None
    subprotocol: str | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """No connection comes about."""

    reason: Reason = Reason.CONNECTION_REFUSED
    text: str = "refused"


@dataclass(frozen=True, slots=True)
class RefuseUpgrade:
    """An HTTP status comes instead of a WebSocket."""

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing ever comes."""


@dataclass(frozen=True, slots=True)
class Later(Generic[T]):
    """The same, ``seconds`` later."""

    seconds: float
    outcome: T

    async def come(self) -> T:
        """Wait for it."""
        await asyncio.sleep(self.seconds)
        return self.outcome


Dialled = Accept | Refuse | RefuseUpgrade | Hang
Fetched = HttpReply | Refuse | Hang
OnDial = Callable[[Open], Dialled | Later[Dialled]]
OnFetch = Callable[[Fetch], Fetched | Later[Fetched]]


@dataclass(frozen=True, slots=True)
class Asked(Generic[S]):
    """A dial or a request; ``at`` is the event loop's time."""

    at: float
    step: S


class MemoryNetwork:
    """
    A :class:`~gateway.net.transport.Network` that obeys a script. Event-loop only.

    Both scripts may be replaced at any moment.

    Args:
        on_dial: decides how a dial ends; by default it succeeds.
        on_fetch: decides how a request ends; by default with status 404.
    """

    def __init__(self, on_dial: OnDial | None = None, on_fetch: OnFetch | None = None) -> None:
        self.on_dial: OnDial = on_dial or (lambda _: Accept())
        self.on_fetch: OnFetch = on_fetch or (lambda _: HttpReply(404))
        self.dials: deque[Asked[Open]] = deque(maxlen=KEPT)
        self.fetches: deque[Asked[Fetch]] = deque(maxlen=KEPT)
        self.peers: deque[MemoryPeer] = deque(maxlen=KEPT)
        """The far half of every socket, open or gone, oldest first."""
        self.dialling = 0
        """How many dials have not ended yet."""
        self.accepted = 0
        """How many sockets there ever were."""
        self.most_held = 0
        """How many the client held at once, at most."""
        self._held: dict[int, MemoryPeer] = {}
        self._watch = Watch()

    @property
    def held(self) -> tuple[MemoryPeer, ...]:
        """The far half of every socket that the client has not given back, even if it is gone; oldest first."""
        return tuple(self._held.values())

    @property
    def open_peers(self) -> tuple[MemoryPeer, ...]:
        """The far half of every socket that is open, oldest first."""
        return tuple(peer for peer in self.held if not peer.closed)

    async def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds``; it is asked after everything that happens. The caller sets the deadline."""
        await self._watch.wait_for(holds)

    async def open(self, step: Open, *, max_frame: int) -> Transport:
        """Dial as the script says; see :class:`~gateway.net.transport.Network`."""
        self.dials.append(Asked(asyncio.get_running_loop().time(), step))
        self._watch.changed()
        self.dialling += 1
        try:
            outcome = self.on_dial(step)
            if isinstance(outcome, Later):
                outcome = await outcome.come()
            if isinstance(outcome, Accept):
                return self._accept(step, max_frame, outcome)
            raise await _failure(outcome)
        finally:
            self.dialling -= 1
            self._watch.changed()

    async def fetch(self, request: Fetch) -> HttpReply:
        """Answer as the script says; see :class:`~gateway.net.transport.Network`."""
        self.fetches.append(Asked(asyncio.get_running_loop().time(), request))
        self._watch.changed()
        outcome = self.on_fetch(request)
        if isinstance(outcome, Later):
            outcome = await outcome.come()
        if isinstance(outcome, HttpReply):
            return outcome
        raise await _failure(outcome)

    async def close(self) -> None:
        """Do nothing: nothing is pooled."""

    def _accept(self, step: Open, max_frame: int, how: Accept) -> Transport:
        self.accepted += 1
        peer = MemoryPeer(self.accepted, step, max_frame, self._happened)
        self.peers.append(peer)
        self._held[peer.number] = peer
        self.most_held = max(self.most_held, len(self._held))
        if how.opened is not None:
            how.opened(peer)
        return MemoryTransport(peer, how.subprotocol)

    def _happened(self) -> None:
        self._held = {number: peer for number, peer in self._held.items() if not peer.released}
        self._watch.changed()


async def _failure(outcome: Refuse | RefuseUpgrade | Hang) -> ConnectionFault:
    match outcome:
        case Refuse(Reason.PROTOCOL_ERROR, text):
            return ProtocolViolation(text)
        case Refuse(reason, text):
            return TransportLost(text, reason=reason)
        case RefuseUpgrade(status, headers, body):
            return UpgradeRefused(status, headers, body)
        case Hang():
            await asyncio.get_running_loop().create_future()
            raise AssertionError("unreachable")
