import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from gateway.spi import Fetch, HttpReply, Open, Receive, Send, Target
from gateway_mock.venue import MockVenue


@dataclass(slots=True)
class Keys:
    """Signs as the core's signer does."""

    api_key: str = "mock-key"
    secret: bytes = b"mock-secret"

    def hmac_sha256(self, payload: bytes) -> bytes:
        return hmac.digest(self.secret, payload, hashlib.sha256)

    def hmac_sha512(self, payload: bytes) -> bytes:
        return hmac.digest(self.secret, payload, hashlib.sha512)


@dataclass(slots=True)
class Client:
    """Performs a plugin's steps against a venue, without the core."""

    session: aiohttp.ClientSession
    ws: Any = None
    steps: list[Any] = field(default_factory=list)

    async def perform(self, conversation) -> Any:
        try:
            step = next(conversation)
            while True:
                self.steps.append(step)
                step = conversation.send(await self._one(step))
        except StopIteration as end:
            return end.value

    async def _one(self, step) -> Any:
        match step:
            case Open():
                self.ws = await self.session.ws_connect(step.url)
            case Send():
                await self.ws.send_str(step.frame)
            case Receive():
                return await self.receive()
            case Fetch():
                async with self.session.request(step.method, step.url) as answer:
                    headers = {name.lower(): value for name, value in answer.headers.items()}
                    return HttpReply(answer.status, headers, await answer.read())
        return None

    async def receive(self) -> bytes:
        return (await self.ws.receive_str()).encode()

    async def ask(self, requests) -> list[dict[str, Any]]:
        """Send requests and return one answer each."""
        for request in requests:
            await self.ws.send_str(request.frame)
        return [json.loads(await self.receive()) for _ in requests]


@pytest.fixture
async def venue() -> AsyncIterator[MockVenue]:
    async with asyncio.timeout(20), MockVenue() as venue:
        yield venue


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        client = Client(session)
        yield client
        if client.ws is not None:
            await client.ws.close()


@pytest.fixture
def target(venue):
    def make(endpoint: str = "stream", signer: Keys | None = None) -> Target:
        return Target(
            exchange="mock",
            environment="live",
            endpoint=endpoint,
            urls=venue.addresses,
            now=lambda: 0,
            nonce=lambda: 1,
            signer=signer,
        )

    return make


@pytest.fixture
def keys() -> Keys:
    return Keys()
