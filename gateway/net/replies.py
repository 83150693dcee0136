"""How much of an HTTP answer is taken, and in which shape."""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import ClientResponse
from multidict import MultiMapping

from gateway.errors import ConnectionFault, ProtocolViolation, Reason, TransportLost, UpgradeRefused
from gateway.model.urls import host_of
from gateway.net.faults import FAILURES

MAX_REFUSAL: Final = 64 * 1024
"""Bytes of a refusal's body that are kept."""
PATIENCE: Final = 1.0
"""Seconds for a refusal's body: its status and ``Retry-After`` must not be lost for want of it."""


def lower(headers: MultiMapping[str]) -> Mapping[str, str]:
    """Return ``headers`` with lower-case names; those of one name are joined by commas."""
    names = dict.fromkeys(name.lower() for name in headers)
    return {name: ", ".join(headers.getall(name)) for name in names}


async def whole_body(response: ClientResponse, limit: int) -> bytes:
    """
    Return the decompressed body.

    Raises:
        ProtocolViolation: If it is longer than ``limit`` bytes.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise ProtocolViolation(f"a REST reply of more than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def redirected(location: str) -> TransportLost:
    """Return the fault of an upgrade that was sent to ``location``; of that the host is told, if it names one."""
    host = host_of(location)
    to = f" to {host}" if host else ""
    return TransportLost(f"the upgrade was answered with a redirect{to}", reason=Reason.REDIRECTED)


async def refusal(response: ClientResponse) -> ConnectionFault:
    """Return what an HTTP answer to an upgrade means; the response is closed, however this ends."""
    try:
        if 300 <= response.status < 400:  # noqa: PLR2004  # every redirect, and nothing else
            return redirected(response.headers.get("location", ""))
        return UpgradeRefused(response.status, lower(response.headers), await _beginning(response))
    finally:
        response.close()


async def _beginning(response: ClientResponse) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) >= MAX_REFUSAL:
                    break
    except FAILURES:  # what came is enough
        pass
    return bytes(body[:MAX_REFUSAL])
