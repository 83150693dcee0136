"""
The venue: a server that plays a tape from memory, as fast as its reader takes it, to whoever subscribes to it.

It copies ready-made bytes, so that what is measured is the reader; what it could
do at most is measured, too. Loopback only.
"""

import argparse
import json
import socket
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import tape
import wire
from progress import UNLIMITED, WAITING, Progress
from tape import Tape

CHUNK: Final = 256 * 1024
WINDOW: Final = 384 * 1024
"""Bytes that may be between the venue and a client that tells how far it is."""
TICK: Final = 0.0001
"""Seconds between two looks at how far the reader is."""


class Venue:
    """What the venue shows: its tapes and what REST answers."""

    def __init__(self, tapes: Sequence[Tape], progress: Progress) -> None:
        self.tapes = tapes
        self.progress = progress

    def answer(self, path: str) -> Any:
        """Return the body of a REST reply, or nothing if there is none."""
        match path:
            case "/api/v3/exchangeInfo":
                return {"timezone": "UTC", "serverTime": tape.STARTED_MS, "symbols": [_INSTRUMENT]}
            case "/api/v3/time":
                return {"serverTime": time.time_ns() // 1_000_000}
            case "/api/v3/ping":
                return {}
            case "/api/v3/depth":
                return next(one.snapshot for one in self.tapes if one.snapshot is not None)
        return None


_INSTRUMENT: Final[Mapping[str, Any]] = {
    "symbol": tape.SYMBOL,
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.00", "stepSize": "0.00001"},
    ],
}


class Visit:
    """One connection to the venue: a REST request or a WebSocket."""

    def __init__(self, sock: socket.socket, venue: Venue) -> None:
        self._sock = sock
        self._venue = venue
        self._writing = threading.Lock()
        self._streams: set[str] = set()
        self._playing = False

    def run(self) -> None:
        """Serve it to its end."""
        with self._sock:
            try:
                head, rest = wire.read_head(self._sock)
                lines = head.split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
                url = urlsplit(lines[0].split(" ")[1]) if head else urlsplit("")
                if key := headers.get("sec-websocket-key"):
                    self._upgraded(key, parse_qs(url.query).get("streams", [""])[0], rest)
                elif head:
                    self._reply(url.path)
            except (OSError, EOFError):
                pass  # the reader has left

    def _reply(self, path: str) -> None:
        answer = self._venue.answer(path)
        body = json.dumps(answer).encode()
        status = "404 Not Found" if answer is None else "200 OK"
        self._sock.sendall(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n\r\n".encode()
            + body
        )

    def _upgraded(self, key: str, streams: str, rest: bytes) -> None:
        self._send(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {wire.accept(key)}\r\n\r\n".encode()
        )
        self._subscribed(name for name in streams.split("/") if name)
        frames = wire.ClientFrames(self._sock, rest)
        while True:
            opcode, payload = frames.next()
            if opcode == wire.TEXT:
                self._obey(json.loads(payload))
            elif opcode == wire.PING:
                self._send(wire.frame(wire.PONG, payload))
            elif opcode == wire.CLOSE:
                self._send(wire.frame(wire.CLOSE, payload))
                return

    def _obey(self, request: dict[str, Any]) -> None:
        self._send(wire.text_frame(json.dumps({"result": None, "id": request["id"]}).encode()))
        if request["method"] == "SUBSCRIBE":
            self._subscribed(request["params"])

    def _subscribed(self, streams: Any) -> None:
        self._streams.update(streams)
        for one in self._venue.tapes:
            if not self._playing and self._streams.issuperset(one.streams):
                self._playing = True
                threading.Thread(target=self._play, args=(one,), daemon=True).start()

    def _send(self, whole_frames: bytes | memoryview) -> None:
        with self._writing:
            self._sock.sendall(whole_frames)

    def _play(self, one: Tape) -> None:
        try:
            self._send(one.opening)
            while self._venue.progress.read() == WAITING:
                time.sleep(TICK)
            self._play_frames(memoryview(one.frames), one.ends)
        except OSError:
            pass  # the reader has left

    def _play_frames(self, frames: memoryview, ends: Sequence[int]) -> None:
        sent = at = 0
        while sent < len(ends):
            room = self._room(at, ends)
            if at and room < at + WINDOW // 2 and room < len(frames):
                time.sleep(TICK)
                continue
            sent = max(bisect_right(ends, room), sent + 1)
            self._send(frames[at : ends[sent - 1]])
            at = ends[sent - 1]

    def _room(self, at: int, ends: Sequence[int]) -> int:
        """Return up to which byte may be sent."""
        told = self._venue.progress.read()
        if told == UNLIMITED:
            return at + CHUNK
        return (ends[told - 1] if told else 0) + WINDOW


def main() -> None:
    """Render, listen, say where, and serve until the standard input ends."""
    options = argparse.ArgumentParser()
    options.add_argument("--ticks", type=int, required=True, help="trades and quotes")
    options.add_argument("--book", type=int, required=True, help="changes of a book")
    options.add_argument("--progress", type=Path, required=True)
    given = options.parse_args()
    tapes = (tape.trades_and_quotes(given.ticks), tape.depth(given.book))
    venue = Venue(tapes, Progress(given.progress))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, venue), daemon=True).start()
        port = listening.getsockname()[1]
        sizes = [len(one.opening) + len(one.frames) for one in tapes]
        print(json.dumps({"port": port, "proofs": [one.proof for one in tapes], "bytes": sizes}), flush=True)
        sys.stdin.read()


def _serve(listening: socket.socket, venue: Venue) -> None:
    while True:
        sock, _ = listening.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=Visit(sock, venue).run, daemon=True).start()


if __name__ == "__main__":
    main()
