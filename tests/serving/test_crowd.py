"""
A crowd comes within seconds: 200 clients, with ``GATEWAY_FULL_SIZE`` 2,500, and more than there are files for.

All that there is room for are served, each is sent every message, and who comes too many is refused and
costs the others nothing. With ``-s`` it is printed what one client takes, and how soon the last is sent a message.
"""

import asyncio
import gc
import json
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.serving import accepting

FULL = bool(os.environ.get("GATEWAY_FULL_SIZE"))
CROWD = 2_500 if FULL else 200
MESSAGES = 40 if FULL else 10
PATIENCE = 120.0
WITHIN = 10.0
"""Seconds within which all of them are there, at the full size."""
UPGRADE = (
    b"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
PARAMS = {"exchange": "mock", "channel": "quotes", "symbols": ["BTC-USDT"], "snapshot": False}

pytestmark = pytest.mark.timeout(600 if FULL else 180)


class Guest:
    """One of the crowd: a plain socket that reads frames without looking at more than their numbers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.offsets: list[int] = []
        self._reader = reader
        self._writer = writer

    async def enter(self) -> None:
        """Upgrade and subscribe."""
        self._writer.write(UPGRADE)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        payload = json.dumps({"method": "subscribe", "req_id": 1, "params": PARAMS}).encode()
        size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        self._writer.write(b"\x81" + size + bytes(4) + payload)
        assert (await self._message())["success"]

    async def hear(self, number: int) -> float:
        """Read so many data, and return when the last came."""
        while len(self.offsets) < number:
            message = await self._message()
            if message.get("type") == "update":
                self.offsets.append(message["offset"])
        return time.monotonic()

    def close(self) -> None:
        self._writer.close()

    async def _message(self) -> dict[str, Any]:
        while True:
            first, size = await self._reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            payload = await self._reader.readexactly(size)
            if first & 0x0F == 1:
                message: dict[str, Any] = json.loads(payload)
                return message


@asynccontextmanager
async def crowd(rig: Any, number: int) -> AsyncIterator[Sequence[Guest]]:
    """Have so many come at once, as many as the system lets wait."""
    async with AsyncExitStack() as stack:

        async def one() -> Guest:
            guest = Guest(*await asyncio.open_connection(*rig.server.address, limit=1 << 16))
            stack.callback(guest.close)
            return guest

        yield await asyncio.gather(*(one() for _ in range(number)))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_i09_all_of_a_crowd_are_served_and_sent_every_message(start: Any) -> None:
    """I09: what is theirs goes with them."""
    rig = await start(waiting=2 * CROWD)
    files, before = len(os.listdir("/proc/self/fd")), resident()  # noqa: PTH208  # names are all we want
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE), crowd(rig, CROWD) as guests:
        await asyncio.gather(*(guest.enter() for guest in guests))
        took, each = time.monotonic() - began, (resident() - before) / CROWD
        assert rig.server.clients == CROWD
        assert rig.upstream.opened == ["mock:quotes:BTC-USDT"], "the exchange was asked once"
        spans: list[float] = []
        for number in range(1, MESSAGES + 1):
            sent = time.monotonic()
            rig.publish(str(number))
            spans += [at - sent for at in await asyncio.gather(*(guest.hear(number) for guest in guests))]
        offsets = {tuple(guest.offsets) for guest in guests}
        [same] = offsets
        assert same == tuple(range(same[0], same[0] + MESSAGES))
        assert rig.server.figures.ended["too_slow"] == 0
    await rig.until(lambda: rig.server.clients == 0)
    gc.collect()
    await rig.until(lambda: len(os.listdir("/proc/self/fd")) <= files)  # noqa: PTH208  # as above
    spans.sort()
    print(  # noqa: T201  # what was measured
        f"\n{CROWD} clients in {took:.1f} s, {each / 1024:.0f} KiB each with both of their ends; "
        f"of {len(spans):,} deliveries p99 {spans[len(spans) * 99 // 100] * 1000:.0f} ms"
    )
    assert not FULL or took < WITHIN


async def test_i09_of_a_crowd_that_is_too_large_as_many_are_served_as_there_are_files_for(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I09: some files are left for the exchanges and the disk; who is refused costs those inside nothing."""
    files = CROWD * 10 // 9
    room = files - max(accepting.RESERVE, files // 10)
    monkeypatch.setattr(accepting, "files", lambda: files)
    rig = await start(waiting=CROWD)
    inside: list[Guest] = []
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        for _ in range(6):
            wave = await stack.enter_async_context(crowd(rig, room // 5))
            served = await asyncio.gather(*(comes(guest) for guest in wave))
            inside += [guest for guest, is_served in zip(wave, served, strict=True) if is_served]
        assert len(inside) == rig.server.clients == room // 5 * 5 + room % 5
        rig.publish("1")
        await asyncio.gather(*(guest.hear(1) for guest in inside))
        assert {len(guest.offsets) for guest in inside} == {1}


async def comes(guest: Guest) -> bool:
    """Tell whether it was let in."""
    try:
        await guest.enter()
    except (ConnectionError, asyncio.IncompleteReadError):
        return False
    return True
