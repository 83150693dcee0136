"""
Connections that end and come back, time and again, and whoever is live meanwhile without a socket.

There is one stream for each connection, so that the far side knows which one it has.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from gateway import Gateway, spi
from gateway.engine.messages import Message, Notice
from gateway.model.changes import Change
from gateway.model.states import ConnectionState as S
from gateway.testing.records import Watch
from gateway_mock.plugin import INFO, MockExchange

LIVES: Final = 0.01
"""Seconds from the moment at which a socket's datum was heard to its end."""


class OneEach(MockExchange):
    """The mock exchange without a list of instruments and without limits to speak of: one stream a connection."""

    @spi.hookimpl
    def gateway_exchange_info(self) -> spi.ExchangeInfo:
        stream, *others = INFO.endpoints
        limits = tuple(replace(limit, count=10**9, per=1.0) for limit in INFO.limits)
        return replace(INFO, limits=limits, endpoints=(replace(stream, max_streams=1), *others))

    @spi.hookimpl
    def gateway_instruments(self) -> None:
        return None


class Far(Protocol):
    """The far half of a socket on which a stream was acknowledged."""

    @property
    def is_open(self) -> bool:
        """Whether the socket is there."""

    @property
    def is_mute(self) -> bool:
        """Whether it says nothing any more."""

    def end(self) -> None:
        """End it, in the way that is next."""


@dataclass(slots=True)
class Line:
    """One connection, as the far side knows it."""

    id: str
    stream: str
    left: int = 0
    """How often it is still to end before it may rest."""
    far: Far | None = None
    said: int = 0
    heard: int = 0

    @property
    def is_served(self) -> bool:
        """Whether there is an open socket whose handshake is complete."""
        return self.far is not None and self.far.is_open

    @property
    def rests(self) -> bool:
        """Whether it has ended as often as it should, and works again."""
        far = self.far
        works = far is not None and far.is_open and not far.is_mute
        return works and self.left == 0 and self.heard == self.said


class Lines:
    """
    A gateway's connections: an observer of the one, and what the far sides of the others have in common.

    Args:
        count: how many connections.
    """

    gateway: Gateway

    def __init__(self, count: int) -> None:
        lines = [Line(f"mock/stream/{number}", f"trades.s{number}") for number in range(count)]
        self.by_stream = {line.stream: line for line in lines}
        self.by_id = {line.id: line for line in lines}
        self.ghosts: list[str] = []
        """Connections that were live without a socket, once for each look."""
        self.looks = 0
        self.ups = 0
        """How often a connection came up."""
        self._watch = Watch()

    async def open(self) -> None:
        """Bring every connection up."""
        for line in self.by_id.values():
            await self.gateway.listen("mock:" + line.stream.replace(".", ":"), partial(self._heard, line))
        await self.cut(0)

    async def cut(self, times: int) -> None:
        """End every connection so often, and wait until all work again."""
        for line in self.by_id.values():
            line.left = times
            self._end_later(line)
        await self._watch.wait_for(lambda: all(line.rests for line in self.by_id.values()))

    async def settle(self) -> None:
        """Wait until the last looks are over."""

    # --- for the far side

    def served(self, line: Line, far: Far, say: Callable[[str], None]) -> None:
        """The stream of ``line`` was acknowledged: say a trade."""
        line.far = far
        line.said += 1
        trade = f'{{"id":{line.said},"price":"1","size":"1","side":"buy","ts":{line.said}}}'
        say(f'{{"stream":"{line.stream}","data":[{trade}]}}')

    def _end_later(self, line: Line) -> None:
        if line.left and line.far is not None:
            asyncio.get_running_loop().call_later(LIVES, self._end, line, line.far)

    def _end(self, line: Line, far: Far) -> None:
        if far is line.far and far.is_open:
            line.left -= 1
            far.end()

    def _heard(self, line: Line, message: Message | Notice) -> None:
        if not isinstance(message, Message):
            return
        line.heard += 1
        self._end_later(line)
        if line.rests:
            self._watch.changed()

    # --- as an observer

    def changed(self, change: Change) -> None:
        """Whoever comes up has its socket already."""
        id_, is_up = change.connection_id, change.after is S.CONNECTED
        self.ups += is_up
        if is_up is not (id_ in self.gateway.registry.snapshot.live) or (is_up and not self.by_id[id_].is_served):
            self.ghosts.append(id_)

    def entered(self, *_: object) -> None:
        """Phases change nothing of who is live."""

    def during(self, *_: object) -> AbstractContextManager[None]:
        return nullcontext()

    def noticed(self, *_: object, **__: object) -> None:
        """Nothing that matters here."""


def gateway(lines: Lines, settings: Mapping[str, Any], **more: Any) -> Gateway:
    """Return the gateway whose connections ``lines`` are."""
    return Gateway({"exchanges": {"mock": settings}}, plugins={"mock": OneEach()}, observers=[lines], **more)
