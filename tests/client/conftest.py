"""A gateway for the client: a real server over a fake exchange, and one that says whatever a test wants."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from gateway.engine.hub import Hub
from gateway.engine.messages import TopicStatus
from gateway.engine.topics import Topic
from gateway.errors import SubscriptionError
from gateway.model.market import Quote
from gateway.model.subscriptions import Subscription
from gateway.serving import Limits, Server


class Upstream:
    """Offers every symbol but those that begin with NOPE."""

    async def resolve(self, wish: Subscription, /) -> Subscription:
        if wish.symbol.startswith("NOPE"):
            raise SubscriptionError("unknown_symbol", f"{wish.exchange} has no symbol {wish.symbol}")
        return wish

    def open(self, topic: Topic, /) -> None:
        topic.become(TopicStatus.LIVE, "subscribed", 1)

    def close(self, topic: Topic, /) -> None:
        pass


class Running:
    def get_connection_details(self) -> dict[str, Any]:
        return {}

    def get_connection_info(self, connection_id: str) -> dict[str, Any]:
        return self.get_connection_details().get(connection_id, {})

    def get_exchange_details(self) -> dict[str, Any]:
        return {}

    def get_stats(self) -> dict[str, Any]:
        return {}

    def problems(self) -> list[str]:
        return []


@dataclass
class Rig:
    server: Server
    hub: Hub

    @property
    def url(self) -> str:
        host, port = self.server.address
        return f"ws://{host}:{port}"

    def topic(self, name: str = "mock:quotes:BTC-USDT") -> Topic:
        return self.hub.topics[name]

    def publish(self, bid: str, name: str = "mock:quotes:BTC-USDT") -> None:
        self.topic(name).publish("update", [Quote(bid, "1", "2", "1")], 5, 6)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    hub = Hub(lambda: "e1")
    hub.connect("mock", Upstream())
    server = Server(
        hub,
        Running(),
        host="127.0.0.1",
        port=0,
        now=time.monotonic,
        wall_us=lambda: time.time_ns() // 1000,
        version="1",
        limits=Limits(queue=1 << 18),
    )
    await server.start()
    yield Rig(server, hub)
    await server.stop(0.5)


Script = Callable[[web.WebSocketResponse], Awaitable[None]]


@pytest.fixture
async def scripted() -> AsyncIterator[Callable[[Script], Awaitable[str]]]:
    """Start a gateway that runs a script for each client and then waits for it to leave; return its URL."""
    runners: list[web.AppRunner] = []

    async def starting(script: Script) -> str:
        async def serve(request: web.Request) -> web.WebSocketResponse:
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            await script(ws)
            await ws.receive()
            return ws

        app = web.Application()
        app.router.add_get("/v1/ws", serve)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield starting
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def acknowledge() -> Callable[..., Awaitable[None]]:
    """Answer one subscribe request positively, then send messages of its topic."""

    async def answering(ws: web.WebSocketResponse, *messages: dict[str, Any], **ack: Any) -> None:
        async with asyncio.timeout(10):
            asked = json.loads(await ws.receive_str())
        head = {"method": "subscribe", "req_id": asked["req_id"], "success": True}
        await ws.send_json({**head, "topic": "mock:trades:A", "epoch": "e1", "offset": 10, **ack})
        for message in messages:
            await ws.send_json({"topic": "mock:trades:A", "type": "update", "epoch": "e1", "data": [], **message})

    return answering
