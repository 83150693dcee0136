"""
One client that reads server-sent events, from the response's head to its end.

What ends it is told in a last event, ``close``, with the codes that the stream protocol
has. A client that takes nothing for too long is cut: it may be gone without a word, and
says nothing by which one could know.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

from aiohttp import HttpVersion11, hdrs, web

from gateway.errors import SubscriptionError
from gateway.serving.auth.entrance import Entrance
from gateway.serving.codes import CloseCode
from gateway.serving.pipe import Drain, Pipe
from gateway.serving.presence import Facts
from gateway.serving.problems import problem
from gateway.serving.sitting import Farewell, Ground
from gateway.serving.sse.outbox import EventOutbox
from gateway.serving.sse.places import Places
from gateway.serving.sse.wire import END, NOTHING, said

OWN: Final = "same-origin"
HEADERS: Final = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}


class EventPipe(Pipe):
    """A pipe into the body of a response."""

    outbox: EventOutbox

    def __init__(
        self,
        transport: asyncio.Transport,
        drain: Drain,
        ground: Ground,
        overflowed: Callable[[], None],
        places: Places,
    ) -> None:
        super().__init__(transport, drain, ground.limits, overflowed, ground.figures)
        self.places = places
        self.outbox = EventOutbox(self._wake, self.places, ground.limits)

    async def finish(self, last: bytes, within: float) -> None:
        """Write ``last`` after what the transport has; who does not read it ``within`` so many seconds is cut."""
        self.stop()
        if self._transport.is_closing():
            return
        self._transport.set_write_buffer_limits(high=0)
        self._transport.write(last)
        reading = self._loop.create_task(self._emptied(), name="gateway-client-end")
        await asyncio.wait((reading,), timeout=within)
        if not reading.done():
            self._transport.abort()
            await asyncio.wait((reading,))

    async def _emptied(self) -> None:
        with suppress(OSError):  # it is gone
            await self._drain()


class EventStream:
    """
    A :class:`~gateway.serving.arrivals.Visitor` that reads events; :meth:`run` is its whole life. Event-loop only.

    Args:
        name: for logs.
        transport: of the response; written to by nobody else from now on.
        drain: waits for the transport.
        ground: limits and clocks.
        entrance: who the client is.
        places: where the client stands in its topics.
    """

    def __init__(
        self,
        name: str,
        transport: asyncio.Transport,
        drain: Drain,
        ground: Ground,
        entrance: Entrance,
        places: Places | None = None,
    ) -> None:
        self.name = name
        self.entrance = entrance
        self.pipe = EventPipe(transport, drain, ground, self._too_slow, places or Places({}))
        self.leave: Callable[[], None] = lambda: None
        """Called, perhaps more than once, when nothing more is to be heard."""
        self.topics: Callable[[], Sequence[str]] = tuple
        """Returns the names of those that the client has."""
        self._ground = ground
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Farewell] = self._loop.create_future()
        self._writes = 0
        self._moved = ground.now()
        self._timer: asyncio.TimerHandle | None = None

    def facts(self) -> Facts:
        """Return how the client fares."""
        outbox = self.pipe.outbox
        return Facts(
            kind="sse",
            topics=self.topics(),
            queue_bytes=self.pipe.unsent,
            lagging=outbox.lagging(),
            sent=outbox.queued,
            dropped=outbox.dropped,
        )

    async def run(self, begin: Coroutine[Any, Any, None]) -> None:
        """Have ``begin`` put into the pipe what comes first, and go on until either side ends it."""
        beginning = self._loop.create_task(begin, name=f"gateway-client-{self.name}")
        beginning.add_done_callback(self._begun)
        self._beat()
        farewell: Farewell | None = None
        try:
            farewell = await self._ended
            beginning.cancel()
            self.leave()
            await self._part(farewell)
        finally:
            self._ground.figures.end(None if farewell is None else farewell.code)
            beginning.cancel()
            self.leave()
            if self._timer is not None:
                self._timer.cancel()
            await self.pipe.close()

    def end(self, code: CloseCode, text: str, *, drain: float | None = None) -> None:
        """See :meth:`gateway.serving.arrivals.Visitor.end`."""
        if not self._ended.done():
            self._ended.set_result(Farewell(code, text, self._ground.limits.closing if drain is None else drain))

    def shut(self, code: CloseCode, text: str) -> None:
        """See :meth:`gateway.serving.arrivals.Visitor.shut`."""
        self.leave()
        self.pipe.stop()
        self.end(code, text, drain=0)

    def cut(self) -> None:
        """See :meth:`gateway.serving.arrivals.Visitor.cut`."""
        self.pipe.cut()

    async def _part(self, farewell: Farewell) -> None:
        self._ground.lines.closed(self.name, farewell.code, farewell.text)
        try:
            async with asyncio.timeout(farewell.drain):
                await self.pipe.until_empty()
        except TimeoutError:
            pass  # it had its time
        last = said("close", code=int(farewell.code), reason=farewell.text)
        await self.pipe.finish(last + END, self._ground.limits.closing)

    def _too_slow(self) -> None:
        self.end(CloseCode.TOO_SLOW, "too slow: more waits to be read than may")

    def _begun(self, beginning: "asyncio.Task[None]") -> None:
        """What comes first is queued, or cannot be; a defect ends this client alone, and the log has it."""
        if beginning.cancelled():
            return
        match beginning.exception():
            case None:
                pass
            case SubscriptionError(message=text):
                self.end(CloseCode.POLICY, text)
            case TimeoutError():
                self._too_slow()
            case Exception() as failure:
                self._ground.lines.failed(self.name, failure)
                self.end(CloseCode.INTERNAL_ERROR, "internal error")

    def _beat(self) -> None:
        """Say something now and then, and end a client that takes nothing."""
        now, limits, pipe = self._ground.now(), self._ground.limits, self.pipe
        if pipe.writes != self._writes or pipe.outbox.empty:
            self._writes, self._moved = pipe.writes, now
        if now - self._moved >= limits.silence:
            self.end(CloseCode.TOO_SLOW, "too slow: nothing was read for too long", drain=0)
            return
        pipe.outbox.say(NOTHING)
        self._timer = self._loop.call_later(limits.ping_interval, self._beat)


async def opened(request: web.Request) -> tuple[asyncio.Transport, Drain, web.StreamResponse] | None:
    """Send the head of a response that is written to by hand; nothing if the client has left meanwhile."""
    response = web.StreamResponse(headers=HEADERS | _shared(request))
    response.force_close()
    writer = await response.prepare(request)
    transport = request.transport
    if writer is None or transport is None:
        return None
    return transport, writer.drain, response


def unstreamable(request: web.Request) -> web.Response | None:
    """
    Return why ``request`` cannot be answered by a body without end, nothing if it can.

    A page that may not come can still name our address in an image; it would read nothing, but open topics.
    """
    if request.version < HttpVersion11:  # else a whole body looks like one that broke off
        return problem(505, "http_version_not_supported", "need HTTP/1.1: the body comes in chunks")
    if hdrs.ORIGIN not in request.headers and request.headers.get("Sec-Fetch-Site", OWN) not in {OWN, "none"}:
        return problem(403, "origin_not_allowed", "a page of another origin asks without saying which it is")
    return None


def _shared(request: web.Request) -> dict[str, str]:
    """Return what lets a page of another origin read the response: it may come, or would not be here."""
    origin = request.headers.get(hdrs.ORIGIN)
    return {} if origin is None else {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
