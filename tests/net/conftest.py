"""
Raw peers on loopback, since a library's server is too polite to do what exchanges do.

Every test of this folder runs on the standard library's event loop and on uvloop.
"""

import asyncio
import base64
import gc
import hashlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.net.sockets import AiohttpTransport
from gateway.spi.steps import Open

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(config, item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    loops = {"asyncio": asyncio.new_event_loop}
    try:
        import uvloop
    except ImportError:
        return loops
    return loops | {"uvloop": uvloop.new_event_loop}


class Wire:
    """One accepted TCP connection, as the peer has it: nothing is done that the script does not ask for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.head = b""
        self.compressed = False
        """Whether the frame heard last was."""
        self.tcp: socket.socket = writer.get_extra_info("socket")

    async def hear_head(self) -> bytes:
        self.head = await self.reader.readuntil(b"\r\n\r\n")
        return self.head

    def header(self, name: str) -> str:
        for line in self.head.decode().split("\r\n"):
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        return ""

    def switch(self, *, more: bytes = b"", **replaced: str) -> None:
        """Answer 101; ``replaced`` headers are sent as given (``_`` stands for ``-``), ``more`` right behind."""
        key = self.header("Sec-WebSocket-Key").encode()
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Accept": base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode(),
        } | {name.replace("_", "-"): value for name, value in replaced.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + lines.encode() + b"\r\n" + more)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        start = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        self.writer.write(start.encode() + body)

    async def upgrade(self, *, more: bytes = b"", **replaced: str) -> None:
        await self.hear_head()
        self.switch(more=more, **replaced)

    def frame(self, kind: int, payload: bytes = b"", **bits: Any) -> None:
        self.writer.write(frame(kind, payload, **bits))

    async def hear(self) -> tuple[int, bytes]:
        """Return the next frame of the client: opcode and payload; -1 at the end."""
        try:
            first, second = await self.reader.readexactly(2)
            self.compressed = bool(first & 0x40)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            assert second & 0x80, "a client's frame must be masked"
            mask = await self.reader.readexactly(4)
            payload = await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return -1, b""
        return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

    async def hear_end(self) -> None:
        """Wait until the client is gone, whatever else it says."""
        while await self.reader.read(65536):
            pass

    def fin(self) -> None:
        self.writer.close()

    def rst(self) -> None:
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Wire], Awaitable[None]]


class Peer:
    """A TCP server: the script gets each connection, which then stays open until the client leaves."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.wires: list[Wire] = []
        self.failures: list[BaseException] = []
        self.changed = asyncio.Condition()
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.scheme = "ws"

    async def start(self, context: ssl.SSLContext | None) -> None:
        self.scheme = "wss" if context else "ws"
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        self.port = self.server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/"

    @property
    def rest(self) -> str:
        return self.url.replace("ws", "http", 1)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        wire = Wire(reader, writer)
        self.wires.append(wire)
        async with self.changed:
            self.changed.notify_all()
        try:
            await self.script(wire)
            await wire.hear_end()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            return
        except Exception as exc:  # noqa: BLE001  # it fails the test
            self.failures.append(exc)
        finally:
            writer.transport.abort()
            self.tasks.discard(task)

    async def accepted(self, count: int = 1) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.wires) >= count)

    async def over(self) -> None:
        """Wait until every connection has ended."""
        while self.tasks:
            await asyncio.wait(set(self.tasks))

    async def stop(self) -> None:
        self.server.close()
        for task in tuple(self.tasks):
            task.cancel()
        await self.over()


def frame(
    kind: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes = b"", size: int = -1
) -> bytes:
    """Build a frame, a senseless one if asked; ``size`` is what it claims to hold."""
    size = len(payload) if size < 0 else size
    first = (0x80 if fin else 0) | rsv << 4 | kind
    bit = 0x80 if mask else 0
    if size < 126:
        header = struct.pack("!BB", first, bit | size)
    elif size < 1 << 16:
        header = struct.pack("!BBH", first, bit | 126, size)
    else:
        header = struct.pack("!BBQ", first, bit | 127, size)
    if mask:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return header + mask + payload


async def silent(wire: Wire) -> None:
    """Upgrade, and say nothing more."""
    await wire.upgrade()


async def deaf(wire: Wire) -> None:
    """Upgrade, and never read again."""
    await wire.upgrade()
    wire.writer.transport.pause_reading()
    await asyncio.Event().wait()


@pytest.fixture
def fill() -> Callable[[AiohttpTransport], Awaitable[None]]:
    """Sends until the socket is lost."""

    async def sending(transport: AiohttpTransport) -> None:
        while True:
            await transport.send(b"x" * 65536)
            await asyncio.sleep(0)

    return sending


@pytest.fixture
def stuck() -> Callable[[AiohttpTransport, "asyncio.Task[None]"], Awaitable[None]]:
    """Waits until the socket takes no more of what a task sends."""

    async def filled(transport: AiohttpTransport, sending: "asyncio.Task[None]") -> None:
        before, now = -1, 0
        while not now or now != before:
            await asyncio.sleep(0.05)  # the system says nothing when it is full
            before, now = now, transport._tcp.get_write_buffer_size()
        assert not sending.done()

    return filled


@pytest.fixture
def ws() -> SimpleNamespace:
    """Opcodes and the frame builder."""
    return SimpleNamespace(
        TEXT=TEXT, BINARY=BINARY, CLOSE=CLOSE, PING=PING, PONG=PONG, frame=frame, silent=silent, deaf=deaf
    )


@pytest.fixture
async def quiet() -> AsyncIterator[None]:
    """Fails a test after which the event loop reports an exception nobody looked at or a connection left open."""
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(str(context)))
    yield
    gc.collect(1)
    await asyncio.sleep(0)
    assert reported == []


@pytest.fixture
async def serve(quiet) -> AsyncIterator[Callable[..., Awaitable[Peer]]]:
    """Starts peers; what went wrong in a script fails the test."""
    peers: list[Peer] = []

    async def start(script: Script, context: ssl.SSLContext | None = None) -> Peer:
        peer = Peer(script)
        await peer.start(context)
        peers.append(peer)
        return peer

    yield start
    for peer in peers:
        await peer.stop()
    assert [repr(failure) for peer in peers for failure in peer.failures] == []


@pytest.fixture
async def network(quiet) -> AsyncIterator[AiohttpNetwork]:
    network = AiohttpNetwork()
    yield network
    await network.close()


@pytest.fixture
def dial(network, serve) -> Callable[..., Awaitable[tuple[AiohttpTransport, Peer]]]:
    """Opens a socket to a peer that follows a script."""

    async def opened(script: Script, *, max_frame: int = 1 << 20, **step: Any) -> tuple[AiohttpTransport, Peer]:
        peer = await serve(script)
        return await network.open(Open(peer.url, **step), max_frame=max_frame), peer

    return opened


@pytest.fixture
def descriptors() -> Callable[[], int]:
    """Counts this process's open files."""
    here = Path("/proc/self/fd")
    if not here.exists():
        pytest.skip("this system does not list a process's open files")
    return lambda: sum(1 for _ in here.iterdir())
