"""
The socket to a gateway: what is asked, what is answered, and what is received meanwhile.

Reading stops while the inbox is full, so a program that is slow is slow towards
the gateway, which then does what each subscription's ``on_lag`` says.
"""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import msgspec

from gateway.client.badge import Badge
from gateway.client.checking import SENSELESS, checked
from gateway.client.contiguity import Contiguity, Message
from gateway.client.inbox import Inbox
from gateway.client.pending import Ack, Pending
from gateway.errors import ConnectionFault, ProtocolViolation, Reason, TransportLost, UpgradeRefused

SUBPROTOCOL: Final = "gateway.v1"
PATH: Final = "/v1/ws"
CLOSING: Final = 2.0
LARGEST: Final = 1 << 25
"""Bytes of one message: a whole book can be large."""
SHOWN: Final = 200
"""Characters that are told of what makes no sense."""

_SCHEMES: Final = {"http": "ws", "https": "wss"}
Decode = Callable[[str], Message]
"""Makes a message of its text; raises what :data:`~gateway.client.checking.SENSELESS` has if it is none."""
plainly: Final[Decode] = msgspec.json.Decoder().decode


def endpoint(url: str) -> str:
    """Return where the stream protocol is spoken, for the URL of a gateway or of that itself."""
    parts = urlsplit(url)
    path = parts.path if parts.path not in {"", "/"} else PATH
    return urlunsplit(parts._replace(scheme=_SCHEMES.get(parts.scheme, parts.scheme), path=path))


class Link:
    """
    One socket. Event-loop only.

    Args:
        url: of the gateway.
        queue: messages that may wait to be read.
        badge: what is shown there.
        decode: makes the messages, answers too.

    Raises:
        ValueError: If a token would go over the network in the clear.
    """

    def __init__(self, url: str, queue: int, badge: Badge, decode: Decode = plainly) -> None:
        self.contiguity = Contiguity()
        self._url = endpoint(url)
        self._badge = badge
        self._decode = decode
        badge.check(self._url)
        self._inbox = Inbox(queue)
        self._pending: dict[int, Pending] = {}
        self._numbers = count(1)
        self._room = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many messages :meth:`next` would return at once."""
        return len(self._inbox)

    async def open(self, within: float) -> None:
        """
        Connect.

        Raises:
            OSError: If nobody listens there or nobody answers.
            UpgradeRefused: If it is there and will not serve us.
        """
        session = self._session = aiohttp.ClientSession(trust_env=False)
        patience = aiohttp.ClientWSTimeout(ws_close=CLOSING)
        refused: UpgradeRefused | ConnectionResetError | None = None
        try:
            async with asyncio.timeout(within):
                self._ws = await session.ws_connect(
                    self._url,
                    protocols=(SUBPROTOCOL,),
                    headers=self._badge.headers(),
                    ssl=self._badge.trust(),
                    timeout=patience,
                    max_msg_size=LARGEST,
                )
        except aiohttp.WSServerHandshakeError as exc:
            await session.close()
            refused = UpgradeRefused(exc.status)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientResponseError):
            await session.close()
            refused = ConnectionResetError("whoever listens there did not answer the upgrade")
        except BaseException:
            await session.close()
            raise
        if refused is not None:  # outside: the library's error holds the headers that we sent
            raise refused
        assert self._ws is not None
        self._reading = asyncio.create_task(self._read(self._ws), name="gateway-client-reader")

    async def close(self) -> None:
        """Close the socket; what was received can still be read. Idempotent."""
        self._finish(None)
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))
        if self._ws is not None:
            try:
                async with asyncio.timeout(CLOSING):
                    await self._ws.close()
            except TimeoutError:
                pass  # closing the session cuts it
        if self._session is not None:
            await self._session.close()

    async def ask(self, method: str, params: dict[str, Any], pending: Pending, within: float) -> list[Ack]:
        """
        Send a request and return its answers.

        Raises:
            SubscriptionError: If it is refused as a whole.
            TransportLost: If the connection is over or no answer came.
        """
        if self._ws is None or self._inbox.ended:
            raise TransportLost("the connection to the gateway is closed")
        req_id = next(self._numbers)
        self._pending[req_id] = pending
        self._room.set()
        try:
            async with asyncio.timeout(within):
                request = {"method": method, "req_id": req_id, "params": params}
                await self._ws.send_str(msgspec.json.encode(request).decode())
                return await pending.answered
        except TimeoutError:
            text = f"the gateway did not answer {method} within {within:g} s"
            raise TransportLost(text, reason=Reason.ACK_MISSED) from None
        except aiohttp.ClientConnectionResetError:
            raise TransportLost("the connection to the gateway broke") from None
        finally:
            self._pending.pop(req_id, None)

    async def next(self) -> Message | None:
        """
        Return the next message, nothing once we have closed and all was read.

        Raises:
            ConnectionFault: If the connection broke and all was read.
        """
        message = await self._inbox.get()
        self._room.set()
        return message

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        try:
            while True:
                frame = await ws.receive()
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    break
                self._take(checked(self._decode(frame.data)))
                while not self._inbox.room(ahead=bool(self._pending)):
                    self._room.clear()
                    await self._room.wait()
            self._finish(_lost(frame, ws))
        except SENSELESS as exc:
            said = f"{exc!r:.{SHOWN}}"
            self._finish(ProtocolViolation(f"the gateway sent what its protocol does not allow: {said}"))

    def _take(self, message: Message) -> None:
        if "method" in message:
            pending = self._pending.get(message.get("req_id", 0))
            if pending is not None:
                pending.answer(message)
            return
        jump = self.contiguity.jump(message)
        if jump is not None:
            self._inbox.put(jump)
        self._inbox.put(message)

    def _finish(self, error: ConnectionFault | None) -> None:
        self._inbox.end(error)
        for pending in self._pending.values():
            pending.fail(error or TransportLost("the connection to the gateway was closed"))


def _lost(frame: aiohttp.WSMessage, ws: aiohttp.ClientWebSocketResponse) -> ConnectionFault:
    if frame.type is aiohttp.WSMsgType.BINARY:
        return ProtocolViolation("the gateway sent a binary frame")
    if frame.type is aiohttp.WSMsgType.CLOSE:
        said = f": {frame.extra}" if frame.extra else ""
        return TransportLost(f"the gateway closed the connection with {frame.data}{said}", code=frame.data)
    return TransportLost("the connection to the gateway broke", code=ws.close_code)
