"""A server on loopback over a hub whose only exchange is a fake, and clients of several kinds."""

import asyncio
import base64
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from gateway.app.events import EventRing
from gateway.engine.hub import Hub
from gateway.engine.messages import TopicStatus
from gateway.engine.topics import Topic
from gateway.errors import SubscriptionError
from gateway.model.market import Quote
from gateway.model.subscriptions import Subscription
from gateway.serving import Limits, Server

sys.path.append(str(Path(__file__).parent))  # documented


class Upstream:
    """Offers every symbol but those that begin with NOPE; knows ``BTCUSDT`` as another spelling."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.on_open: Callable[[Topic], None] = lambda _: None
        self.patience: asyncio.Event | None = None

    async def resolve(self, wish: Subscription, /) -> Subscription:
        if self.patience is not None:
            await self.patience.wait()
        if wish.symbol.startswith("NOPE"):
            raise SubscriptionError("unknown_symbol", f"{wish.exchange} has no symbol {wish.symbol}")
        return replace(wish, symbol="BTC-USDT") if wish.symbol == "BTCUSDT" else wish

    def open(self, topic: Topic, /) -> None:
        self.opened.append(topic.name)
        topic.become(TopicStatus.LIVE, "subscribed", 1)
        self.on_open(topic)

    def close(self, topic: Topic, /) -> None:
        pass


class Running:
    """What the server is told of the running gateway."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.is_up = True

    def get_connection_details(self) -> dict[str, Any]:
        return {"mock/stream/1": {"id": "mock/stream/1", "state": "connected"}}

    def get_connection_info(self, connection_id: str) -> dict[str, Any]:
        return self.get_connection_details().get(connection_id, {})

    def get_exchange_details(self) -> dict[str, Any]:
        return {"mock": {"environment": "simulated"}}

    def get_instruments(self, exchange: str) -> list[dict[str, Any]]:
        return {"mock": [{"symbol": "BTC-USDT", "native": "btc_usdt", "tick_size": "0.01"}]}[exchange]

    def get_stats(self) -> dict[str, Any]:
        return {"total_connections": 1}

    def problems(self) -> list[str]:
        return self.wrong

    def rollover(self, connection_id: str) -> bool:
        return self._ask("rollover", connection_id)

    def reconnect(self, connection_id: str) -> bool:
        return self._ask("reconnect", connection_id)

    def drain(self, connection_id: str) -> bool:
        return self._ask("drain", connection_id)

    def _ask(self, what: str, connection_id: str) -> bool:
        if connection_id not in self.get_connection_details():
            raise KeyError(connection_id)
        self.asked.append((what, connection_id))
        return self.is_up


class Roster:
    """One account that can be asked for, one whose exchange does not run; attempts end when they are told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bool | None]] = []
        self.late: Exception | None = None
        self.outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def accounts(self) -> tuple[str, ...]:
        return ("main", "other")

    def account(self, account: str) -> Any:
        place = {"main": "mock/private@main", "other": None}[account]
        return {
            "id": account,
            "exchange": "mock",
            "connection": place,
            "connections": [],
            "state": "DISCONNECTED",
            "is_connected": False,
            "is_healthy": False,
            "held_down": False,
            "key": None,
            "problem": "" if place else "the exchange mock of account other does not run",
        }

    def connect(self, account: str, *, retry: bool) -> "asyncio.Future[bool]":
        return self._take("connect", account, retry)

    def disconnect(self, account: str) -> "asyncio.Future[bool]":
        return self._take("disconnect", account, None)

    def _take(self, what: str, account: str, retry: bool | None) -> "asyncio.Future[bool]":
        if self.late is not None:
            raise self.late
        self.asked.append((what, account, retry))
        return self.outcome

    async def plugins(self) -> list[dict[str, Any]]:
        one = {"id": "mock", "distribution": "exchange-gateway", "version": "1", "code": "a:b"}
        return [{**one, "is_loaded": True, "problem": ""}]


class Client:
    """A client that reads every frame as the dict that it is."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def send(self, method: str, req_id: int = 1, **params: Any) -> None:
        await self.ws.send_json({"method": method, "req_id": req_id, "params": params})

    async def subscribe(self, *symbols: str, channel: str = "quotes", **more: Any) -> None:
        await self.send("subscribe", exchange="mock", channel=channel, symbols=symbols, **more)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            message: dict[str, Any] = json.loads(await self.ws.receive_str())
            return message

    async def many(self, number: int) -> list[dict[str, Any]]:
        return [await self.next() for _ in range(number)]

    async def closed(self) -> int | None:
        """Read to the end and return the close code."""
        async with asyncio.timeout(10):
            while not self.ws.closed:
                await self.ws.receive()
        return self.ws.close_code


