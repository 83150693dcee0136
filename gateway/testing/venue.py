"""
The scriptable venue engine: a loopback server that carries every simulated venue of the project.

It knows sockets, subscriptions, numbers and faults; a venue adds what its
exchange says. Each fault acts here, so that all venues fail alike.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, Final, Literal, Self

from aiohttp import web

from gateway.testing.doors import Doors
from gateway.testing.faults import Faults
from gateway.testing.listener import PATIENCE, Answer, Handler, Listener
from gateway.testing.order import Datum, Order
from gateway.testing.pace import paced
from gateway.testing.records import Counts, Grant, Subscribing, Watch
from gateway.testing.shared import Shared
from gateway.testing.sockets import KEPT, VenueSocket

OUTBOX: Final = 8192
"""Frames that may wait for one client before it is dropped."""


class Venue:
    """
    A simulated exchange; subclasses say what it speaks. Event-loop only.

    ``endpoints`` has a scheme and a path for each endpoint, ``socket_paths``
    are the routes that upgrade, in aiohttp's spelling.

    Args:
        host: a loopback address.
        port: 0 chooses a free one.
        seed: of everything that is drawn; the same seed gives the same data.
        rate: ticks per second; :obj:`None` leaves ticking to the caller.
        outbox: frames that may wait for one client before it is dropped.
    """

    endpoints: ClassVar[Mapping[str, tuple[str, str]]] = {"stream": ("ws", "")}
    socket_paths: ClassVar[Sequence[str]] = ("/",)

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 1,
        rate: float | None = None,
        outbox: int = OUTBOX,
    ) -> None:
        self.faults = Faults()
        self.counts = Counts()
        self.random = random.Random(seed)  # noqa: S311  # the same seed must give the same data
        self.sockets: dict[int, VenueSocket] = {}
        self.closed: deque[VenueSocket] = deque(maxlen=KEPT)
        self.subscribes: deque[Subscribing] = deque(maxlen=KEPT)
        self.failures: deque[Exception] = deque(maxlen=KEPT)
        """What the venue itself did wrong; leaving it raises them."""
        self._rate = rate
        self._watch = Watch()
        self._shared = Shared(self.faults, self.counts, self._watch, outbox, self.sockets)
        self._stopping = self._shared.stopping
        self._doors = Doors(self._shared, self._serve, self._failed)
        self.dials = self._doors.dials
        self.attempts = self._doors.attempts
        """When each upgrade was asked for, refused or not."""
        self.requests = self._doors.requests
        self._listener = Listener(host, port, self._doors.admits)
        self._series: Counter[str] = Counter()
        self._order = Order(self.faults)
        self._ticking: asyncio.Task[None] | None = None

    # --- what a venue says

    def opened(self, socket: VenueSocket) -> None:
        """Greet a client, if the exchange does."""

    def received(self, socket: VenueSocket, payload: bytes, binary: bool) -> None:
        """Act on a client's message. Nonsense is answered, never raised."""

    def answers(self) -> Mapping[str, Answer]:
        """Return the REST routes, each under its method and path (``GET /symbols``)."""
        return {}

    def tick(self) -> None:
        """Take one step: one datum for each stream that somebody wants."""

    def announce_closing(self, deadline: float) -> None:
        """Tell everybody that their connections close in ``deadline`` seconds, if the exchange does."""

    def end_stream(self, stream: str, reason: str) -> None:  # noqa: ARG002  # for those who tell
        """End ``stream`` for everybody; exchanges that tell their clients why override this."""
        self.forget(stream)

    # --- what a venue does

    def subscribe(self, socket: VenueSocket, streams: Sequence[str]) -> Grant:
        """Take a client's wish for ``streams`` that exist; whoever is closed for it hears no answer."""
        wish = Subscribing(asyncio.get_running_loop().time(), socket.id, tuple(streams))
        self.subscribes.append(wish)
        code = self.faults.close_at_subscribe.strike()
        if code is not None:
            socket.close(code)
            return Grant()
        refusal = self.faults.refuse_subscribes.strike()
        if refusal is not None:
            return Grant(refusal=refusal)
        accepted = self.faults.granted(wish.streams, socket.streams)
        socket.streams.update(dict.fromkeys(accepted, wish.at))
        return Grant(accepted, tuple(one for one in wish.streams if one not in socket.streams))

    def publish(self, stream: str, payload: bytes, *, account: str | None = None) -> int:
        """Send a datum as text to everybody who wants it, or to one account; returns to how many."""
        sent = 0
        for datum in self._order.instead_of(stream, Datum(payload, account)):
            sent += self._spread(stream, datum)
        self.counts.published += sent
        self._watch.changed()
        return sent

    def _spread(self, stream: str, datum: Datum) -> int:
        sent, unasked = 0, stream in self.faults.unasked_streams
        for socket in self.sockets.values():
            if (unasked or stream in socket.streams) and datum.account in {None, socket.account}:
                socket.publish(datum.payload)
                sent += 1
        return sent

    def wanted(self) -> set[str]:
        """Return the streams that anybody wants, or is to get unasked."""
        wanted = {stream for socket in self.sockets.values() for stream in socket.streams}
        return wanted | self.faults.unasked_streams

    def sequence(self, stream: str) -> int:
        """Return the next number of ``stream``, the first being 1; scripted holes are left out."""
        self._series[stream] += 1 + self.faults.skips.pop(stream, 0)
        return self._series[stream]

    # --- what tests watch and do

    def streams(self) -> list[tuple[int, str]]:
        """Return every live subscription: socket id and stream."""
        return [(socket.id, stream) for socket in self.sockets.values() for stream in socket.streams]

    async def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds``; it is asked after everything that happens. The caller sets the deadline."""
        await self._watch.wait_for(holds)

    def drop(self, *, rst: bool = False, code: int | None = None, text: str = "") -> None:
        """End every socket: by RST, by a Close frame with ``code``, or by FIN alone."""
        for socket in tuple(self.sockets.values()):
            if code is None:
                socket.drop(rst=rst)
            else:
                socket.close(code, text)

    def forget(self, stream: str) -> None:
        """Drop everybody's subscription to ``stream`` without a word."""
        for socket in self.sockets.values():
            socket.streams.pop(stream, None)

    def freeze(self) -> None:
        """Have nothing pass in either direction; unlike in silence, nothing is lost."""
        self._shared.thawed.clear()

    def thaw(self) -> None:
        """Let everything pass that waited."""
        self._shared.thawed.set()

    @property
    def refuses(self) -> bool:
        """Whether the port is closed."""
        return self._listener.closed

    def close_port(self) -> None:
        """Refuse every dial at the port; open sockets stay."""
        self._listener.close()

    async def open_port(self) -> None:
        """Listen again on the same port."""
        await self._listener.open()

    @property
    def port(self) -> int:
        """The port; what was asked for before the start."""
        return self._listener.port

    @property
    def addresses(self) -> Mapping[str, str]:
        """The base URL of each endpoint."""
        place = self._listener.place
        return {name: f"{scheme}://{place}{path}" for name, (scheme, path) in self.endpoints.items()}

    @property
    def url(self) -> str:
        """The base URL of the first endpoint."""
        return next(iter(self.addresses.values()))

    # --- its life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.stop()
        if kind is None:
            self._raise_failures()

    async def start(self) -> None:
        """
        Listen, and tick if there is a rate.

        Raises:
            OSError: If the address cannot be had.
        """
        routes: dict[str, Handler] = {f"GET {path}": self._doors.upgrade for path in self.socket_paths}
        for route, answer in self.answers().items():
            routes[route] = partial(self._request, answer)
        await self._listener.start(routes)
        if self._rate is not None:
            self._ticking = asyncio.create_task(self._tick_at(self._rate))

    async def stop(self) -> None:
        """Say goodbye to every client and free the port. Safe to repeat."""
        self._stopping.set()
        self.thaw()
        self._watch.changed()
        self._listener.close()
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.wait({self._ticking})
        self.drop(code=1001)
        try:
            async with asyncio.timeout(PATIENCE):
                await self.wait_for(lambda: not self.sockets)
        except TimeoutError:
            self.drop(rst=True)
        await self._listener.stop()

    async def wait(self) -> None:
        """
        Run until cancelled or stopped.

        Raises:
            ExceptionGroup: If the venue itself failed.
        """
        await self.wait_for(lambda: bool(self.failures) or self._stopping.is_set())
        self._raise_failures()

    def _raise_failures(self) -> None:
        if self.failures:
            raise ExceptionGroup("the venue failed", tuple(self.failures))

    def _failed(self, exc: Exception) -> None:
        self.failures.append(exc)
        self._watch.changed()

    async def _tick_at(self, rate: float) -> None:
        try:
            await paced(rate, self.tick)
        except Exception as exc:  # noqa: BLE001  # raised again by whoever leaves the venue
            self._failed(exc)

    # --- requests and sockets

    async def _request(self, answer: Answer, request: web.Request) -> web.StreamResponse:
        return await self._doors.reply(answer, request)

    async def _serve(self, request: web.Request, ws: "web.WebSocketResponse[Literal[False]]") -> None:
        self.counts.upgrades += 1
        socket = VenueSocket(self.counts.upgrades, request, ws, self._shared)
        self.sockets[socket.id] = socket
        self._watch.changed()
        try:
            self.opened(socket)
            await socket.serve(partial(self.received, socket))
        except Exception as exc:  # noqa: BLE001  # raised again by whoever leaves the venue
            self._failed(exc)
        finally:
            del self.sockets[socket.id]
            self.closed.append(socket)
            self._watch.changed()
