"""How the body of a REST reply is bent on its way out."""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from gateway.testing.ways import Body

EVERY: Final = 0.01
"""Seconds between two bytes of a body that comes byte by byte."""
INSTEAD: Final[Mapping[Body, bytes]] = {
    Body.EMPTY: b"",
    Body.GARBAGE: bytes(range(255, 127, -1)),
    Body.PAGE: b"<!doctype html><title>Maintenance</title><p>We will be back soon.</p>",
}
"""What is sent instead."""


def body_of(response: web.Response) -> bytes:
    """Return the body of a reply of ours, which is bytes or nothing."""
    return response.body if isinstance(response.body, bytes) else b""


async def deliver(
    request: web.Request, response: web.Response, how: Body, stopped: asyncio.Event
) -> web.StreamResponse:
    """Send ``response`` bent; a body that stops half-way ends once the venue has ``stopped``."""
    if how in INSTEAD:
        response.body = INSTEAD[how]
        return response
    body = body_of(response)
    sent = web.StreamResponse(status=response.status, headers=response.headers)
    sent.content_length = len(body)
    await sent.prepare(request)
    if how is Body.SLOW:
        for byte in body:
            await sent.write(bytes((byte,)))
            await asyncio.sleep(EVERY)
        await sent.write_eof()
        return sent
    await sent.write(body[: len(body) // 2])
    if how is Body.HALF:
        await stopped.wait()
    if request.transport is not None:
        request.transport.close()
    return sent
