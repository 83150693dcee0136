"""Measured: a reader that looks at nothing, which is how fast the venue and the machine's sockets are at most."""

import argparse
from pathlib import Path

import wire
from meter import Meter
from progress import UNLIMITED, Progress
from tape import DEPTH, QUOTES, TRADES

STREAMS = {"ticks": (TRADES, QUOTES), "book": (DEPTH,)}
READ = 1 << 20


def measure(given: argparse.Namespace) -> None:
    """Read all bytes of a tape; what is counted are those of its messages, in one go at the end."""
    sock, rest = wire.dial("127.0.0.1", given.port, "/stream?streams=" + "/".join(STREAMS[given.tape]))
    read, buffer, meter = len(rest), bytearray(READ), Meter(2)
    Progress(given.progress).tell(UNLIMITED)
    while read < given.bytes and (size := sock.recv_into(buffer)):
        if not meter.counted:
            meter.count()
        read += size
    meter.count()
    meter.counted = given.count if read == given.bytes else 0
    meter.report({})
    sock.close()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--tape", choices=STREAMS, required=True)
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--progress", type=Path, required=True)
    options.add_argument("--bytes", type=int, required=True)
    measure(options.parse_args())
