"""A browser's EventSource, as far as it can be seen on the wire, and a client that does not read."""

import asyncio
import json
import socket
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass
class Event:
    """One event as a browser has it; ``last_id`` is what it would come back with."""

    kind: str
    data: Any
    last_id: str


@dataclass
class Source:
    """An EventSource: parses a body as the specification has it."""

    reply: aiohttp.ClientResponse
    last_id: str = ""
    retry: int | None = None
    comments: int = 0
    chunks: list[bytes] = field(default_factory=list)
    _text: bytes = b""

    async def next(self) -> Event:
        async with asyncio.timeout(10):
            while True:
                event = self._dispatched(await self._block())
                if event is not None:
                    return event

    async def many(self, number: int) -> list[Event]:
        return [await self.next() for _ in range(number)]

    async def last(self) -> Event:
        """Read to the end and return what came last; the body was whole."""
        event: Event | None = None
        while True:
            try:
                event = await self.next()
            except EOFError:
                assert event is not None
                return event

    async def _block(self) -> bytes:
        while b"\n\n" not in self._text:
            piece = await self.reply.content.readany()
            if not piece:
                raise EOFError
            self._text += piece
        block, _, self._text = self._text.partition(b"\n\n")
        self.chunks.append(block)
        return block

    def _dispatched(self, block: bytes) -> Event | None:
        kind, data = "message", []
        for line in block.decode().split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "":
                    self.comments += 1
                case "id":
                    self.last_id = value
                case "event":
                    kind = value
                case "data":
                    data.append(value)
                case "retry":
                    self.retry = int(value)
        return Event(kind, json.loads("\n".join(data)), self.last_id) if data else None


async def deaf(rig: Any, path: str) -> socket.socket:
    """Return a client that has asked for ``path`` and does not read, and whose socket buffers next to nothing."""
    loop, sock = asyncio.get_running_loop(), socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    rig.stack.callback(sock.close)
    await loop.sock_connect(sock, rig.server.address)
    await loop.sock_sendall(sock, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return sock
