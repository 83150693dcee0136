"""
The venue itself: the recording's clock, who is sent what of it, and how a test cuts clients off.

The recording's time never stands still: what is due while a client is away is
lost to it, as at the exchange.
"""

import asyncio
import enum
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import ClassVar, Final, Literal

from aiohttp import web

from gateway.testing.listener import Answer
from gateway.testing.sockets import VenueSocket
from gateway.testing.venue import Venue
from gateway_binance.venue import requests
from gateway_binance.venue.arguments import QUIET, Wait
from gateway_binance.venue.books import Books
from gateway_binance.venue.clock import Clock
from gateway_binance.venue.recording import Event, Recording
from gateway_binance.venue.requests import Asked, RequestError
from gateway_binance.venue.rest import Rest
from gateway_binance.venue.sockets import POLICY, BinanceSocket

PING_EVERY: Final = 20.0
PONG_WITHIN: Final = 60.0
MOST_STREAMS: Final = 1024
"""These three: web-socket-streams.md, "General WSS information", 2026-07-21."""
CROWDED: Final = 256
"""Frames that may wait for a client before a replay at full speed waits for it."""


class Cut(enum.Enum):
    """How clients are cut off: an orderly end without a Close frame, a reset, or silence on an open socket."""

    FIN = "fin"
    RST = "rst"
    SILENCE = "silence"


