"""
What we take of aiohttp's WebSocket: its handshake, its parser and its writer.

Everything here is public in aiohttp: a session may be told which class to make
of an upgraded connection (``ws_response_class``), and a middleware sees every
response before a redirect is followed or a request repeated.
"""

import asyncio
from collections.abc import Awaitable, Sized
from typing import Any, Literal, Protocol

from aiohttp import (
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientWebSocketResponse,
    InvalidURL,
    WSMessage,
)
from yarl import URL

from gateway.net.faults import FAILURES, fault_of
from gateway.net.replies import refusal

SWITCHING_PROTOCOLS = 101
READ_SIZE = 64 * 1024


class Messages(Protocol):
    """What the parser fills; read by one task at a time. ``_buffer`` holds what waits: nothing public tells."""

    _buffer: Sized

    def read(self) -> Awaitable[WSMessage]:
        """
        Return the next message, without suspending where there is one. Cancelling it loses none.

        Raises whatever ended the stream, again at every call.
        """


class Upgraded(ClientWebSocketResponse[Literal[False]]):
    """
    A WebSocket whose parts can be reached; of its own methods only ``send_frame`` is used.

    Its ``receive`` costs a third more a message than reading the parser's
    messages, and its ``close`` has no bound if the peer goes on talking.
    """

    def __init__(
        self, reader: Any, writer: Any, protocol: str | None, response: ClientResponse, *rest: Any, **named: Any
    ) -> None:
        super().__init__(reader, writer, protocol, response, *rest, **named)
        connection = response.connection
        assert connection is not None
        assert connection.transport is not None
        assert connection.protocol is not None
        self.messages: Messages = reader
        self.response = response
        self.tcp: asyncio.Transport = connection.transport
        gone = connection.protocol.closed
        assert gone is not None, "the connection was lost while it was upgraded"
        self.gone: asyncio.Future[None] = gone
        """Done once the TCP connection is over, with an exception if it broke."""


async def once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Perform a request at most once: aiohttp would repeat it, unpaid, after a connection that broke."""
    try:
        return await handler(request)
    except FAILURES as exc:
        fault = fault_of(exc)
    raise fault


async def upgrade(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Let nothing but an upgrade through: no redirect is followed, and a refusal's body is kept."""
    response = await once(request, handler)
    if response.status == SWITCHING_PROTOCOLS:
        return response
    raise await refusal(response)


def exact(url: str) -> URL:
    """
    Return ``url`` byte for byte, since a signature covers the query as it was written.

    Raises:
        InvalidURL: If it is not printable ASCII without spaces.
    """
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise InvalidURL("a URL", "not printable ASCII without spaces")
    return URL(url, encoded=True)


def read_little(tcp: asyncio.BaseTransport) -> None:
    """
    Have ``tcp`` allocate 64 KiB for each read.

    The standard library's event loop allocates 256 KiB, which Python 3.11 gives
    back to the system each time. uvloop has no such setting and no need of it.
    """
    if hasattr(tcp, "max_size"):
        tcp.max_size = READ_SIZE
