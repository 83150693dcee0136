"""
Many clients of a gateway in one process, which costs as little as can be: one loop over all their sockets.

Each checks that the offsets it gets follow each other, and what it has to wait for. Orders
are lines of JSON on standard input, each answered by one: ``{"do": "connect", "count": 100}``.
"""

import argparse
import json
import os
import selectors
import socket
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import wire
from crowd_frames import Cutter, Datum, Other

READ: Final = 1 << 16
PATIENCE: Final = 60.0
SOON: Final = 5.0


@dataclass(slots=True)
class Member:
    """One client: what it has, and what was wrong with that."""

    sock: socket.socket
    rest: bytes = b""
    at: dict[bytes, int] = field(default_factory=dict)
    """By topic, the last offset."""
    epochs: dict[bytes, bytes] = field(default_factory=dict)
    acks: int = 0
    recovered: int = 0
    updates: int = 0
    stood_for: int = 0
    """Messages that a conflated one stood for."""
    lags: int = 0
    dropped: int = 0
    statuses: int = 0
    snapshots: int = 0
    jumps: int = 0
    refused: int = 0
    ended: str = ""
    paused: bool = False

    def told(self) -> dict[str, Any]:
        """Return all that was counted."""
        names = "acks recovered updates stood_for lags dropped statuses snapshots jumps refused ended"
        return {name: getattr(self, name) for name in names.split()}


