"""How the tests of the venue talk to it: answers and data are kept apart, and requests signed."""

import asyncio
import hashlib
import hmac
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from gateway_binance.venue.private.accounts import DEMO
from gateway_binance.venue.replay import BinanceVenue

_, KEY, SECRET = DEMO
PATIENCE = 30.0
NOW = 1_764_547_200.0
"""A second of 2025, the first of its minute."""


def mac(payload: str, secret: str = SECRET) -> str:
    """Return the signature of ``payload``."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed(venue: BinanceVenue, **params: Any) -> dict[str, Any]:
    """Return WS-API parameters with key, time and signature."""
    every = {"apiKey": KEY, "timestamp": venue.now_ms(), **params}
    return {**every, "signature": mac("&".join(f"{name}={every[name]}" for name in sorted(every)))}


class Line:
    """A connection to the venue."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self._data: deque[Any] = deque()
        self._answers: deque[Any] = deque()
        self._number = 0

    async def ask(self, method: str, params: Any = None, **more: Any) -> Any:
        """Ask, and return the answer."""
        self._number += 1
        asked = {"id": self._number, "method": method, **more}
        await self.ws.send_str(orjson.dumps(asked if params is None else {**asked, "params": params}).decode())
        return await self.answer()

    async def answer(self) -> Any:
        """Return the next answer."""
        while not self._answers:
            await self._read()
        return self._answers.popleft()

    async def datum(self) -> Any:
        """Return the next that is no answer."""
        while not self._data:
            await self._read()
        return self._data.popleft()

    async def data(self, count: int) -> list[Any]:
        """Return the next ones that are no answers."""
        return [await self.datum() for _ in range(count)]

    async def closed(self) -> int | None:
        """Read to the end, and return the close code."""
        async with asyncio.timeout(PATIENCE):
            async for _ in self.ws:
                pass
        return self.ws.close_code

    async def _read(self) -> None:
        message = await self.ws.receive_json(loads=orjson.loads, timeout=PATIENCE)
        is_answer = isinstance(message, dict) and "id" in message and not {"e", "stream"} & message.keys()
        (self._answers if is_answer else self._data).append(message)


class Talk:
    """A client of one venue."""

    def __init__(self, venue: BinanceVenue, session: aiohttp.ClientSession) -> None:
        self.venue = venue
        self._session = session
        self._base = f"127.0.0.1:{venue.port}"

    @asynccontextmanager
    async def line(self, path: str, **options: Any) -> AsyncIterator[Line]:
        """Open a connection; the path begins with the name of a host or not."""
        async with self._session.ws_connect(f"ws://{self._base}{path}", **options) as ws:
            yield Line(ws)

    async def call(
        self, route: str, params: Mapping[str, Any] | None = None, *, key: str = KEY, **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Make a request without a signature."""
        return await self.send(route, urlencode(params or {}), key=key, **headers)

    async def order(self, route: str, **params: Any) -> Any:
        """Make a signed request, and return its result."""
        status, result, _ = await self.sign(route, **params)
        assert status == 200, result
        return result

    async def sign(self, route: str, **params: Any) -> tuple[int, Any, Mapping[str, str]]:
        """Make a signed request."""
        query = urlencode({**params, "timestamp": self.venue.now_ms()})
        return await self.send(route, f"{query}&signature={mac(query)}")

    async def send(
        self, route: str, query: str, body: str = "", *, key: str = KEY, **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Send a request just so."""
        method, _, path = route.partition(" ")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://{self._base}{path}" + (f"?{query}" if query else "")
        async with self._session.request(
            method,
            aiohttp.client.URL(url, encoded=True),
            data=body.encode() or None,
            headers={"X-MBX-APIKEY": key, **named} if key else named,
            skip_auto_headers=("Content-Type",),
        ) as reply:
            text = await reply.read()
            is_json = reply.content_type == "application/json"
            return reply.status, orjson.loads(text) if is_json else text, reply.headers


@asynccontextmanager
async def talking(venue: BinanceVenue) -> AsyncIterator[Talk]:
    """Start a venue and talk to it."""
    async with asyncio.timeout(40), venue, aiohttp.ClientSession() as session:
        yield Talk(venue, session)


def tick(venue: BinanceVenue, count: int = 1) -> None:
    """Let so many ticks pass."""
    for _ in range(count):
        venue.tick()
