import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar

import aiohttp
import pytest

from gateway.testing.listener import reply
from gateway.testing.sockets import VenueSocket
from gateway.testing.venue import Venue


class Acme(Venue):
    """Speaks words: ``sub a b`` is answered ``ok a b`` or ``no b``, all else is echoed."""

    endpoints: ClassVar = {"stream": ("ws", "/ws"), "rest": ("http", "")}
    socket_paths = ("/ws",)

    def received(self, socket: VenueSocket, payload: bytes, binary: bool) -> None:
        word, *rest = payload.decode().split()
        if word != "sub":
            socket.text(payload)
            return
        grant = self.subscribe(socket, rest)
        if grant.refusal:
            socket.answer(f"refused: {grant.refusal}".encode())
            return
        socket.answer(" ".join(("ok", *grant.accepted)).encode())
        if grant.refused:
            socket.answer(" ".join(("no", *grant.refused)).encode())

    def answers(self):
        return {"POST /echo": lambda request, body: reply({"body": body.decode(), "path": request.path})}

    def tick(self) -> None:
        for stream in sorted(self.wanted()):
            self.publish(stream, f"{stream} {self.sequence(stream)}".encode())


@pytest.fixture
async def acme() -> AsyncIterator[Acme]:
    async with asyncio.timeout(20), Acme() as venue:
        yield venue


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def raw_upgrade():
    """Upgrades by hand; what comes after the answer is read by nobody but the test."""

    async def upgrade(port: int, path: str = "/", *, answered: bool = True):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        if answered:
            await reader.readuntil(b"\r\n\r\n")
        return reader, writer

    return upgrade