class Crowd:
    """
    The clients.

    Args:
        port: the gateway's.
        path: where they connect.
    """

    def __init__(self, port: int, path: str) -> None:
        self.members: list[Member] = []
        self._port = port
        self._path = path
        self._selector = selectors.DefaultSelector()
        self._cutter = Cutter()
        self._delays = array("d")
        self._hears = False

    # --- orders

    def connect(self, count: int, *, small: bool = False) -> dict[str, Any]:
        """Let ``count`` more connect, one after the other; a ``small`` one buffers next to nothing."""
        began = time.perf_counter()
        for _ in range(count):
            sock, rest = self._dial(small)
            member = Member(sock, rest)
            self.members.append(member)
            self._selector.register(sock, selectors.EVENT_READ, member)
            self.turn(0)
        return {"seconds": time.perf_counter() - began, "members": len(self.members)}

    def _dial(self, small: bool) -> tuple[socket.socket, bytes]:
        sock, rest = wire.dial("127.0.0.1", self._port, self._path, 4096 if small else None)
        sock.setblocking(False)
        return sock, rest

    def subscribe(
        self, members: list[int], symbols: list[str], resume: bool = False, **params: Any
    ) -> dict[str, Any]:
        """Let these subscribe, each to the next of ``symbols``, and wait until all are answered."""
        wanted = [self.members[place] for place in members]
        began = time.perf_counter()
        for place, member in enumerate(wanted):
            whole = {"exchange": "mock", **params}
            if symbols:
                whole["symbols"] = [symbols[place % len(symbols)]]
            if resume:
                [(topic, offset)] = member.at.items()
                whole["resume"] = {params["account"]: {"epoch": member.epochs[topic].decode(), "offset": offset}}
            text = json.dumps({"method": "subscribe", "req_id": 1, "params": whole})
            self._send(member, wire.frame(wire.TEXT, text.encode(), masked=True))
            self.turn(0)
        self._until(lambda: all(one.acks or one.refused or one.ended for one in wanted))
        return {"seconds": time.perf_counter() - began, "refused": sum(one.refused for one in wanted)}

    def listen(self, seconds: float) -> dict[str, Any]:
        """Measure for so long how old messages are when they are read."""
        self._delays = array("d")
        before, cpu = self._updates(), time.process_time()
        began = time.perf_counter()
        self._hears = True
        while time.perf_counter() - began < seconds:
            self.turn(0.01)
        self._hears = False
        lasted = time.perf_counter() - began
        cpu = time.process_time() - cpu  # before the sorting
        return {
            "seconds": lasted,
            "updates": self._updates() - before,
            "cpu": cpu,
            "delays": percentiles(self._delays),
        }

    def settle(self) -> dict[str, Any]:
        """Wait until everybody has of each topic what anybody has; return who has not, and what was wrong."""
        readers = [one for one in self.members if not one.paused and not one.ended]
        newest: dict[bytes, int] = {}
        for one in readers:
            for topic, offset in one.at.items():
                newest[topic] = max(offset, newest.get(topic, 0))

        def behind() -> int:
            return sum(any(offset < newest[topic] for topic, offset in one.at.items()) for one in readers)

        self._until(lambda: not behind())
        wrong = Counter(one.ended for one in self.members if one.ended)
        return {
            "behind": behind(),
            "jumps": sum(one.jumps for one in self.members),
            "dropped": sum(one.dropped for one in readers),
            "statuses": sum(one.statuses for one in readers),
            "ended": wrong,
        }

    def pause(self, member: int) -> dict[str, Any]:
        """Let one stop reading."""
        one = self.members[member]
        one.paused = True
        self._selector.unregister(one.sock)
        return one.told()

    def read_on(self, member: int) -> dict[str, Any]:
        """Let one read again, until it has what the others have or is ended, and return what it got."""
        one = self.members[member]
        one.paused = False
        self._selector.register(one.sock, selectors.EVENT_READ, one)
        self._until(lambda: bool(one.ended) or self._is_level(one), within=SOON)
        return one.told()

    def come_back(self, member: int, **params: Any) -> dict[str, Any]:
        """Let one that is ended resume where it stood, and read until it has what the others have."""
        past = self.members[member]
        one = self.members[member] = Member(*self._dial(small=False), at=past.at, epochs=past.epochs)
        self._selector.register(one.sock, selectors.EVENT_READ, one)
        self.subscribe([member], resume=True, **params)
        self._until(lambda: self._is_level(one), within=SOON)
        return one.told()

    def _is_level(self, one: Member) -> bool:
        return all(one.at.get(topic, 0) >= offset for topic, offset in self.members[0].at.items())

    def leave(self, members: list[int]) -> dict[str, Any]:
        """Let these go."""
        for place in sorted(members, reverse=True):
            one = self.members.pop(place)
            self._end(one, "left")
        return {"members": len(self.members)}

    # --- what happens to them

    def turn(self, wait: float) -> None:
        """Read what there is."""
        for key, _ in self._selector.select(wait):
            self._readable(key.data)

    def _until(self, holds: Callable[[], bool], within: float = PATIENCE) -> None:
        until = time.perf_counter() + within
        while not holds() and time.perf_counter() < until:
            self.turn(0.05)

    def _updates(self) -> int:
        return sum(one.updates for one in self.members)

    def _readable(self, one: Member) -> None:
        try:
            data = one.sock.recv(READ)
        except BlockingIOError:
            return
        except OSError as lost:
            self._end(one, f"lost: {lost.strerror}")
            return
        if not data:
            self._end(one, one.ended or "end of the stream")
            return
        now = time.time() * 1e6
        piece = self._cutter.cut(one.rest + data if one.rest else data)
        one.rest = piece.rest
        for frame in piece.frames:
            if isinstance(frame, Datum):
                self._datum(one, frame, now)
            else:
                self._other(one, frame)

    def _datum(self, one: Member, datum: Datum, now: float) -> None:
        topic, epoch, first, last, ts, is_snapshot = datum
        if ts is None:
            one.lags += 1
            one.dropped += last + 1 - first
        elif is_snapshot:
            one.snapshots += 1
        else:
            one.updates += 1
            one.stood_for += last + 1 - first
            one.epochs[topic] = epoch
            if self._hears:
                self._delays.append(now - ts)
        before = one.at.get(topic)
        if first - 1 != before and not (is_snapshot and last == before):
            one.jumps += 1
        one.at[topic] = last

    def _other(self, one: Member, frame: Other) -> None:
        opcode, payload = frame
        if opcode == wire.PING:
            self._send(one, wire.frame(wire.PONG, payload, masked=True))
        elif opcode == wire.CLOSE:
            one.ended = str(int.from_bytes(payload[:2]))
            self._send(one, wire.frame(wire.CLOSE, payload[:2], masked=True))
        elif opcode == wire.TEXT:
            self._text(one, json.loads(payload))

    def _text(self, one: Member, message: dict[str, Any]) -> None:
        if "method" not in message:
            one.statuses += 1
        elif message["success"]:
            one.acks += 1
            topic = message["topic"].encode()
            one.recovered += message.get("recovered", False)
            if not message.get("recovered"):
                one.at[topic] = message["offset"]
            one.epochs[topic] = message["epoch"].encode()
        else:
            one.refused += 1

    def _send(self, one: Member, data: bytes) -> None:
        with suppress(OSError):
            one.sock.sendall(data)

    def _end(self, one: Member, why: str) -> None:
        one.ended = one.ended or why
        with suppress(KeyError, ValueError):
            self._selector.unregister(one.sock)
        one.sock.close()

    # --- who gives orders

    def run(self) -> None:
        """Obey until standard input ends."""
        orders, pending = sys.stdin.fileno(), b""
        while True:
            self._selector.register(orders, selectors.EVENT_READ, None)
            ready = self._selector.select()
            self._selector.unregister(orders)
            for key, _ in ready:
                if key.data is not None:
                    self._readable(key.data)
                    continue
                more = os.read(orders, READ)
                if not more:
                    return
                *lines, pending = (pending + more).split(b"\n")
                for line in lines:
                    order = json.loads(line)
                    print(json.dumps(getattr(self, order.pop("do"))(**order)), flush=True)


def percentiles(delays: "array[float]") -> dict[str, float]:
    """Return milliseconds, by the share of messages that were no older; nothing of none."""
    ordered = sorted(delays)
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {
        name: ordered[round(last * share)] / 1000 for name, share in (("p50", 0.5), ("p99", 0.99), ("most", 1))
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--path", default="/v1/ws")
    given = options.parse_args()
    Crowd(given.port, given.path).run()
