"""The far side of connections in memory, in virtual time: every way to end, and every way to fail, in turn."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import cycle
from random import Random
from typing import Any, Final

from lines import Lines, gateway

from gateway.errors import Reason
from gateway.net.transport import Kind
from gateway.spi.steps import Open
from gateway.testing.memory import Accept, Dialled, MemoryNetwork, Refuse, RefuseUpgrade
from gateway.testing.memory_peer import MemoryPeer

INSTANT: Final = 1e-6
"""In virtual time it is over once everybody has done what can be done at once."""
HEARTBEAT: Final = 1.0
REMEMBERED: Final = 8

Way = Callable[[MemoryPeer], None]
ENDS: Final[Mapping[str, Way]] = {
    "rst": MemoryPeer.drop,
    "fin": lambda peer: peer.drop(Reason.CLOSED_BY_PEER),
    "close": lambda peer: peer.close(1012, "restart"),
    "nonsense": MemoryPeer.violate,
    "silence": MemoryPeer.mute,
}
"""How a connection ends that was live."""
DIALS: Final[Mapping[str, Dialled]] = {"refused": Refuse(), "status 503": RefuseUpgrade(503)}
"""How a dial fails."""
UNSERVED: Final[Mapping[str, Way]] = {
    "cut": MemoryPeer.drop,
    "closed": lambda peer: peer.close(1008, "not now"),
    "silent": MemoryPeer.mute,
}
"""How a socket ends that has asked for its stream."""
FAILURES: Final = [one for failure in (*DIALS, *UNSERVED) for one in ("", "", "", failure)]
"""What becomes of one dial after the other: every fourth fails."""


class MemoryLines(Lines):
    """See :class:`lines.Lines`; to be made in virtual time."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        loop = asyncio.get_running_loop()
        self.network = MemoryNetwork(self._dialled)
        self.network.dials, self.network.peers = deque(maxlen=REMEMBERED), deque(maxlen=REMEMBERED)
        self.gateway = gateway(
            self,
            {"heartbeat_interval": HEARTBEAT},
            network=self.network,
            now=loop.time,
            wall_us=lambda: round(loop.time() * 1e6),
            rng=Random(1),  # the same run each time
        )
        self._failures = cycle(FAILURES)
        self._ends = {line.stream: cycle(ENDS.values()) for line in self.by_id.values()}

    def look(self) -> None:
        """Whoever is live must have an open socket whose handshake is complete."""
        self.looks += 1
        self.ghosts += [id_ for id_ in self.gateway.registry.snapshot.live if not self.by_id[id_].is_served]

    async def settle(self) -> None:
        await asyncio.sleep(2 * INSTANT)

    def acked(self, far: "MemoryFar", stream: str) -> Iterator[Way]:
        """Take note of who serves ``stream``; returns how it ends, one way after the other."""
        self.served(self.by_stream[stream], far, far.peer.say)
        return self._ends[stream]

    def _dialled(self, _: Open) -> Dialled:
        failure = next(self._failures)
        return DIALS.get(failure) or Accept(partial(MemoryFar, self, failure))


class MemoryFar:
    """A :class:`lines.Far` in memory; it acknowledges, unless it fails before."""

    def __init__(self, lines: MemoryLines, failure: str, peer: MemoryPeer) -> None:
        self.peer = peer
        self._lines = lines
        self._failure = failure
        self._ways: Iterator[Way] = iter(())
        peer.hearing = self

    @property
    def is_open(self) -> bool:
        return not self.peer.closed

    @property
    def is_mute(self) -> bool:
        return self.peer.muted

    def end(self) -> None:
        next(self._ways)(self.peer)

    # --- what the peer tells

    def heard(self, kind: Kind, payload: bytes) -> None:
        if kind is not Kind.TEXT:
            return
        if self._failure:
            UNSERVED[self._failure](self.peer)
            return
        request: dict[str, Any] = json.loads(payload)
        self.peer.say(f'{{"op":"ok","id":{request["id"]}}}')
        self._ways = self._lines.acked(self, *request["streams"])

    def ended(self) -> None:
        asyncio.get_running_loop().call_later(INSTANT, self._lines.look)
