"""A gateway that says what a test wants, a script for each connection, and a recorder of it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Self

from aiohttp import web

from gateway.recording.recorder import Recorder, World
from gateway.recording.writing import Writer

A, B = "mock:trades:A", "mock:trades:B"


async def until(holds: Callable[[], object]) -> None:
    """Wait until that is so."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.005)


class Soon(Random):
    """Draws no wait."""

    def random(self) -> float:
        return 0.0


class Socket:
    """The gateway's end of one connection."""

    def __init__(self, ws: web.WebSocketResponse, asked: list[dict[str, Any]]) -> None:
        self.ws = ws
        self.asked = asked
        """What every client so far has asked for."""

    async def request(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            request: dict[str, Any] = json.loads(await self.ws.receive_str())
        self.asked.append(request["params"])
        return request

    async def ack(self, **more: Any) -> None:
        """Accept the next request, under the names that it asks for unless ``topics`` has others."""
        request = await self.request()
        params = request["params"]
        names = more.pop("topics", [f"mock:{params['channel']}:{symbol}" for symbol in params["symbols"]])
        for topic in names:
            fields = {"topic": topic, "success": True, "epoch": "e1", "offset": 0, "status": "live", **more}
            await self.answer(request, **fields)

    async def refuse(self, code: str, *, temporary: bool = False) -> None:
        """Refuse each symbol of the next request."""
        request = await self.request()
        error = {"code": code, "message": f"{code} is the reason", "temporary": temporary}
        for symbol in request["params"]["symbols"]:
            await self.answer(request, topic=f"mock:trades:{symbol}", success=False, error=error)

    async def answer(self, request: dict[str, Any], **fields: Any) -> None:
        await self.ws.send_json({"method": "subscribe", "req_id": request["req_id"], **fields})

    async def trade(self, offset: int, topic: str = A, epoch: str = "e1") -> None:
        data = [{"id": offset, "price": "1", "size": "1", "side": "buy", "ts": offset}]
        head = {"topic": topic, "type": "update", "epoch": epoch, "offset": offset, "recv": offset}
        await self.ws.send_json({**head, "data": data})

    async def stay(self) -> None:
        """Wait for the client to leave."""
        with suppress(TypeError):
            await self.ws.receive_str()


Script = Callable[[Socket], Awaitable[None]]


class Gateway:
    """Runs a script for each connection, the last one for all that follow; a number refuses it, 0 cuts it off."""

    def __init__(self, *scripts: Script | int) -> None:
        self.asked: list[dict[str, Any]] = []
        self.connections = 0
        self._scripts = scripts

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/v1/ws", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        if script == 0 and request.transport is not None:
            request.transport.abort()
        if isinstance(script, int):
            return web.Response(status=script)
        ws = web.WebSocketResponse(protocols=("gateway.v1",))
        await ws.prepare(request)
        await script(Socket(ws, self.asked))
        return ws


class Recording:
    """A recorder at work; what it wrote is read as soon as it is flushed."""

    def __init__(self, directory: Path, url: str, topics: list[str], flush: float, read: Any) -> None:
        self.writer = Writer(directory, "1", "run", topics)
        world = World(time.monotonic, lambda: time.time_ns() // 1000, Soon())
        self.recorder = Recorder(url, topics, self.writer, world, flush=flush)
        self._directory = directory
        self._read = read
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.recorder.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End it as Ctrl-C does."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})

    async def end(self) -> None:
        """Wait for its own end, and raise what it ended with."""
        assert self._task is not None
        async with asyncio.timeout(5):
            await self._task

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What is on disk."""
        files = sorted(self._directory.glob("*.zst")) if self._directory.exists() else []
        return [one for path in files for one in self._read(path)[1:]]

    @property
    def story(self) -> list[str]:
        """The same in short: what was answered, the offsets of trades, and statuses with who told them."""
        return [_short(one) for one in self.lines]

    async def until(self, story: list[str]) -> None:
        """Wait until that is on disk."""
        with suppress(TimeoutError):
            await until(lambda: self.story == story)
        assert self.story == story


def _short(line: dict[str, Any]) -> str:
    if "method" in line:
        return f"{line['topic']} {'ok' if line['success'] else line['error']['code']}"
    if line["type"] == "status":
        return f"{line['topic']} {line['status']} {line['reason']} by {line['by']}"
    return f"{line['topic']} {line['offset']}"
