"""
Any simulated venue without its port: the same exchange and the same faults, reached through memory.

A venue knows its clients as aiohttp's requests and WebSockets; what it uses of
them is played here.
"""

# ruff: noqa: SLF001  # the second door of a venue opens the same rooms as the first
import asyncio
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, cast

from aiohttp import WSMessage, WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from gateway.errors import Reason
from gateway.net.transport import Kind
from gateway.spi.steps import Fetch, HttpReply, Open
from gateway.testing.memory import Accept, Dialled, Hang, MemoryNetwork, Refuse, RefuseUpgrade
from gateway.testing.memory_peer import MemoryPeer
from gateway.testing.venue import Venue

KINDS: Final = {
    WSMsgType.TEXT: Kind.TEXT,
    WSMsgType.BINARY: Kind.BINARY,
    WSMsgType.PING: Kind.PING,
    WSMsgType.PONG: Kind.PONG,
}
OPCODES: Final = {kind: opcode for opcode, kind in KINDS.items()}


class MemoryVenue(MemoryNetwork):
    """
    A network on which there is nothing but ``venue``, which must not be started.

    A context manager: the venue ticks at its rate meanwhile, hangs up in the
    end, and what it did wrong itself is raised.
    """

    def __init__(self, venue: Venue) -> None:
        super().__init__(self._dial)
        self.venue = venue
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
        for peer in self.open_peers:
            peer.close(1001)
        if self._serving:
            await asyncio.wait(self._serving)
        if kind is None:
            self.venue._raise_failures()

    async def fetch(self, request: Fetch) -> HttpReply:
        """Answer as the venue does; no answer at all while it is mute."""
        asked = _Request(request.method, request.url, request.headers, request.body)
        answer = self._answers.get(f"{asked.method} {asked.path}")
        if answer is None:
            return HttpReply(404)
        try:
            response = await self.venue._request(answer, cast("web.Request", asked))
        except web.HTTPException as exc:
            response = exc
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = cast("web.Response", response).body
        return HttpReply(response.status, headers, body if isinstance(body, bytes) else b"")

    def _dial(self, step: Open) -> Dialled:
        venue, asked = self.venue, _Request("GET", step.url, step.headers)
        if not venue._admits():
            return Refuse(Reason.CONNECTION_RESET)
        if asked.path not in venue.socket_paths:
            return RefuseUpgrade(404)
        venue.attempts.append(asyncio.get_running_loop().time())
        venue._watch.changed()
        if venue.faults.hang_upgrades.strike():
            return Hang()
        refusal = venue.faults.refuse_upgrades.strike()
        if refusal is not None:
            venue.counts.refused += 1
            return RefuseUpgrade(refusal.status, refusal.headers, refusal.body)
        return Accept(partial(self._opened, asked))

    def _opened(self, asked: "_Request", peer: MemoryPeer) -> None:
        peer.auto_pong = False  # the venue answers pings itself
        asked.transport = _Tcp(peer)
        ws = cast("web.WebSocketResponse[Any]", _WebSocket(peer))
        serving = asyncio.create_task(self.venue._serve(cast("web.Request", asked), ws))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)


class _Request:
    """What a venue asks of an :class:`aiohttp.web.Request`."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.method = method
        self.path = URL(url).path
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
        self._messages.put_nowait(WSMessage(WSMsgType.CLOSED, None, None))

    async def receive(self) -> WSMessage:
        return await self._messages.get()

    async def send_frame(self, payload: bytes, opcode: WSMsgType) -> None:
        if self._peer.closed:
            raise ConnectionResetError
        self._peer.put(KINDS[opcode], payload)

    async def close(self, *, code: int, message: bytes) -> None:
        self._peer.close(code, message.decode())


class _Tcp(asyncio.Transport):
    """What a venue asks of the TCP connection below."""

    def __init__(self, peer: MemoryPeer) -> None:
        super().__init__()
        self._peer = peer

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

    def write(self, _: "bytes | bytearray | memoryview[Any]") -> None:
        self._peer.violate()
