"""
The venue of the soak, a process of its own: the mock exchange, which trades on all its streams, heard or not.

Orders are lines of JSON on standard input, each answered by one on standard output; the first line tells the port.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from soak_traded import Traded

from gateway.net.loops import loop_factory
from gateway.testing.noise import Noise
from gateway.testing.ways import Refusal
from gateway_mock.venue import MockVenue

KNOWN: Final = 3
"""Symbols that a mock venue has by itself."""
TRADE: Final = {"price": "60000.10", "size": "0.2500", "side": "buy"}
"""What is the same in all: drawing each would cost the venue more than the gateway pays for it."""


class SoakVenue(MockVenue):
    """
    Trades ``rate`` times a second in all, stream by stream in turns, from where ``traded`` stands.

    Args:
        traded: the numbers of its streams.
        streams: how many there are.
        rate: trades a second in all.
    """

    def __init__(self, traded: Traded, streams: int, rate: float) -> None:
        super().__init__(symbols=streams - KNOWN, rate=rate)
        self._traded = traded
        self._places = {f"trades.{native}": place for place, native in enumerate(self.markets)}
        self._turns = cycle(self.markets)

    @property
    def names(self) -> list[str]:
        """Its streams, in the order of their numbers."""
        return list(self._places)

    def sequence(self, stream: str) -> int:
        """Return the next number, which no end of this process can make come twice."""
        return self._traded.next(self._places[stream])

    def tick(self) -> None:
        """Trade once."""
        self.emit_trade(next(self._turns), **TRADE)


def census(venue: SoakVenue, _: Mapping[str, Any]) -> dict[str, Any]:
    """Tell who is there, and which streams they have."""
    return {"sockets": len(venue.sockets), "streams": sorted(stream for _, stream in venue.streams())}


def _close(venue: SoakVenue, asked: Mapping[str, Any]) -> None:
    venue.drop(code=asked["code"], text="restart")


def _stall(venue: SoakVenue, asked: Mapping[str, Any]) -> None:
    venue.faults.stalled_streams.update(venue.names[place] for place in asked["places"])


def _lose(venue: SoakVenue, asked: Mapping[str, Any]) -> None:
    for place in asked["places"]:
        venue.faults.lose(venue.names[place], asked["count"])


def _muddle(venue: SoakVenue, asked: Mapping[str, Any]) -> None:
    for place in asked["places"]:
        venue.faults.repeat(venue.names[place], asked["count"])
        venue.faults.swap(venue.names[place])


def _noise(venue: SoakVenue, asked: Mapping[str, Any]) -> None:
    for socket in tuple(venue.sockets.values())[: asked["sockets"]]:
        socket.noise(Noise[asked["how"]])


def _forget_past(venue: SoakVenue, _: Mapping[str, Any]) -> None:
    venue.faults.refuse_requests.arm(Refusal(503))
    venue.drop(rst=True)


def _heal(venue: SoakVenue, _: Mapping[str, Any]) -> None:
    venue.faults.clear()


ORDERS: Final[Mapping[str, Callable[[SoakVenue, Mapping[str, Any]], Any]]] = {
    "census": census,
    "close": _close,
    "forget_past": _forget_past,
    "heal": _heal,
    "lose": _lose,
    "muddle": _muddle,
    "noise": _noise,
    "stall": _stall,
}
"""What may be ordered."""


def _say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def serve(given: argparse.Namespace) -> None:
    """Tell the port, then obey until standard input ends."""
    async with SoakVenue(Traded(given.traded, given.streams), given.streams, given.rate) as venue:
        _say(venue.port)
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        while line := await orders.readline():
            asked = json.loads(line)
            _say(ORDERS[asked["do"]](venue, asked))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--streams", type=int, required=True)
    options.add_argument("--rate", type=float, required=True)
    options.add_argument("--traded", type=Path, required=True)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(options.parse_args()))
