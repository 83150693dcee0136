"""How a request becomes a socket, whatever protocol is to be spoken on it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.serving.limits import Limits
from gateway.serving.pipe import Drain
from gateway.serving.problems import ProblemError


@dataclass(frozen=True, slots=True)
class Wire:
    """An upgraded socket; ``transport`` is below it and written to by nobody else, ``drain`` waits for that."""

    ws: web.WebSocketResponse
    transport: asyncio.Transport
    drain: Drain


async def upgrade(request: web.Request, limits: Limits, protocols: Sequence[str]) -> Wire | None:
    """
    Return the socket; nothing if the client has left meanwhile.

    Args:
        request: asks for it.
        limits: of the client.
        protocols: those of the subprotocols that may be spoken.

    Raises:
        ProblemError: ``bad_request``: it is no upgrade, or not one of RFC 6455.
    """
    ws = web.WebSocketResponse(
        timeout=limits.closing,
        autoping=False,
        compress=False,
        max_msg_size=limits.message + 1,  # the library refuses what reaches it
        protocols=protocols,
    )
    try:
        writer = await ws.prepare(request)
    except web.HTTPBadRequest:
        raise ProblemError(
            400, "bad_request", f"{request.path} is a WebSocket's, and the request does not open one as it must"
        ) from None
    transport = request.transport
    return None if transport is None else Wire(ws, transport, writer.drain)
