"""
How soon a peer is left that is there and yet is not: one way of its connections is frozen, or swallows all.

``python bench/half_open.py --help`` lists the options; recovery.py does it before it cuts.
"""

import argparse
import asyncio
import platform
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from cuts import CuttingVenue
from inside import run
from lines import OneEach
from outages import spread

from gateway import Gateway
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.testing.chaos import ChaosProxy
from gateway.testing.records import Watch

LEFT: Final = 1.5
"""Heartbeat intervals within which a half-open peer is left."""
SLACK: Final = 0.1
"""Intervals by which a busy machine may be late."""
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


def report(found: Mapping[str, list[float]], interval: float) -> str:
    """Say what was found, a line for each way."""
    lines = [f"heartbeat intervals ({interval:g} s) until a half-open peer was left, by what had gone dead"]
    return "\n".join([*lines, *(f"  {what:26} {spread(took)}" for what, took in found.items())])


def late(found: Mapping[str, list[float]]) -> list[str]:
    """Return what took longer than it may."""
    return [f"{what}: above {LEFT:g} intervals" for what, took in found.items() if max(took) > LEFT + SLACK]


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 connections, some seconds")
    parser.add_argument("--connections", type=int, metavar="N", default=100)
    parser.add_argument("--interval", type=float, metavar="S", default=2.0, help="their heartbeat interval")
    given = parser.parse_args()
    if given.quick:
        given.connections, given.interval = 20, 1.0
    return given


def main() -> int:
    """Measure and report; the exit status is 1 if one was left too late."""
    given = options()
    found = run(measure(given.connections, given.interval))
    print(f"Python {platform.python_version()}, {given.connections} connections")
    print(report(found, given.interval))
    wrong = late(found)
    many = sum(map(len, found.values()))
    print(
        *[f"WRONG: {one}" for one in wrong]
        or [f"later than {LEFT + SLACK:g} intervals: 0 of {many:,}; 95 %: less than 1 in {many / 3:,.0f}"],
        sep="\n",
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