class BinanceVenue(Venue):
    """
    A replay of one recording. Event-loop only.

    ``sent`` counts what was sent by the name it was asked for, ``passed`` what
    was due by its recorded name, whoever listened. The engine's ``subscribes``,
    ``streams()``, ``sockets`` and ``faults`` tell and do the rest.

    Args:
        recording: what is replayed.
        host: a loopback address.
        port: 0 chooses a free one.
        speed: times as fast as recorded; :obj:`None` is as fast as clients read, and as recorded while
            nobody listens.
        wait: when the replay begins: after so many seconds without a new wish, or with these streams.
        stay: whether :meth:`wait` goes on after the end.
        ping_every: seconds between pings.
    """

    endpoints: ClassVar[Mapping[str, tuple[str, str]]] = {"stream": ("ws", ""), "rest": ("http", "")}
    socket_paths: ClassVar[Sequence[str]] = ("/ws", "/ws/{streams:.+}", "/stream")

    def __init__(  # noqa: PLR0913  # every one but the recording has a default
        self,
        recording: Recording,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float | None = 1.0,
        wait: Wait = QUIET,
        stay: bool = False,
        ping_every: float = PING_EVERY,
    ) -> None:
        super().__init__(host=host, port=port)
        self.sent: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.ended = False
        self._recording = recording
        self._books = Books(recording)
        self._rest = Rest(recording, self._books)
        self._speed = speed
        self._begin_with = wait
        self._stay = stay
        self._ping_every = ping_every
        self._wishes = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._unmuting: set[asyncio.TimerHandle] = set()

    # --- what tests do

    def cut(self, how: Cut, seconds: float = 0.0) -> None:
        """Cut every client off now; ``seconds`` is how long a silence lasts, in which everything is lost."""
        if how is not Cut.SILENCE:
            self.drop(rst=how is Cut.RST)
            return
        muted = tuple(self.sockets.values())
        for socket in muted:
            socket.muted = True
        handle: asyncio.TimerHandle = asyncio.get_running_loop().call_later(
            seconds, lambda: self._unmute(handle, muted)
        )
        self._unmuting.add(handle)

    def _unmute(self, handle: asyncio.TimerHandle, sockets: Sequence[VenueSocket]) -> None:
        self._unmuting.discard(handle)
        for socket in sockets:
            socket.muted = False

    # --- its life

    async def start(self) -> None:
        """
        Listen, ping, and replay once somebody listens.

        Raises:
            OSError: If the address cannot be had.
        """
        await super().start()
        self._tasks = [asyncio.create_task(self._guarded(one)) for one in (self._replay(), self._ping())]

    async def stop(self) -> None:
        """End the replay, say goodbye to every client and free the port. Safe to repeat."""
        for handle in self._unmuting:
            handle.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await super().stop()

    async def wait(self) -> None:
        """
        Wait for the end of the replay or, where the venue stays, until it is stopped.

        Raises:
            ExceptionGroup: If the venue itself failed.
        """
        if not self._stay:
            await self.wait_for(lambda: self.ended or bool(self.failures) or self._stopping.is_set())
            self._raise_failures()
        else:
            await super().wait()

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as exc:  # noqa: BLE001  # raised again by whoever waits for the venue
            self._failed(exc)

    # --- the replay

    async def _replay(self) -> None:
        await self._until_wanted()
        clock = Clock(self._speed, self._is_heard)
        for line in self._recording.lines:
            await clock.reach(line.at)
            self._books.take(line)
            if isinstance(line, Event):
                await self._deliver(line)
        for socket in self._all_sockets():
            await socket.below(1)
        self.ended = True
        self._watch.changed()

    async def _until_wanted(self) -> None:
        """Wait until the clients have asked for what they want of the recording."""
        if isinstance(self._begin_with, frozenset):
            names = self._begin_with
            await self.wait_for(lambda: names <= self.wanted())
            return
        while True:
            await self.wait_for(self._is_heard)
            wishes = self._wishes
            try:
                async with asyncio.timeout(self._begin_with):
                    await self.wait_for(partial(self._is_news, wishes))
            except TimeoutError:
                return

    def _is_news(self, wishes: int) -> bool:
        return self._wishes != wishes or not self._is_heard()

    def _is_heard(self) -> bool:
        return not self._recording.names.isdisjoint(self.wanted())

    async def _deliver(self, event: Event) -> None:
        self.passed[event.stream] += 1
        if self.faults.holds_back(event.stream):
            return
        for socket in self._all_sockets():
            for name in event.names:
                if name in socket.streams:
                    self._send(socket, name, event)
        self._watch.changed()
        if self._speed is None:
            for socket in self._all_sockets():
                await socket.below(CROWDED)

    def _send(self, socket: BinanceSocket, name: str, event: Event) -> None:
        if socket.datum(event.combined(name) if socket.combined else event.data):
            self.sent[name] += 1
            self.counts.published += 1

    async def _ping(self) -> None:
        """Ping everybody; whoever has not answered for too long is closed."""
        clock = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._ping_every)
            for socket in self._all_sockets():
                if clock.time() - socket.heard_at >= PONG_WITHIN + self._ping_every / 2:
                    socket.close(POLICY, "Pong timeout")
                else:
                    socket.ping(str(int(clock.time() * 1000)).encode())

    def _all_sockets(self) -> list[BinanceSocket]:
        return [socket for socket in self.sockets.values() if isinstance(socket, BinanceSocket)]

    # --- sockets

    async def _serve(self, request: web.Request, ws: "web.WebSocketResponse[Literal[False]]") -> None:
        self.counts.upgrades += 1
        socket = BinanceSocket(self.counts.upgrades, request, ws, self._shared)
        self.sockets[socket.id] = socket
        try:
            path = request.match_info.get("streams", "") or request.query.get("streams", "")
            self._wish(socket, [name for name in path.split("/") if requests.is_stream(name)])
            self._watch.changed()
            await socket.serve(partial(self.received, socket))
        except Exception as exc:  # noqa: BLE001  # raised again by whoever waits for the venue
            self._failed(exc)
        finally:
            del self.sockets[socket.id]
            self.closed.append(socket)
            self._watch.changed()

    def _wish(self, socket: BinanceSocket, names: Sequence[str]) -> str:
        """Take a wish for streams; return why it is refused, if it is."""
        if not names:
            return ""
        self._wishes += 1
        grant = self.subscribe(socket, names)
        return grant.refusal or ("Invalid request: invalid stream" if grant.refused else "")

    def received(self, socket: VenueSocket, payload: bytes, binary: bool) -> None:  # noqa: ARG002  # text is all that it speaks
        """Answer a client's request."""
        assert isinstance(socket, BinanceSocket)
        try:
            asked = requests.read(payload)
            answer = asked.reply(self._do(socket, asked))
        except RequestError as refused:
            answer = refused.reply()
        socket.answer(answer)

    def _do(self, socket: BinanceSocket, asked: Asked) -> list[str] | bool | None:
        match asked.method:
            case "SUBSCRIBE":
                self._subscribe(socket, asked)
            case "UNSUBSCRIBE":
                for name in asked.streams():
                    socket.streams.pop(name, None)
            case "LIST_SUBSCRIPTIONS":
                return list(socket.streams)
            case "GET_PROPERTY":
                asked.property(1)
                return socket.combined
            case _:
                asked.property(2)
                if not isinstance(asked.params[1], bool):
                    raise asked.refusal("Invalid value type: expected Boolean", requests.WRONG_VALUE)
                socket.combined = asked.params[1]
        return None

    def _subscribe(self, socket: BinanceSocket, asked: Asked) -> None:
        names = asked.streams()
        if len(socket.streams.keys() | set(names)) > MOST_STREAMS:
            raise asked.refusal("Too many subscriptions", requests.TOO_MANY)
        refusal = self._wish(socket, names)
        if refusal:
            raise asked.refusal(refusal)

    def answers(self) -> Mapping[str, Answer]:
        """Return the REST routes."""
        return self._rest.answers()
