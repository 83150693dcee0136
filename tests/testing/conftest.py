import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import ClassVar

import aiohttp
import pytest

from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.net.transport import Kind, Transport
from gateway.spi.steps import Open
from gateway.testing.listener import reply
from gateway.testing.memory_venue import MemoryVenue
from gateway.testing.sockets import VenueSocket
from gateway.testing.venue import Venue
from gateway.testing.virtual import run


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


class Client:
    """A client of an Acme that may be anywhere: in memory or behind a port."""

    def __init__(self, venue: Acme, network, urls) -> None:
        self.venue = venue
        self.network = network
        self.urls = urls

    async def dial(self, **step) -> Transport:
        """Open a socket and wait until the venue knows it."""
        known = self.venue.counts.upgrades
        transport = await self.network.open(Open(self.urls["stream"], **step), max_frame=1 << 20)
        await self.venue.wait_for(lambda: self.venue.counts.upgrades > known)
        return transport

    async def subscribed(self, *streams: str) -> Transport:
        transport = await self.dial()
        await transport.send(" ".join(("sub", *streams)))
        assert await self.heard(transport) == " ".join(("ok", *streams))
        return transport

    async def heard(self, transport: Transport) -> str:
        """Return the next text."""
        kind, payload = await transport.receive()
        assert kind is Kind.TEXT
        return payload.decode()

    async def told(self, transport: Transport, *texts: str) -> None:
        """Demand these texts and nothing else before the answer to one more question."""
        await transport.send("more?")
        got = [await self.heard(transport)]
        while got[-1] != "more?":
            got.append(await self.heard(transport))
        assert got == [*texts, "more?"]


@pytest.fixture
def in_memory() -> Callable[[Callable[[Client], Awaitable[None]]], None]:
    """Plays a scenario with an Acme in virtual time and sees nothing left."""

    def play(scenario: Callable[[Client], Awaitable[None]]) -> None:
        async def main() -> None:
            async with MemoryVenue(Acme()) as memory:
                await scenario(Client(memory.venue, memory, memory.addresses))

        run(main())

    return play


@pytest.fixture
async def client(acme) -> AsyncIterator[Client]:
    """A client of ``acme`` with the gateway's own network."""
    network = AiohttpNetwork()
    yield Client(acme, network, acme.addresses)
    await network.close()


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
