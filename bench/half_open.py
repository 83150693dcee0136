"""How soon a peer is left that is there and yet is not: one way of its connections is frozen, or swallows all."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from cuts import CuttingVenue
from lines import OneEach

from gateway import Gateway
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.testing.chaos import ChaosProxy
from gateway.testing.records import Watch

WAYS: Final[Mapping[str, Callable[[ChaosProxy], None]]] = {
    "to the venue, frozen": lambda proxy: proxy.up.freeze(),
    "from the venue, frozen": lambda proxy: proxy.down.freeze(),
    "to the venue, swallowed": lambda proxy: proxy.up.swallow(),
    "from the venue, swallowed": lambda proxy: proxy.down.swallow(),
}
"""Which way of every connection goes dead."""


class Leaving:
    """An observer that knows when each connection left CONNECTED first."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._watch = Watch()

    async def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds``; it is asked after every change."""
        await self._watch.wait_for(holds)

    def changed(self, change: Change) -> None:
        if change.before is S.CONNECTED:
            self.at.setdefault(change.connection_id, asyncio.get_running_loop().time())
        self._watch.changed()

    def entered(self, *_: object) -> None:
        """Phases are none of its business."""

    def during(self, *_: object) -> AbstractContextManager[None]:
        return nullcontext()

    def noticed(self, *_: object, **__: object) -> None:
        """Nor are notices."""


async def measure(connections: int, interval: float) -> Mapping[str, list[float]]:
    """Return in how many heartbeat intervals each of so many connections was left, by what had gone dead."""
    every = await asyncio.gather(*(left(connections, interval, go_dead) for go_dead in WAYS.values()))
    return dict(zip(WAYS, every, strict=True))


async def left(connections: int, interval: float, go_dead: Callable[[ChaosProxy], None]) -> list[float]:
    """
    Open so many connections, have them go dead, and return how many intervals each needed to leave.

    They are opened spread over an interval, so that pings are at every point of theirs;
    in the end all must be back.
    """
    leaving, loop = Leaving(), asyncio.get_running_loop()
    async with CuttingVenue(connections, 1) as venue, ChaosProxy(venue.port) as proxy:
        endpoints = {"stream": f"ws://127.0.0.1:{proxy.port}", "allow_plaintext": True}
        settings = {"exchanges": {"mock": {"heartbeat_interval": interval, "endpoints": endpoints}}}
        async with Gateway(settings, plugins={"mock": OneEach()}, observers=[leaving]) as gateway:

            def all_live() -> bool:
                return len(gateway.registry.snapshot.live) == connections

            for number in range(connections):
                await gateway.listen(f"mock:trades:g{number}s0", lambda _: None)
                await asyncio.sleep(interval / connections)
            await leaving.wait_for(all_live)
            leaving.at.clear()
            begun = loop.time()
            go_dead(proxy)
            await leaving.wait_for(lambda: len(leaving.at) == connections)
            for way in (proxy.up, proxy.down):
                way.thaw()
            proxy.drop(rst=True)  # what was dialled meanwhile has lost its first words
            await leaving.wait_for(all_live)
    return [(at - begun) / interval for at in leaving.at.values()]