class Deaf:
    """A client that asks and does not read until it is told to; its socket buffers next to nothing."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.loop = asyncio.get_running_loop()

    @classmethod
    async def connect(cls, address: tuple[str, int]) -> Self:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        one = cls(sock)
        await one.loop.sock_connect(sock, address)
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET /v1/ws HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )
        await one.loop.sock_sendall(sock, head.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await one.loop.sock_recv(sock, 1)
        assert answer.startswith(b"HTTP/1.1 101")
        return one

    async def subscribe(self, symbol: str, channel: str, **more: Any) -> None:
        params = {"exchange": "mock", "channel": channel, "symbols": [symbol], **more}
        payload = json.dumps({"method": "subscribe", "req_id": 1, "params": params}).encode()
        size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        await self.loop.sock_sendall(self.sock, b"\x81" + size + bytes(4) + payload)

    async def frame(self) -> tuple[int, bytes]:
        """Read one frame: its opcode and payload."""
        first, size = await self._exactly(2)
        if size >= 126:
            size = int.from_bytes(await self._exactly(2 if size == 126 else 8), "big")
        return first & 0x0F, await self._exactly(size)

    async def message(self) -> dict[str, Any]:
        opcode, payload = await self.frame()
        return json.loads(payload) if opcode == 1 else {"opcode": opcode, "payload": payload}

    async def _exactly(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            piece = await self.loop.sock_recv(self.sock, size - len(got))
            if not piece:
                raise ConnectionResetError("over")
            got += piece
        return got


@dataclass
class Rig:
    """The server and what it stands on."""

    server: Server
    hub: Hub
    upstream: Upstream
    running: Running
    roster: Roster
    events: EventRing
    http: aiohttp.ClientSession
    stack: AsyncExitStack

    @property
    def base(self) -> str:
        host, port = self.server.address
        return f"http://{host}:{port}"

    async def client(self, **options: Any) -> Client:
        ws = await self.stack.enter_async_context(
            self.http.ws_connect(f"{self.base}/v1/ws", timeout=aiohttp.ClientWSTimeout(ws_close=1), **options)
        )
        return Client(ws)

    async def deaf(self) -> Deaf:
        one = await Deaf.connect(self.server.address)
        self.stack.callback(one.sock.close)
        return one

    def topic(self, symbol: str = "BTC-USDT", channel: str = "quotes") -> Topic:
        return self.hub.topics[f"mock:{channel}:{symbol}"]

    def publish(self, bid: str, symbol: str = "BTC-USDT", channel: str = "quotes") -> None:
        self.topic(symbol, channel).publish("update", [Quote(bid, "1", "2", "1")], 5, 6)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the event loop turn until ``condition`` holds."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  # what is waited for signals nobody
                await asyncio.sleep(0)

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> tuple[int, Any]:
        """Return the status and the JSON that a request is answered with; nothing if there is no body."""
        async with self.http.request(method, self.base + path, headers=headers) as reply:
            body = await reply.read()
            return reply.status, json.loads(body) if body else None

    async def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The same, with a JSON body."""
        async with self.http.post(self.base + path, json=body or {}, headers=headers) as reply:
            return reply.status, json.loads(await reply.read())

    async def problem(self, path: str, *, method: str = "GET", **headers: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the problem document that a request is answered with."""
        async with self.http.request(method, self.base + path, headers=headers) as reply:
            assert reply.content_type == "application/problem+json"
            return reply.status, json.loads(await reply.read())


Start = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a server; its limits are given by name."""
    async with AsyncExitStack() as outer:

        async def starting(
            *,
            origins: tuple[str, ...] = (),
            hosts: tuple[str, ...] = (),
            tokens: Any = (),
            must: bool = False,
            **limits: Any,
        ) -> Rig:
            epochs = count(1)
            hub, upstream, running = Hub(lambda: f"e{next(epochs)}"), Upstream(), Running()
            roster, events = Roster(), EventRing("r", lambda: time.time_ns() // 1000)
            hub.connect("mock", upstream)
            server = Server(
                hub,
                running,
                host="127.0.0.1",
                port=0,
                allowed_origins=origins,
                allowed_hosts=hosts,
                now=time.monotonic,
                wall_us=lambda: time.time_ns() // 1000,
                version="1.2.3",
                limits=Limits(**{"refusing": 0.01, **limits}),
                roster=roster,
                events=events,
                tokens=tokens,
                must=must,
            )
            await server.start()
            outer.push_async_callback(server.stop, 1.0)
            http = await outer.enter_async_context(aiohttp.ClientSession())
            stack = await outer.enter_async_context(AsyncExitStack())
            return Rig(server, hub, upstream, running, roster, events, http, stack)

        yield starting


@pytest.fixture
async def rig(start: Start) -> Rig:
    """A server with the usual limits."""
    return await start()
