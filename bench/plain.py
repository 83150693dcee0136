"""
What the gateway is compared with: an aiohttp server that passes on what a venue sends, one client after the other.

It knows nothing of topics, statuses or slow clients, and sends what the protocol's
messages would be, so that the same clients can count them.
"""

import argparse
import asyncio
import json
import time
from contextlib import suppress
from itertools import count

import aiohttp
from aiohttp import web

from gateway.net.loops import loop_factory

TOPIC = "mock:trades:BTC-USDT"


class Plain:
    """
    The server. Event-loop only.

    Args:
        port: the venue's.
    """

    def __init__(self, port: int) -> None:
        self._venue = f"http://127.0.0.1:{port}"
        self._clients: set[web.WebSocketResponse] = set()
        self._offset = 0

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Answer whatever a client asks, and keep it."""
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        async for _ in ws:
            ack = {"method": "subscribe", "success": True, "topic": TOPIC, "epoch": "e", "offset": self._offset}
            await ws.send_json(ack)
            self._clients.add(ws)
        self._clients.discard(ws)
        return ws

    async def listen(self) -> None:
        """Pass on what the venue sends."""
        async with aiohttp.ClientSession() as session, session.ws_connect(self._venue) as venue:
            await venue.send_json({"op": "subscribe", "id": 1, "streams": ["trades.btc_usdt"]})
            numbers = count(1)
            async for message in venue:
                datum = json.loads(message.data)
                if "stream" not in datum:
                    continue
                self._offset = next(numbers)
                text = json.dumps(
                    {
                        "topic": TOPIC,
                        "type": "update",
                        "epoch": "e",
                        "offset": self._offset,
                        "ts": datum["ts"],
                        "recv": time.time_ns() // 1000,
                        "data": datum["data"],
                    },
                    separators=(",", ":"),
                )
                for ws in tuple(self._clients):
                    with suppress(ConnectionError):
                        await ws.send_str(text)


async def serve(port: int) -> None:
    """Tell where we listen, and do."""
    plain = Plain(port)
    app = web.Application()
    app.router.add_get("/v1/ws", plain.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(f"Listening on {runner.addresses[0][0]}:{runner.addresses[0][1]}", flush=True)
    await plain.listen()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    with asyncio.Runner(loop_factory=loop_factory()) as alone:
        alone.run(serve(options.parse_args().port))
