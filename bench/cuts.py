"""
A venue in a process of its own that cuts the sockets of its clients, and goes on trading meanwhile.

Streams come in groups, one for each connection: ``trades.g12s3``. It obeys lines on
standard input: ``each RATE`` cuts every connection once, RATE of them a second;
``all`` cuts all at once. On standard output it tells its URL, and when it has obeyed.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, ClassVar, Final

from inside import run

from gateway.testing.sockets import VenueSocket
from gateway.testing.venue import Venue

EVERY: Final = 0.1
"""Seconds between two data of each stream, around a cut."""
AROUND: Final = 0.5
"""Seconds before the cut, and after the return, in which a connection's streams flow."""
LONGEST: Final = 30.0
"""Seconds after which somebody who does not return is not waited for."""
ENDS: Final = (
    lambda socket: socket.drop(),
    lambda socket: socket.drop(rst=True),
    lambda socket: socket.close(1012, "restart"),
)


@dataclass(slots=True)
class Group:
    """The streams of one connection; all have the same numbers."""

    streams: Sequence[bytes]
    socket: VenueSocket | None = None
    number: int = 0

    def trade(self) -> None:
        """Trade once on each stream, whether anybody hears it or not."""
        self.number += 1
        datum = b'","ts":%d,"data":[{"id":%d,"price":"1","size":"1","side":"buy","ts":%d}]}' % ((self.number,) * 3)
        if self.socket is not None:
            for stream in self.streams:
                self.socket.text(b'{"stream":"' + stream + datum)


class CuttingVenue(Venue):
    """A venue that grants whatever it is asked for."""

    endpoints: ClassVar[Mapping[str, tuple[str, str]]] = {"stream": ("ws", "")}

    def __init__(self, connections: int, streams: int) -> None:
        super().__init__()
        names = ([b"trades.g%ds%d" % (group, one) for one in range(streams)] for group in range(connections))
        self.groups = [Group(group) for group in names]
        self._flowing: set[int] = set()

    def received(self, socket: VenueSocket, payload: bytes, binary: bool) -> None:  # noqa: ARG002  # text is all there is
        """Grant what is asked for; a group that does not flow trades once."""
        asked = json.loads(payload)
        socket.answer(b'{"op":"ok","id":%d}' % asked["id"])
        number = int(asked["streams"][0].removeprefix("trades.g").partition("s")[0])
        group = self.groups[number]
        group.socket = socket
        socket.streams.update(dict.fromkeys(asked["streams"], 0.0))
        if number not in self._flowing:
            group.trade()

    async def flow(self) -> None:
        """Trade on the streams that flow, for ever."""
        while True:
            await asyncio.sleep(EVERY)
            for number in self._flowing:
                self.groups[number].trade()

    async def cut_each(self, rate: float) -> None:
        """Cut every connection once, one after the other."""
        ends = cycle(ENDS)
        async with asyncio.TaskGroup() as tasks:
            for number in range(len(self.groups)):
                tasks.create_task(self._cut(number, next(ends)))
                await asyncio.sleep(1 / rate)

    async def _cut(self, number: int, end: Any) -> None:
        group = self.groups[number]
        self._flowing.add(number)
        await asyncio.sleep(AROUND)
        before = group.socket
        assert before is not None
        end(before)
        async with asyncio.timeout(LONGEST):
            await self.wait_for(lambda: group.socket is not before)
        await asyncio.sleep(AROUND)
        self._flowing.discard(number)

    def cut_all(self) -> None:
        """Cut every connection in the same instant."""
        for group in self.groups:
            if group.socket is not None:
                group.socket.drop(rst=True)


async def obey(venue: CuttingVenue) -> None:
    """Do what standard input says, until it ends."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while words := (await lines.readline()).split():
        if words[0] == b"each":
            await venue.cut_each(float(words[1]))
        else:
            venue.cut_all()
        print("done", flush=True)


async def serve(given: argparse.Namespace) -> None:
    """Be the venue."""
    async with CuttingVenue(given.connections, given.streams) as venue:
        flowing = asyncio.create_task(venue.flow())
        print(venue.url, flush=True)
        await obey(venue)
        flowing.cancel()
        await asyncio.wait({flowing})


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--connections", type=int, required=True)
    options.add_argument("--streams", type=int, required=True)
    run(serve(options.parse_args()))
