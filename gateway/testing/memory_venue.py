"""
Any simulated venue without its port: the same exchange and the same faults, reached through memory.

A venue knows its clients as aiohttp's requests and WebSockets; what it uses of
them is played here.
"""

# ruff: noqa: SLF001  # the second door of a venue opens the same rooms as the first
import asyncio
import re
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, cast

from aiohttp import WSMessage, WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from gateway.errors import Reason, TransportLost
from gateway.net.replies import redirected
from gateway.net.transport import Kind
from gateway.spi.steps import Fetch, HttpReply, Open
from gateway.testing.bodies import EVERY, INSTEAD, body_of
from gateway.testing.doors import GREETING
from gateway.testing.memory import Accept, Dialled, Hang, Later, MemoryNetwork, Refuse, RefuseUpgrade
from gateway.testing.memory_frames import FrameReader
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.venue import Venue
from gateway.testing.ways import Body, Refusal, Upgrade

KINDS: Final = {
    WSMsgType.TEXT: Kind.TEXT,
    WSMsgType.BINARY: Kind.BINARY,
    WSMsgType.PING: Kind.PING,
    WSMsgType.PONG: Kind.PONG,
}
OPCODES: Final = {kind: opcode for opcode, kind in KINDS.items()}
SLOW: Final = 1.5
"""Seconds that an answer to an upgrade takes when it comes byte by byte."""
_INVALID: Final = (
    *(Upgrade.WRONG_ACCEPT, Upgrade.NO_ACCEPT, Upgrade.NO_UPGRADE, Upgrade.NO_CONNECTION),
    *(Upgrade.NO_HTTP, Upgrade.LONG_LINE, Upgrade.MANY_LINES),
)
_ENDS: Final[Mapping[Upgrade, Dialled]] = {
    Upgrade.SILENCE: Hang(),
    Upgrade.ENDLESS: Hang(),
    Upgrade.CUT: Refuse(Reason.CLOSED_BY_PEER, "ended in the middle of its answer"),
    **{how: Refuse(Reason.PROTOCOL_ERROR, how.value) for how in _INVALID},
}
"""What a client sees of those that do not end well; it is content with the others."""
_PART: Final = re.compile(r"\{\w+(?::(.+))?\}")


class MemoryVenue(MemoryNetwork):
    """
    A network on which there is nothing but ``venue``, which must not be started.

    A context manager: the venue ticks at its rate meanwhile, hangs up in the
    end, and what it did wrong itself is raised.
    """

    def __init__(self, venue: Venue) -> None:
        super().__init__(self._dial)
        self.venue = venue
        self._paths = tuple(_matcher(path) for path in venue.socket_paths)
        self._answers = venue.answers()
        self._serving: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> Mapping[str, str]:
        """The base URL of each endpoint."""
        return {name: f"{scheme}://memory{path}" for name, (scheme, path) in self.venue.endpoints.items()}

    async def __aenter__(self) -> Self:
        if self.venue._rate is not None:
            self._ticking = asyncio.create_task(self.venue._tick_at(self.venue._rate))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.wait({self._ticking})
        self.venue.thaw()
        for peer in self.open_peers:
            peer.close(1001)
        if self._serving:
            await asyncio.wait(self._serving)
        if kind is None:
            self.venue._raise_failures()

    async def fetch(self, request: Fetch) -> HttpReply:
        """Answer as the venue does; no answer at all while it is mute."""
        if self.venue.refuses:
            raise TransportLost("connection refused", reason=Reason.CONNECTION_REFUSED)
        asked = _Request(request.method, request.url, request.headers, request.body)
        answer = self._answers.get(f"{asked.method} {asked.path}")
        if answer is None:
            return HttpReply(404)
        try:
            response = await self.venue._doors.request(answer, cast("web.Request", asked))
        except web.HTTPException as exc:
            response = web.Response(status=exc.status, headers=exc.headers, body=exc.body)
        body = await _bent(body_of(response), self.venue.faults.bend_replies.strike())
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpReply(response.status, headers, body)

    def _dial(self, step: Open) -> Dialled | Later[Dialled]:
        venue, asked = self.venue, _Request("GET", step.url, step.headers)
        if venue.refuses:
            return Refuse()
        if not venue._doors.admits():
            return Refuse(Reason.CONNECTION_RESET)
        if not any(path.fullmatch(asked.path) for path in self._paths):
            return RefuseUpgrade(404)
        verdict = venue._doors.verdict()
        outcome = self._outcome(verdict, asked)
        seconds = venue.faults.upgrade_delay + (SLOW if verdict is Upgrade.SLOW else 0.0)
        return Later(seconds, outcome) if seconds > 0 else outcome

    def _outcome(self, verdict: Refusal | Upgrade | None, asked: "_Request") -> Dialled:
        if not self.venue._shared.thawed.is_set():
            return Hang()
        if isinstance(verdict, Refusal):
            return _refused(verdict)
        ended = None if verdict is None else _ENDS.get(verdict)
        return Accept(partial(self._opened, asked, verdict)) if ended is None else ended

    def _opened(self, asked: "_Request", how: Upgrade | None, peer: MemoryPeer) -> None:
        peer.auto_pong = False  # the venue answers pings itself
        asked.transport = _Tcp(peer)
        if how is Upgrade.PIGGYBACK:
            peer.ping(GREETING)
        ws = cast("web.WebSocketResponse[Any]", _WebSocket(peer))
        peer.ignores_close = partial(self._ignores_close, ws)
        serving = asyncio.create_task(self.venue._serve(cast("web.Request", asked), ws))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    def _ignores_close(self, ws: "web.WebSocketResponse[Any]") -> bool:
        sockets = (one for one in self.venue.sockets.values() if one._ws is ws)
        return not self.venue._shared.thawed.is_set() or any(one.ignores_closes for one in sockets)


