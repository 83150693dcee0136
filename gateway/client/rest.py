"""What a gateway answers over REST: one request at a time, with the same token and trust as the WebSocket's."""

import asyncio
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

import msgspec

from gateway.client.badge import Badge
from gateway.errors import ProtocolViolation, Reason, TransportLost
from gateway.net.aiohttp_network import AiohttpNetwork
from gateway.spi.steps import Fetch

PATIENCE: Final = 10.0
"""Seconds for an answer."""
_SCHEMES: Final = {"ws": "http", "wss": "https"}


def base_of(url: str) -> str:
    """Return where REST is spoken, for the URL of a gateway or of its stream protocol."""
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc.rpartition("@")[2], "", "", ""))


class Rest:
    """
    Asks a gateway. Event-loop only; ``async with`` closes what was opened.

    Args:
        url: of the gateway; ``ws://`` and ``wss://`` stand for ``http://`` and ``https://``.
        token: shown where the gateway wants one; never over the network in the clear.
        ca_file: a PEM file of the authorities to trust instead of the system's.
        patience: seconds for an answer.

    Raises:
        ValueError: If the token could be read on the way.
    """

    def __init__(
        self, url: str, *, token: str | None = None, ca_file: str | None = None, patience: float = PATIENCE
    ) -> None:
        self._base = base_of(url)
        self._badge = Badge(token, ca_file)
        self._badge.check(self._base)
        self._patience = patience
        self._network = AiohttpNetwork(ca_file=None if ca_file is None else Path(ca_file))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._network.close()

    async def get(self, path: str) -> tuple[int, Any]:
        """
        Return the status and the document at ``path``, nothing for one that is no JSON.

        Raises:
            ConnectionFault: If nobody answers, or not in time.
            ProtocolViolation: If what answers is no HTTP, or no gateway.
        """
        request = Fetch("GET", self._base + path, headers=self._badge.headers())
        try:
            async with asyncio.timeout(self._patience):
                reply = await self._network.fetch(request)
        except TimeoutError:
            text = f"no answer within {self._patience:g} s"
            raise TransportLost(text, reason=Reason.DEADLINE_MISSED) from None
        if "json" not in reply.headers.get("content-type", ""):
            return reply.status, None
        try:
            return reply.status, msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise ProtocolViolation(f"what answered at {path} is no JSON") from None
