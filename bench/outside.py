"""
A client of the gateway that counts every message, and holds the venue back to what it can follow.

It finds the ends of frames and looks for the message's type, no more: it must not
be what is measured.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any, Final

import wire
from meter import Meter, cpu_of
from progress import Progress
from tape import TOP, Proof

HEAD: Final = 80
"""Bytes within which a message says what it is."""
UPDATE: Final = b'"type":"update"'
WISHES: Final[dict[str, list[dict[str, Any]]]] = {
    "ticks": [{"channel": "trades", "variant": "agg"}, {"channel": "quotes"}],
    "book": [{"channel": "book"}],
}


class Client:
    """One socket to the gateway."""

    def __init__(self, port: int) -> None:
        self._sock, rest = wire.dial("127.0.0.1", port, "/v1/ws")
        self._batches = wire.batches(self._sock, rest)

    def subscribe(self, wish: dict[str, Any]) -> None:
        """Ask for a topic; nothing of it may be folded, or it could not be counted."""
        params = {"exchange": "binance", "symbols": ["BTC-USDT"], "on_lag": "disconnect", **wish}
        text = json.dumps({"method": "subscribe", "req_id": 1, "params": params})
        self._sock.sendall(wire.frame(wire.TEXT, text.encode(), masked=True))

    def count(self, meter: Meter, expected: int, progress: Progress) -> list[bytearray]:
        """Count updates until all are there or nothing comes any more; return the last two."""
        before = latest = bytearray()
        count = meter.count
        for data, places in self._batches:
            for begin, end in places:
                if data.find(UPDATE, begin, begin + HEAD) > 0:
                    before, latest = latest, data[begin:end]
                    count()
            progress.tell(meter.counted)
            if meter.counted >= expected:
                break
        return [before, latest]

    def snapshot(self) -> Any:
        """Return the next snapshot's record, nothing if none comes."""
        for data, places in self._batches:
            for begin, end in places:
                message = json.loads(data[begin:end])
                if message.get("type") == "snapshot":
                    return message["data"][0]
        return None


def proof_of(last: list[bytearray]) -> Proof:
    """Return what the last messages show."""
    proof = Proof()
    for message in map(json.loads, filter(None, last)):
        channel = message["topic"].split(":")[1]
        record = message["data"][-1]
        proof[channel] = record["id"] if channel == "trades" else record["seq"]
    return proof


def measure(given: argparse.Namespace) -> None:
    """Subscribe, count, compare the book."""
    progress = Progress(given.progress)
    client = Client(given.port)
    for wish in WISHES[given.tape]:
        client.subscribe(wish)
    if given.tape == "book":
        client.snapshot()
    progress.tell(0)
    meter = Meter(given.count, cpu=partial(cpu_of, given.gateway))
    proof = proof_of(client.count(meter, given.count, progress))
    if given.tape == "book" and meter.counted == given.count:
        client.subscribe(WISHES["book"][0])
        whole = client.snapshot()
        proof["top"] = whole and [whole["bids"][:TOP], whole["asks"][:TOP]]
    meter.report(proof)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True, help="of the gateway")
    options.add_argument("--gateway", type=int, required=True, help="its process")
    options.add_argument("--tape", choices=WISHES, required=True)
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--progress", type=Path, required=True)
    measure(options.parse_args())
