"""A client of the stream protocol without a wire: a real session writes to it, and it believes nothing."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from aiohttp import WSMessage, WSMsgType, web
from following import Books, Following, following_of

from gateway.serving.auth.entrance import Entrance
from gateway.serving.auth.reception import Reception
from gateway.serving.auth.scopes import Access
from gateway.serving.session import Session
from gateway.serving.sitting import Ground
from gateway.serving.upgrading import Wire

decode: Final = msgspec.json.Decoder().decode
COMES_BACK: Final = 1.0
"""Seconds after which a client that was closed comes back."""


class Socket:
    """What a session asks of an upgraded WebSocket, and of the transport below it."""

    def __init__(self, hears: Callable[[bytes], None]) -> None:
        self.code: int | None = None
        self.reads = True
        self._hears = hears
        self._said: asyncio.Queue[WSMessage] = asyncio.Queue()
        self._unread = bytearray()
        self._room = asyncio.Event()
        self._gone = False

    # --- the client's side

    def say(self, kind: WSMsgType, data: object = None) -> None:
        self._said.put_nowait(WSMessage(kind, data, None))

    def read_on(self) -> None:
        """Read all that waits, and whatever comes."""
        self.reads = True
        unread, self._unread = bytes(self._unread), bytearray()
        self._room.set()
        if unread:
            self._hears(unread)

    def leave(self) -> None:
        """Be gone, without a word."""
        self._end()
        self.say(WSMsgType.CLOSED)

    def _end(self) -> None:
        self._gone = True
        self._room.set()

    # --- the session's side

    async def receive(self) -> WSMessage:
        return await self._said.get()

    async def close(self, *, code: int, message: bytes, drain: bool) -> None:
        self.code = code

    def set_write_buffer_limits(self, *, high: int) -> None:
        """Take no notice: the session looks for itself."""

    def get_write_buffer_size(self) -> int:
        return len(self._unread)

    def is_closing(self) -> bool:
        return self._gone

    def write(self, data: bytes) -> None:
        if self.reads:
            self._hears(data)
        else:
            self._unread += data
            self._room.clear()

    def abort(self) -> None:
        self._end()

    close_transport = abort

    async def drain(self) -> None:
        await self._room.wait()
        if self._gone:
            raise ConnectionResetError


class Below:
    """The transport of a :class:`Socket`; the two close differently."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def close(self) -> None:
        self._socket.abort()


class Client:
    """
    Wants topics, loses its socket, comes back and resumes.

    Args:
        number: tells it apart.
        ground: what sessions stand on.
        broken: called with an invariant's name and what is wrong.
        trace: told what it gets.
        books: how the exchange's books were.
    """

    def __init__(
        self,
        number: int,
        ground: Ground,
        reception: Reception,
        broken: Callable[[str, str], None],
        trace: Callable[..., None],
        books: Books,
    ) -> None:
        self.number = number
        self.topics: dict[str, Following] = {}
        self.wanted: set[str] = set()
        self.session: Session | None = None
        self.socket: Socket | None = None
        self.heard = bytearray()
        """Every byte that it was sent."""
        self.asked: set[str] = set()
        """Topics whose ack has not come."""
        self._ground = ground
        self._reception = reception
        self._broken = broken
        self._trace = trace
        self._books = books
        self._running: asyncio.Task[None] | None = None
        self._back: asyncio.TimerHandle | None = None
        self._over = False

    # --- what happens to it

    def connect(self) -> None:
        """Come, or come back."""
        if self.session is not None or self._over:
            return
        if self._back is not None:
            self._back.cancel()
        socket = self.socket = Socket(self._hear)
        limits = self._ground.limits
        entrance = Entrance(self._reception, Access(None, None), limits)
        wire = Wire(cast("web.WebSocketResponse", socket), cast("asyncio.Transport", Below(socket)), socket.drain)
        self.session = Session(f"client {self.number}", wire, self._ground, entrance)
        self._running = asyncio.create_task(self._run(self.session, socket), name="client")
        self.asked.clear()
        for topic in sorted(self.wanted):
            self._ask(topic)

    async def _run(self, session: Session, socket: Socket) -> None:
        await session.run()
        self._trace("client over", self.number, socket.code)
        self.session = self.socket = None
        if not self._over:
            self._back = asyncio.get_running_loop().call_later(COMES_BACK, self.connect)

    def cut(self) -> None:
        """Lose the socket, and what was not read."""
        if self.socket is not None:
            self.socket.leave()

    async def end(self) -> None:
        """Go for good."""
        self._over = True
        if self._back is not None:
            self._back.cancel()
        self.cut()
        if self._running is not None:
            await asyncio.wait({self._running})

    def want(self, topic: str) -> None:
        if topic not in self.wanted:
            self.wanted.add(topic)
            if self.socket is not None:
                self._ask(topic)

    def leave(self, topic: str) -> None:
        self.wanted.discard(topic)
        if self.topics.pop(topic, None) is not None or topic in self.asked:
            self._say("unsubscribe", **_named(topic))

    def lapse(self, reads: bool) -> None:
        """Stop reading, or read on."""
        if self.socket is not None and reads:
            self.socket.read_on()
        elif self.socket is not None:
            self.socket.reads = False

    @property
    def keeps_up(self) -> bool:
        return self.socket is not None and self.socket.reads and not self.asked

    # --- what it says and hears

    def _ask(self, topic: str) -> None:
        self.asked.add(topic)
        fields = _named(topic)
        known = self.topics.get(topic)
        if known is not None:
            place = fields.get("account") or fields["symbols"][0]
            fields["resume"] = {place: {"epoch": known.epoch, "offset": known.offset}}
        if topic.split(":")[1] == "trades" and self.number % 2:
            fields["on_lag"] = "drop_oldest"
        self._say("subscribe", **fields)

    def _say(self, method: str, **params: Any) -> None:
        if self.socket is not None:
            text = msgspec.json.encode({"method": method, "params": params}).decode()
            self.socket.say(WSMsgType.TEXT, text)

    def _hear(self, data: bytes) -> None:
        self.heard += data
        at = 0
        while at < len(data):
            opcode, size = data[at], data[at + 1]
            at += 2
            if size > 125:
                more = 2 if size == 126 else 8
                size = int.from_bytes(data[at : at + more], "big")
                at += more
            payload = data[at : at + size]
            at += size
            if opcode == 0x81:
                self._take(decode(payload))
            elif opcode == 0x89 and self.socket is not None:
                self.socket.say(WSMsgType.PONG, b"")

    def _take(self, message: dict[str, Any]) -> None:
        topic = message.get("topic", "")
        self._trace("heard", self.number, topic, message.get("type"), message.get("offset"), message.get("status"))
        if "method" in message:
            self._answered(topic, message)
        elif topic in self.topics:
            self.topics[topic].take(message)

    def _answered(self, topic: str, answer: dict[str, Any]) -> None:
        if answer["method"] != "subscribe":
            return
        self.asked.discard(topic)
        if not answer["success"]:
            if answer["error"]["temporary"] and topic in self.wanted:
                self._ask(topic)
            return
        if topic not in self.wanted:
            return
        known = self.topics.get(topic)
        if known is not None and answer.get("recovered"):
            known.resumed(answer)
        else:
            self.topics[topic] = following_of(answer, self._broken, self._books)


def _named(topic: str) -> dict[str, Any]:
    exchange, channel, symbol = topic.split(":")
    if symbol.startswith("@"):
        return {"exchange": exchange, "channel": channel, "account": symbol[1:]}
    return {"exchange": exchange, "channel": channel, "symbols": [symbol]}