def _matcher(route: str) -> re.Pattern[str]:
    """Return what matches the paths of ``route``, one part of which may be ``{name}`` or ``{name:pattern}``."""
    part = _PART.search(route)
    if part is None:
        return re.compile(re.escape(route))
    before, after = re.escape(route[: part.start()]), re.escape(route[part.end() :])
    return re.compile(f"{before}{part[1] or '[^/]+'}{after}")


def _refused(refusal: Refusal) -> Dialled:
    if 300 <= refusal.status < 400:  # noqa: PLR2004  # every redirect, as over a wire
        fault = redirected(CIMultiDict(refusal.headers).get("location", ""))
        return Refuse(fault.reason, fault.text)
    headers = {name.lower(): value for name, value in refusal.headers.items()}
    return RefuseUpgrade(refusal.status, headers, refusal.body)


async def _bent(body: bytes, how: Body | None) -> bytes:
    match how:
        case None:
            return body
        case Body.CUT:
            raise TransportLost("the answer broke off")
        case Body.HALF:
            await asyncio.get_running_loop().create_future()
        case Body.SLOW:
            await asyncio.sleep(len(body) * EVERY)
    return INSTEAD.get(how, body)


class _Request:
    """What a venue asks of an :class:`aiohttp.web.Request`."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.method = method
        self.path = URL(url).path
        self.raw_path = URL(url).raw_path_qs
        self.query = URL(url).query
        self.headers = CIMultiDict(headers)
        self.transport: asyncio.Transport | None = None
        self._body = body

    async def read(self) -> bytes:
        return self._body


class _WebSocket:
    """What a venue asks of an :class:`aiohttp.web.WebSocketResponse`."""

    def __init__(self, peer: MemoryPeer) -> None:
        self._peer = peer
        self._messages: asyncio.Queue[WSMessage] = asyncio.Queue()
        peer.hearing = self

    def heard(self, kind: Kind, payload: bytes) -> None:
        self._messages.put_nowait(WSMessage(OPCODES[kind], payload, None))

    def ended(self) -> None:
        code = self._peer.close_code
        kind = WSMsgType.CLOSED if code is None or self._peer.ignores_close() else WSMsgType.CLOSE
        self._messages.put_nowait(WSMessage(kind, code, None))

    async def receive(self) -> WSMessage:
        return await self._messages.get()

    async def send_frame(self, payload: bytes, opcode: WSMsgType) -> None:
        if self._peer.closed:
            raise ConnectionResetError
        self._peer.put(KINDS[opcode], payload)

    async def close(self, *, code: int = 1000, message: bytes = b"", drain: bool = True) -> None:  # noqa: ARG002  # nothing drains
        self._peer.close(code, message.decode())


class _Tcp(asyncio.Transport):
    """What a venue asks of the TCP connection below."""

    def __init__(self, peer: MemoryPeer) -> None:
        super().__init__()
        self._peer = peer
        self._reader = FrameReader(peer)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002  # the socket is all it asks for
        return self

    def setsockopt(self, *_: object) -> None:
        """Do nothing: that a reset loses what was said is not played."""

    def is_closing(self) -> bool:
        return self._peer.closed

    def close(self) -> None:
        self._peer.drop(Reason.CLOSED_BY_PEER)

    def abort(self) -> None:
        self._peer.drop()

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        self._reader.feed(bytes(data))
