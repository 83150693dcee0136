"""
Clients that are cut off at any moment: in the middle of a message, before the first one, while they resume.

Whatever they speak, each message comes once, or they are told that it will not. Seeds are in the tests' names.
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import pytest
from cut_off import CHANNELS, Knife, Ledger, Place
from event_source import Source

from gateway.client import Following

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
BREAKS = 1000 if FULL else 60
SEEDS = [1, 2] if FULL else [1]
HOLES = (0, 0, 0, 50, 500, 2000)
"""Messages that are published at least while a client is away."""
UPGRADE = (
    "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

pytestmark = pytest.mark.timeout(600 if FULL else 240)


async def publish(rig: Any) -> None:
    """As fast as the event loop turns, until cancelled."""
    while True:
        for channel in CHANNELS.values():
            topic = rig.topic("A", channel)
            for _ in range(3):
                rig.publish(str(topic.offset + 1), "A", channel)
        await asyncio.sleep(0)


def frame(text: str) -> bytes:
    payload = text.encode()
    size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + payload


def frames(data: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take whole frames away from the beginning of ``data``."""
    while len(data) >= 2:
        head, size = 2, data[1]
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(data[2:head], "big")
        if len(data) < head + size:
            return
        opcode, payload = data[0] & 0x0F, bytes(data[head : head + size])
        del data[: head + size]
        yield opcode, payload


def requests(ledger: Ledger) -> bytes:
    """Return a request for each topic, resuming where the client stands."""
    whole = b""
    for topic, channel in CHANNELS.items():
        params: dict[str, Any] = {"exchange": "mock", "channel": channel, "symbols": ["A"], "on_lag": "disconnect"}
        if place := ledger.place(topic):
            params["resume"] = {"A": {"epoch": place[0], "offset": place[1]}}
        whole += frame(json.dumps({"method": "subscribe", "req_id": 1, "params": params}))
    return whole


class Sockets:
    """Connects to a server again and again, and is cut off by a knife."""

    def __init__(self, rig: Any, ledger: Ledger) -> None:
        self.rig = rig
        self.ledger = ledger

    @asynccontextmanager
    async def pieces(self, request: bytes, knife: Knife, rng: Random) -> AsyncIterator[AsyncIterator[bytes]]:
        """Send a request and yield what is received until the cut, which is a FIN or a reset."""
        reader, writer = await asyncio.open_connection(*self.rig.server.address)
        writer.write(request)

        async def received() -> AsyncIterator[bytes]:
            while data := await reader.read(4096):
                data, is_over = knife.cut(data)
                yield data
                if is_over:
                    return

        try:
            yield received()
        finally:
            if rng.random() < 0.5:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()


class Stream(Sockets):
    """The client of ``/v1/ws``."""

    async def once(self, knife: Knife, rng: Random) -> None:
        asked = {topic: self.ledger.place(topic) for topic in CHANNELS}
        data, is_up = bytearray(), False
        request = UPGRADE.encode() + requests(self.ledger)
        async with self.pieces(request, knife, rng) as pieces:
            async for piece in pieces:
                data += piece
                if not is_up:
                    head, end, rest = bytes(data).partition(b"\r\n\r\n")
                    if not end:
                        continue
                    assert head.startswith(b"HTTP/1.1 101")
                    data, is_up = bytearray(rest), True
                for opcode, payload in frames(data):
                    if opcode == 1 and self._over(json.loads(payload), knife, asked):
                        return

    def _over(self, message: dict[str, Any], knife: Knife, asked: dict[str, Place | None]) -> bool:
        topic = message["topic"]
        if "method" in message:
            now = (message["epoch"], message["offset"])
            self.ledger.joined(topic, now, asked[topic], recovered=message.get("recovered"))
        elif message["type"] != "status":
            self.ledger.take(message)
        return knife.seen(message)


class Events(Sockets):
    """The client of ``/v1/sse``, as a browser is one: it shows the last id that it had."""

    def __init__(self, rig: Any, ledger: Ledger) -> None:
        super().__init__(rig, ledger)
        self.last_id = ""

    async def once(self, knife: Knife, rng: Random) -> None:
        query = "&".join(f"topic={topic}" for topic in CHANNELS)
        last = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
        request = f"GET /v1/sse?{query}&on_lag=disconnect HTTP/1.1\r\nHost: localhost\r\n{last}\r\n".encode()
        asked = self._places()
        source: Any = Source(None, self.last_id)  # type: ignore[arg-type]  # it parses, and does not read
        data, body, is_up = bytearray(), bytearray(), False
        async with self.pieces(request, knife, rng) as pieces:
            async for piece in pieces:
                data += piece
                if not is_up:
                    head, end, rest = bytes(data).partition(b"\r\n\r\n")
                    if not end:
                        continue
                    assert head.startswith(b"HTTP/1.1 200")
                    data, is_up = bytearray(rest), True
                unchunk(data, body)
                while b"\n\n" in body:
                    block, _, rest = bytes(body).partition(b"\n\n")
                    body[:] = rest
                    event = source._dispatched(block)
                    self.last_id = source.last_id
                    if event is not None and event.kind != "close" and self._over(event, knife, asked):
                        return

    def _places(self) -> dict[str, Place | None]:
        parts = (self.last_id or ",").split(",")
        places = [part.rsplit(":", 1) for part in parts]
        return {
            topic: (one[0], int(one[1])) if one[0] else None for topic, one in zip(CHANNELS, places, strict=True)
        }

    def _over(self, event: Any, knife: Knife, asked: dict[str, Place | None]) -> bool:
        message, topic = event.data, event.data["topic"]
        if event.kind == "subscribed":
            now = (message["epoch"], message["offset"])
            self.ledger.joined(topic, now, asked[topic], recovered=message.get("recovered"))
        elif event.kind != "status":
            self.ledger.take(message)
        return knife.seen(message)


