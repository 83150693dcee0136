"""One connection through a chaos proxy: how its bytes wait, pass and end."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from gateway.testing.chaos_ways import CHUNK, Way
from gateway.testing.wire import reset

MOST_WAITING: Final = 1 << 18
"""Bytes of one direction of one link that may wait; then the sender has to."""
_STEP: Final = 0.01
_LONGEST_STEP: Final = 0.05
"""Seconds after which a throttled direction looks again how fast it may be."""
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Line:
    """
    The queue of one direction of one link: bytes and the moment at which each is due, and how it ended.

    Args:
        way: the direction.
        happened: called after everything that happens.
    """

    def __init__(self, way: Way, happened: Callable[[], None]) -> None:
        self._way = way
        self._happened = happened
        self._queue: deque[tuple[float, bytes]] = deque()
        self._waiting = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._by_rst = False

    def end(self, *, rst: bool = False) -> None:
        """Let nothing more come: FIN, or RST, follows what waits."""
        if not self._ended:
            self._ended, self._by_rst = True, rst
            self._queue.append((asyncio.get_running_loop().time() + self._way.delay, b""))
            self._changed.set()

    async def fill(self, reader: asyncio.StreamReader) -> None:
        """Take everything that comes, to the end."""
        try:
            while data := await reader.read(CHUNK):
                if self._ended or self._way.swallows:
                    self._swallow(data)
                    continue
                while self._waiting > MOST_WAITING - CHUNK:
                    self._changed.clear()
                    await self._changed.wait()
                self._waiting += len(data)
                self._queue.append((asyncio.get_running_loop().time() + self._way.delay, data))
                self._changed.set()
        except ConnectionError:
            self.end(rst=True)
        else:
            self.end()

    async def drain(self, writer: asyncio.StreamWriter) -> None:
        """
        Pass on what waits, to the end.

        Raises:
            ConnectionError: If the link is to be reset, or is lost.
            EOFError: If it is to end.
        """
        loop = asyncio.get_running_loop()
        while True:
            while not self._queue:
                self._changed.clear()
                await self._changed.wait()
            due, data = self._queue.popleft()
            if (left := due - loop.time()) > 0:
                await asyncio.sleep(left)
            if not data:
                break
            await self._pass(data, writer)
            self._waiting -= len(data)
            self._changed.set()
        await self._way.healed()
        if self._by_rst:
            raise ConnectionResetError
        writer.write_eof()

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        while data:
            most = await self._allowed()
            await self._way.opened()
            if self._way.swallows:
                self._swallow(data)
                return
            piece = self._way.first(data, most)
            data = data[len(piece) :]
            writer.write(piece)
            await writer.drain()
            self._happened()
            rst = self._way.cut
            if rst is not None:
                raise ConnectionResetError if rst else EOFError
            if data:
                await asyncio.sleep(0)

    async def _allowed(self) -> float:
        """Wait until a byte may pass and return how many may."""
        loop = asyncio.get_running_loop()
        credit, seen = 0.0, loop.time()
        while self._way.rate < math.inf:
            await asyncio.sleep(min(max(1 / self._way.rate, _STEP), _LONGEST_STEP))
            now = loop.time()
            credit += self._way.rate * (now - seen)
            seen = now
            if credit >= 1:
                return credit
        return math.inf

    def _swallow(self, data: bytes) -> None:
        self._way.swallowed += len(data)
        self._happened()


class Link:
    """One client's connection, and the one to the server that belongs to it."""

    def __init__(self, up: Line, down: Line) -> None:
        self.up = up
        self.down = down
        self._cut: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def drop(self, *, rst: bool = False) -> None:
        """End both connections now: by FIN, or by RST, which loses what is on its way."""
        if not self._cut.done():
            self._cut.set_result(rst)

    async def run(self, client: Ends, server: Ends) -> None:
        """Pass bytes on until both directions have ended, or something cuts the link."""
        work = (
            self.up.fill(client[0]),
            self.up.drain(server[1]),
            self.down.fill(server[0]),
            self.down.drain(client[1]),
        )
        tasks = [asyncio.create_task(self._guarded(one)) for one in work]
        ended = asyncio.ensure_future(asyncio.wait(tasks))
        try:
            either: set[asyncio.Future[Any]] = {ended, self._cut}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await ended
            for _, writer in (client, server):
                if self._cut.done() and self._cut.result():
                    reset(writer.transport)
                writer.close()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (OSError, EOFError) as exc:
            self.drop(rst=isinstance(exc, OSError))
