"""A protocol of an exchange's own, as short as can be, and clients that speak it."""

import asyncio
import base64
import os
import socket
from collections import Counter
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from gateway.errors import PluginError
from gateway.model.subscriptions import RAW
from gateway.serving.auth.tokens import mint
from gateway.spi import HttpReply, NativeClient, NativeGreeting, NativeTurn


class Spoken:
    """
    Words: ``+a b`` subscribes, ``-a`` gives up, ``?`` lists, ``=wide`` changes the shape; all else is nonsense.

    Data are ``<stream>|<payload>``, in capitals where the shape is ``wide``.
    """

    def __init__(self) -> None:
        self.written: Counter[tuple[str, bytes]] = Counter()
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []
        self.breaks_at = b""

    def greet(self, path: str, query: Mapping[str, str], /) -> NativeGreeting | HttpReply:
        if path == "/broken":
            raise PluginError("mock", "broke")
        if path != "/ws":
            return HttpReply(418, {"content-type": "text/plain"}, path.encode())
        return NativeGreeting(query.get("shape", "plain"), tuple(query.get("streams", "").split()))

    def hear(self, client: NativeClient, text: str, /) -> NativeTurn:
        word, rest = text[:1], tuple(text[1:].split())
        match word:
            case "+":
                return NativeTurn(subscribe=rest, reply="added")
            case "-":
                return NativeTurn(unsubscribe=rest, reply="removed")
            case "?":
                return NativeTurn(reply=f"{client.shape}: {' '.join(client.streams)}")
            case "=":
                return NativeTurn(shape=text[1:], reply="shaped")
            case "!":
                raise PluginError("mock", "broke")
            case ".":
                return NativeTurn()
        return NativeTurn(reply="nonsense", is_wrong=True)

    def refuse(self, text: str | None, code: str, words: str, /) -> str:
        return f"refused {text}: {code}"

    def wrap(self, shape: str, stream: str, payload: bytes, /) -> bytes:
        if payload == self.breaks_at and shape == "wide":
            raise ValueError("the plugin's mistake")
        self.written[shape, payload] += 1
        written = b"%b|%b" % (stream.encode(), payload)
        return written.upper() if shape == "wide" else written

    async def answer(self, method: str, path: str, query: Mapping[str, str], /) -> HttpReply:
        if path == "/broken":
            raise PluginError("mock", "broke")
        self.asked.append((method, path, query))
        headers = {"content-type": "text/weird", "retry-after": "7", "x-used": "99", "set-cookie": "a=b"}
        return HttpReply(203, headers, f"{method} {path}".encode())


class Native:
    """A client of that protocol."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def ask(self, text: str) -> str:
        await self.ws.send_str(text)
        return await self.next()

    async def next(self) -> str:
        async with asyncio.timeout(10):
            return await self.ws.receive_str()

    async def many(self, count: int) -> list[str]:
        return [await self.next() for _ in range(count)]

    async def closed(self) -> int | None:
        """Read to the end and return the close code."""
        async with asyncio.timeout(10):
            while not self.ws.closed:
                await self.ws.receive()
        return self.ws.close_code


class Doorway:
    """The server, its protocol, and whatever else a test is about."""

    def __init__(self, rig: Any) -> None:
        self.rig = rig
        self.spoken = Spoken()
        rig.running.native = lambda exchange: {"mock": self.spoken, "mute": None}[exchange]

    async def client(self, streams: str = "", shape: str = "plain", **options: Any) -> Native:
        url = f"{self.rig.base}/native/mock/ws?shape={shape}&streams={streams.replace(' ', '%20')}"
        timeout = aiohttp.ClientWSTimeout(ws_close=1)
        return Native(
            await self.rig.stack.enter_async_context(self.rig.http.ws_connect(url, timeout=timeout, **options))
        )

    async def deaf(self, stream: str) -> socket.socket:
        """A client that never reads; its socket buffers next to nothing."""
        sock, loop = socket.socket(), asyncio.get_running_loop()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        self.rig.stack.callback(sock.close)
        await loop.sock_connect(sock, self.rig.server.address)
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET /native/mock/ws?streams={stream} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )
        await loop.sock_sendall(sock, head.encode())
        await self.rig.until(lambda: any(self.name(stream) in one.topics() for one in self.visitors))
        return sock

    @property
    def visitors(self) -> list[Any]:
        return list(self.rig.server._arrivals.visitors)

    def name(self, stream: str) -> str:
        return f"mock:{RAW}:{stream}"

    def topic(self, stream: str) -> Any:
        return self.rig.hub.topics[self.name(stream)]

    def publish(self, stream: str, payload: bytes) -> None:
        self.topic(stream).publish_raw(payload, False, 1)

    async def refused(self, path: str = "/native/mock/ws", **headers: str) -> int:
        """Return the status that an upgrade is refused with."""
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await self.rig.http.ws_connect(self.rig.base + path, headers=headers)
        return refusal.value.status


@pytest.fixture
def opened(start: Any) -> Any:
    """Start a server with the protocol; takes what ``start`` takes."""

    async def opening(**settings: Any) -> Doorway:
        return Doorway(await start(**settings))

    return opening


@pytest.fixture
async def doorway(opened: Any) -> Doorway:
    return await opened()


@pytest.fixture
def issue() -> Any:
    """Return a token as its owner has it, and as it is kept."""

    def make(*scopes: str) -> tuple[str, Any]:
        text, kept = mint(scopes, name="", now_us=1, expires_us=None)
        return text.reveal(), kept

    return make