def unchunk(data: bytearray, body: bytearray) -> None:
    """Move whole chunks from ``data`` to ``body``."""
    while b"\r\n" in data:
        size, _, _ = bytes(data).partition(b"\r\n")
        begin, length = len(size) + 2, int(size, 16)
        if len(data) < begin + length + 2:
            return
        body += data[begin : begin + length]
        del data[: begin + length + 2]


async def away(rig: Any, rng: Random) -> None:
    """Wait until some more was published."""
    until = rig.topic("A", "trades").offset + rng.choice(HOLES)
    await rig.until(lambda: rig.topic("A", "trades").offset >= until)


class Whole(Knife):
    """Cuts nothing off until a condition holds."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        super().__init__(Random())
        self.bytes = 1 << 40
        self._is_over = is_over

    def seen(self, _: dict[str, Any]) -> bool:
        return self._is_over()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("client", [Stream, Events])
async def test_each_message_comes_once_wherever_a_connection_is_cut(start: Any, client: Any, seed: int) -> None:
    rig, rng, ledger = await start(), Random(seed), Ledger()
    one = client(rig, ledger)
    await one.once(Whole(lambda: set(ledger.at) == set(CHANNELS)), rng)
    publishing = asyncio.create_task(publish(rig))
    for _ in range(BREAKS):
        with suppress(ConnectionError):
            await one.once(Knife(rng), rng)
        await away(rig, rng)
    publishing.cancel()
    await asyncio.wait([publishing])
    offsets = {topic: rig.hub.topics[topic].offset for topic in CHANNELS}

    def complete() -> bool:
        return all(ledger.at[topic][1] == offset for topic, offset in offsets.items()) and not ledger.awaiting

    async with asyncio.timeout(20):
        await one.once(Whole(complete), rng)
    ledger.check(offsets, BREAKS)


class Proxy:
    """Leads to a server and cuts each connection after so many bytes from there; the first gets some."""

    def __init__(self, rng: Random) -> None:
        self.server: tuple[str, int] = ("", 0)
        self.rng = rng
        self.cuts = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> str:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._listening.sockets[0].getsockname()
        return f"{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        for writer in self.writers:
            writer.transport.abort()
        await self._listening.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        limit = self.rng.choice((self.rng.randrange(300, 900), self.rng.randrange(100_000)))
        if not self.cuts:
            limit = 10_000
        there, their = await asyncio.open_connection(*self.server)
        self.writers += [writer, their]
        up = asyncio.create_task(pass_on(reader, their))
        while limit > 0 and self.cuts < BREAKS and (data := await there.read(4096)):
            writer.write(data[:limit])
            limit -= len(data)
            await asyncio.sleep(0)
        if self.cuts >= BREAKS:
            await pass_on(there, writer)
        self.cuts += 1
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()
        their.transport.abort()
        up.cancel()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(4096):
            writer.write(data)


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_client_that_resumes_by_itself_gives_each_message_once(start: Any, seed: int) -> None:
    rng, ledger = Random(seed), Ledger()

    async def pause(_: float) -> None:
        if proxy.cuts < BREAKS:
            await away(rig, rng)

    proxy = Proxy(rng)
    async with proxy as address:
        rig = await start(hosts=(address,))
        proxy.server = rig.server.address
        following = Following(
            list(CHANNELS), f"ws://{address}", rng=rng, pause=pause, on_lag="disconnect", queue=100_000
        )
        offsets: dict[str, int] = {}
        messages = following.__aiter__()
        ledger.at = {topic: (f"e{number}", 0) for number, topic in enumerate(CHANNELS, 1)}
        ledger.began = dict.fromkeys(CHANNELS, 0)
        reading = asyncio.create_task(anext(messages))
        await rig.until(lambda: len(rig.hub.topics) == 2 and all(one.listeners for one in rig.hub.topics.values()))
        publishing = asyncio.create_task(publish(rig))
        heard(ledger, await reading)
        async for message in messages:
            heard(ledger, message)
            if proxy.cuts >= BREAKS and not offsets:
                publishing.cancel()
                await asyncio.wait([publishing])
                offsets = {topic: rig.hub.topics[topic].offset for topic in CHANNELS}
            if offsets and {topic: offset for topic, (_, offset) in ledger.at.items()} == offsets:
                break
        await messages.aclose()
    ledger.check(offsets, BREAKS)


def heard(ledger: Ledger, message: dict[str, Any]) -> None:
    """Take what the client yields."""
    match message["type"]:
        case "back":
            now = (message["epoch"], message["offset"])
            asked = ledger.place(message["topic"])
            recovered = message["recovered"] if asked is not None else None
            assert asked is not None or not message["recovered"], "there was nothing to resume from"
            ledger.joined(message["topic"], now, asked, recovered=recovered)
        case "update" | "snapshot":
            ledger.take(message)
        case kind:
            assert kind in {"away", "status"}
