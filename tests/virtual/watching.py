"""Looks at states, sockets and clients, at each change and twice a second, and notes what must not be."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from mishaps import PACES, PRIVATE, PUBLIC
from recovering import Recovering
from yarl import URL

from gateway.engine.registry import RegistrySnapshot
from gateway.model.changes import Change
from gateway.model.states import TRANSITIONS
from gateway.model.states import ConnectionState as S
from gateway.testing.memory_peer import MemoryPeer

if TYPE_CHECKING:
    from world import World

EVERY: Final = 0.5
"""Seconds between two looks."""
SOON: Final = 1.0
ROLLING: Final = 32.0
"""Seconds for which a connection may have two sockets."""
DEAD: Final = 1.5 * max(PACES) + 2.0
PATHS: Final = {PUBLIC: "/", PRIVATE: "/private"}


def path_of(url: str) -> str:
    """Return the path of a venue's address."""
    return "/private" if url.endswith("/private") else "/"


class Watching:
    """An observer of the gateway, and more."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._last: dict[str, Change] = {}
        self._recovering = Recovering(world)
        self._since: dict[tuple[str, object], float] = {}

    # --- an observer

    def changed(self, change: Change) -> None:
        self._world.trace(
            "changed", change.connection_id, change.epoch, change.before, change.after, change.reason
        )
        self._world.say(change.text)
        self._recovering.changed(change)
        last = self._last.get(change.connection_id)
        rolled = change.before == change.after == S.CONNECTED
        if change.after not in TRANSITIONS[change.before] and not rolled:
            self._wrong("moves", f"{change.connection_id}: {change.before} became {change.after}")
        if last is not None and last.after != change.before:
            self._wrong("moves", f"{change.connection_id}: left {change.before} after it became {last.after}")
        self._check_epoch(change, 0 if last is None else last.epoch, rolled or change.after is S.CONNECTING)
        if change.after is S.ERROR and self._world.calm:
            self._wrong("calm", f"{change.connection_id} failed: {change.reason} {change.text}")
        self._last[change.connection_id] = change

    def entered(self, *_: object) -> None:
        """Phases are details."""

    @contextmanager
    def during(self, *_: object) -> Iterator[None]:
        yield

    def noticed(self, *about: object, **facts: object) -> None:
        self._world.say(about, facts)

    def _check_epoch(self, change: Change, before: int, begins: bool) -> None:
        if change.epoch < before or (begins and change.epoch <= before):
            self._wrong("epochs", f"{change.connection_id}: epoch {change.epoch} follows {before}")

    # --- what is published, and dialled

    def watch(self, registry: Any) -> None:
        """Look at every picture."""
        swap = registry._swap

        def looking(*maps: Any) -> None:
            swap(*maps)
            self._published(registry.snapshot)

        registry._swap = looking

    def _published(self, picture: RegistrySnapshot) -> None:
        up = {id_ for id_, view in picture.supervised.items() if view.state is S.CONNECTED}
        if up != picture.live.keys():
            self._wrong("live", f"live is {sorted(picture.live)}, CONNECTED is {sorted(up)}")

    def dialled(self, url: str) -> None:
        self._world.venue.dialled()
        self._world.trace("dialled", url)
        id_ = next(one for one, path in PATHS.items() if path == path_of(url))
        if id_ in self._world.gateway.registry.snapshot.supervised:
            self._recovering.dialled(id_)
        for id_ in self._world.down:
            if PATHS[id_] == path_of(url):
                self._wrong("held down", f"{id_} was dialled")

    def requested(self, url: str) -> None:
        self._world.trace("requested", url)
        self._world.venue.requested(URL(url).path)

    # --- what is there

    def look(self) -> None:
        """Look at one moment."""
        picture = self._world.gateway.registry.snapshot
        held = self._world.network.held
        for id_, path in PATHS.items():
            peers = [peer for peer in held if path_of(peer.step.url) == path]
            view = picture.supervised.get(id_)
            self._look_at(id_, view is not None and view.state is S.CONNECTED, peers)
        for client in self._world.clients:
            self._look_at_client(client)

    def _look_at(self, id_: str, connected: bool, peers: list[MemoryPeer]) -> None:
        if len(peers) > 2 or self._lasts("sockets", id_, len(peers) > 1, ROLLING):
            self._wrong("sockets", f"{id_} holds {len(peers)}")
        open_ = [peer for peer in peers if not peer.closed]
        if self._lasts("ghosts", id_, connected and not open_, SOON):
            self._wrong("ghosts", f"{id_} is CONNECTED without a socket")
        mute = bool(open_) and all(self._world.is_mute(peer) for peer in open_)
        if self._lasts("dead", id_, connected and mute, DEAD):
            self._wrong("dead", f"{id_} is CONNECTED to a peer that says nothing")

    def _look_at_client(self, client: Any) -> None:
        if client.session is not None:
            limits, unsent = self._world.limits, client.session.pipe.unsent
            if unsent > limits.queue * 1.5 + limits.high_water + limits.lag:
                self._wrong("queues", f"{unsent} bytes wait for client {client.number}")
        topics = self._world.gateway.hub.topics
        for name, one in client.topics.items():
            differs = client.keeps_up and (name not in topics or topics[name].status != one.status)
            if self._lasts("told", (client.number, name), differs, SOON):
                self._wrong("told", f"client {client.number} believes that {name} is {one.status}")

    def _lasts(self, name: str, what: object, holds: bool, seconds: float) -> bool:
        """Whether it has held for longer than ``seconds``."""
        if not holds:
            self._since.pop((name, what), None)
            return False
        now = self._world.now()
        return now - self._since.setdefault((name, what), now) > seconds

    def _wrong(self, name: str, text: str) -> None:
        self._world.broken.add(name, self._world.now(), text)
