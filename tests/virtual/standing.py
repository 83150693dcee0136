"""What the gateway says of streams, held against what the exchange has answered and sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mishaps import PUBLIC

from gateway.engine.ledger import StreamState
from gateway.engine.silence import FACTOR, FIRST, SAMPLES, SHORTEST

if TYPE_CHECKING:
    from world import World

LOOK: Final = 0.5
"""Seconds between two looks here."""
LATE: Final = 2.0
"""Seconds: the gateway looks once a second."""


@dataclass
class Rhythm:
    """When a topic was sent data."""

    offset: int
    epoch: int
    since: float
    """When it moved last, or began to be served."""
    moved: int = 0


class Standing:
    """
    Looks at each moment that is looked at.

    Args:
        world: where.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._rhythms: dict[str, Rhythm] = {}
        self._pauses: dict[str, float] = {}
        """The longest one of each topic: what the gateway remembers of it may be less."""

    def look(self) -> None:
        if self._world.now() < self._world.venue.unanswered_until:
            for link in self._world.links.values():
                self._check_acks(link.connection)
        self._check_silence(self._world.links.get(PUBLIC))

    # --- nothing counts as subscribed to before its answer

    def _check_acks(self, connection: Any) -> None:
        service = connection.serving
        if service is None:
            return
        socket = dict(self._sockets()).get(service._means.transport._peer.number)
        if socket is None or socket.id in self._world.venue.strays:
            return
        answered = self._world.venue.answered_at.get(socket.id, {})
        for stream in connection.ledger.streams():
            is_active = connection.ledger.entry(stream).state is StreamState.CONFIRMED
            if is_active and self._world.now() < answered.get(stream, float("inf")):
                self._wrong("acks", f"{stream} is active, socket {socket.id} has not answered for it")

    def _sockets(self) -> Iterator[tuple[int, Any]]:
        for socket in self._world.venue.sockets.values():
            transport: Any = socket._transport
            yield transport._peer.number, socket

    # --- what is silent is not shown as live

    def _check_silence(self, link: Any) -> None:
        now = self._world.now()
        view = self._world.gateway.registry.snapshot.supervised.get(PUBLIC)
        wanted = {topic for client in self._world.clients for topic in client.wanted}
        for name, topic in self._world.gateway.hub.topics.items():
            serves = link is not None and view is not None and link.connection.serving is not None
            if not serves or name not in wanted or name.endswith("@main") or topic.status != "live":
                self._rhythms.pop(name, None)
                continue
            rhythm = self._rhythms.setdefault(name, Rhythm(topic.offset, view.epoch, now))
            if rhythm.epoch != view.epoch:
                rhythm = self._rhythms[name] = Rhythm(topic.offset, view.epoch, now)
            self._check_rhythm(name, rhythm, topic.offset, now)

    def _check_rhythm(self, name: str, rhythm: Rhythm, offset: int, now: float) -> None:
        silent = now - rhythm.since
        if offset != rhythm.offset:
            self._pauses[name] = max(silent, self._pauses.get(name, 0.0))
            rhythm.offset, rhythm.since, rhythm.moved = offset, now, rhythm.moved + 1
        elif silent > self._bound(name, rhythm) + LATE:
            self._wrong("silence", f"{name} is live and has been silent for {silent:.1f} s")

    def _bound(self, name: str, rhythm: Rhythm) -> float:
        """Return for how long it may be silent; until its rhythm is known longer than this lasts."""
        if rhythm.moved == 0:
            return FIRST
        if rhythm.moved <= 2 * (SAMPLES + 1):  # the gateway looks half as often, and may see two as one
            return float("inf")
        return max(SHORTEST, FACTOR * (self._pauses[name] + LOOK))

    def _wrong(self, name: str, text: str) -> None:
        self._world.broken.add(name, self._world.now(), text)
