"""
The venue of the benchmarks with many clients: the mock exchange, which sends what it is told to, evenly.

Orders are lines of JSON on standard input: ``{"rate": 100, "streams": ["trades.btc_usdt"], "records": 1}``
sends each of the streams that often a second, until the next order; each frame has so many records.
The frame's ``ts`` is when it was sent. Loopback only.
"""

import argparse
import asyncio
import json
import sys
import time
from itertools import count
from typing import Any, Final

import msgspec

from gateway_mock.venue import MockVenue

TURN: Final = 0.01
"""Seconds between two looks at what is due."""


_QUOTE: Final = {"bid": "60000.10", "bid_size": "1.5000", "ask": "60000.20", "ask_size": "0.3000"}
_TRADE: Final = {"price": "60000.10", "size": "0.2500", "side": "buy"}
"""What is the same in all of them: drawing each would cost the venue more than the clients cost."""


def _now() -> int:
    return time.time_ns() // 1000


class Pulse:
    """
    What is sent, and how often. Event-loop only.

    Args:
        venue: sends it.
    """

    def __init__(self, venue: MockVenue) -> None:
        self._venue = venue
        self._orders = count(1)
        self._due: list[tuple[float, str]] = []
        self._every = 1.0
        self._records = 1

    def obey(self, rate: float, streams: list[str], records: int = 1) -> None:
        """Send each of ``streams`` ``rate`` times a second from now on, in turns; nothing else any more."""
        now = time.monotonic()
        self._every = 1 / rate if streams else 1.0
        self._records = records
        spread = self._every / max(len(streams), 1)
        self._due = [(now + spread * place, stream) for place, stream in enumerate(streams)]

    async def run(self) -> None:
        """Send what is due, without end; what was late is made up for."""
        while True:
            now = time.monotonic()
            for place, (at, stream) in enumerate(self._due):
                if at <= now:
                    self._send(stream)
                    self._due[place] = (at + self._every, stream)
            await asyncio.sleep(TURN if len(self._due) > 1 else max(0.0005, self._next() - time.monotonic()))

    def _next(self) -> float:
        return min((at for at, _ in self._due), default=time.monotonic() + TURN)

    def _send(self, stream: str) -> None:
        records = [self._record(stream) for _ in range(self._records)]
        account = "mock-key" if stream == "orders" else None
        message = {"stream": stream, "ts": _now(), "data": records}
        self._venue.publish(stream, msgspec.json.encode(message), account=account)

    def _record(self, stream: str) -> dict[str, Any]:
        channel, _, symbol = stream.partition(".")
        if channel == "orders":
            return self._order()
        if channel == "book":
            return self._venue.markets[symbol].book_update()
        if channel == "quotes":
            return {**_QUOTE, "seq": self._venue.sequence(stream), "ts": _now()}
        return {"id": self._venue.sequence(stream), **_TRADE, "ts": _now()}

    def _order(self) -> dict[str, Any]:
        fixed = {"symbol": "btc_usdt", "side": "buy", "status": "new", "type": "limit", "price": "60000.00"}
        return {"order_id": next(self._orders), **fixed, "size": "1.0000", "filled": "0", "ts": _now()}


async def serve(symbols: int) -> None:
    """Tell the port, then obey until standard input ends."""
    loop = asyncio.get_running_loop()
    async with MockVenue(symbols=symbols) as venue:
        pulse = Pulse(venue)
        print(venue.addresses["rest"].rpartition(":")[2], flush=True)
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        sending = asyncio.create_task(pulse.run())
        while line := await reader.readline():
            pulse.obey(**json.loads(line))
            print("done", flush=True)
        sending.cancel()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--symbols", type=int, default=0, help="besides the three that there are")
    asyncio.run(serve(options.parse_args().symbols))
